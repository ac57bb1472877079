"""Two regions as real processes mirror each other."""

import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.freshness import FRESH_FOR
from tests.harness.calls import call, deregister, manage, register
from tests.harness.federation.regions import agree, await_converged, join, logs, matrix, running
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Region, Region]]:
    """Two regions that are peers."""
    place: Path = tmp_path_factory.mktemp("pair")
    us, eu = Region(place / "us", name="us-east"), Region(place / "eu", name="eu-west")
    with running(us, eu):
        register(us, "web", "before")
        join(us, eu)
        yield us, eu


def test_what_was_registered_before_the_peering_is_mirrored(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    eventually(lambda: agree(us, eu, on="us-east"), within=15, what="eu-west holds what us-east has")
    assert logs(eu)["us-east"]["instances"] == 1
    assert logs(eu)["us-east"]["is_local"] is False


def test_changes_on_both_sides_reach_the_other(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    register(us, "api", "one")
    register(eu, "api", "two")
    deregister(us, "api", "one")
    await_converged(us, eu)
    assert {region: row["instances"] for region, row in logs(us).items()} == {"us-east": 1, "eu-west": 1}


def test_a_change_is_mirrored_within_a_fraction_of_a_second(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    await_converged(us, eu)
    times = []
    for number in range(10):
        register(us, "quick", f"i{number}")
        began = time.perf_counter()
        eventually(lambda: agree(us, eu, on="us-east"), within=5, what="the change is mirrored")
        times.append(time.perf_counter() - began)
    assert sorted(times)[5] < 0.5, times


def test_the_matrix_says_that_both_hold_the_same(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    await_converged(us, eu)

    def all_live_and_equal() -> bool:
        cells = matrix(us)
        pairs = {(by, of) for by in ("us-east", "eu-west") for of in ("us-east", "eu-west")}
        return set(cells) == pairs and all(cell["freshness"] == "live" and cell["equal"] for cell in cells.values())

    eventually(all_live_and_equal, within=20, what="four cells, live and equal")
    assert "no recent contact" not in manage(us, "peer", "status")


def test_a_write_for_another_region_is_done_there_and_by_it_alone(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    status, answer = call(us, "PUT", "/services/forwarded/one?region=eu-west", {"host": "10.0.0.7", "port": 81})
    assert status in (200, 201), answer
    await_converged(us, eu)
    for region in (us, eu):
        status, found = call(region, "GET", "/api/v1/changes?key=instance/default/forwarded/one&region=eu-west")
        assert status == 200, found
        [change] = found["results"]
        assert change["actor"].startswith("anonymous@127.0.0.1")
        assert change["actor"].endswith("via us-east")


def test_a_write_for_a_region_that_is_no_peer_is_refused_and_nothing_is_done(pair: tuple[Region, Region]) -> None:
    us, _ = pair
    index = logs(us)["us-east"]["index"]
    status, answer = call(us, "PUT", "/services/forwarded/two?region=nowhere", {"host": "10.0.0.7", "port": 81})
    assert status in (404, 503), answer
    assert logs(us)["us-east"]["index"] == index


def test_a_peer_cannot_make_tokens_or_peers_through_another(pair: tuple[Region, Region]) -> None:
    us, _ = pair
    headers = {"Meridian-Method": "POST", "Meridian-Target": "/api/v1/tokens", "Meridian-Actor": "mallory"}
    status, answer = call(us, "POST", "/federation/v1/forward", {"name": "x", "scopes": ["operator"]}, headers)
    assert status == 403
    assert "this region's own affair" in answer["detail"]


def freshness(region: Region, of: str) -> str:
    """How fresh a lookup here says that another region is."""
    with urllib.request.urlopen(f"{region.url}/services?region={of}", timeout=10) as answer:
        return str(answer.headers["Meridian-Freshness"])


def test_losing_valkey_makes_no_region_stale_that_is_heard(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    await_converged(us, eu)
    eventually(lambda: freshness(us, "eu-west") == "live", within=20, what="eu-west is live in us-east")
    us.kill("valkey", signal.SIGSTOP)
    try:
        said = []
        until = time.monotonic() + 3 * FRESH_FOR
        while time.monotonic() < until:
            said.append(freshness(us, "eu-west"))
            time.sleep(0.25)
    finally:
        us.kill("valkey", signal.SIGCONT)
    # A busy machine may be late once; without what the tables say it would be stale from then on.
    assert said[-1] == "live", said
    assert said.count("live") > 0.8 * len(said), said
