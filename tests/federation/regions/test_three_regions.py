"""Three regions as real processes, with a link of the tests' own each way between every two of them."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import pytest

from tests.harness.calls import call, deregister, manage, register
from tests.harness.federation.link import Link
from tests.harness.federation.regions import await_converged, join, logs, matrix, running
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NAMES = ("us-east", "eu-west", "ap-south")


@dataclass
class Federation:
    """The regions by name, and the link by which each reaches each."""

    regions: dict[str, Region]
    links: dict[tuple[str, str], Link] = field(default_factory=dict)

    def cut(self, one: str, other: str) -> None:
        self.links[one, other].cut()
        self.links[other, one].cut()

    def heal(self) -> None:
        for link in self.links.values():
            link.heal()

    def __iter__(self) -> Iterator[Region]:
        return iter(self.regions.values())

    def __getitem__(self, name: str) -> Region:
        return self.regions[name]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    place = tmp_path_factory.mktemp("three")
    with ExitStack() as stack:
        federation = Federation({name: Region(place / name, name=name) for name in NAMES})
        stack.enter_context(running(*federation))
        for here in NAMES:
            for there in NAMES:
                if here != there:
                    link = stack.enter_context(Link(federation[there].http_port))
                    federation.links[here, there] = link
        for one, other in (("us-east", "eu-west"), ("us-east", "ap-south"), ("eu-west", "ap-south")):
            join(
                federation[one], federation[other],
                inviting_url=federation.links[other, one].url, accepting_url=federation.links[one, other].url,
            )  # fmt: skip
        yield federation


@pytest.fixture
def federation(whole: Federation) -> Iterator[Federation]:
    """Healed and in agreement, before and after."""
    whole.heal()
    await_converged(*whole, within=40)
    yield whole
    whole.heal()


def held_by(federation: Federation, by: str, of: str) -> dict[str, object]:
    return matrix(federation[by])[by, of]


def test_all_hold_the_same_of_each(federation: Federation) -> None:
    for number, region in enumerate(federation):
        register(region, "web", f"i{number}")
    await_converged(*federation)
    assert {row["instances"] for row in logs(federation["ap-south"]).values()} == {1}


def test_a_cut_link_is_healed_through_the_third(federation: Federation) -> None:
    federation.cut("us-east", "eu-west")
    register(federation["eu-west"], "relayed", "one")
    await_converged(*federation, within=20)
    cell = eventually(
        lambda: (found := held_by(federation, "us-east", "eu-west"))["freshness"] == "live" and found,
        within=20, what="the relayed region is live",
    )  # fmt: skip
    assert cell["through"] == ["ap-south"]
    federation.heal()
    eventually(
        lambda: not held_by(federation, "us-east", "eu-west")["through"], within=20, what="it is followed directly"
    )
    register(federation["eu-west"], "relayed", "two")
    await_converged(*federation)


def test_a_region_cut_from_all_is_stale_and_catches_up(federation: Federation) -> None:
    federation.cut("us-east", "eu-west")
    federation.cut("ap-south", "eu-west")
    for number in range(50):
        register(federation["eu-west"], "alone", f"e{number}")
        register(federation["us-east"], "alone", f"u{number}")
    cell = eventually(
        lambda: (found := held_by(federation, "us-east", "eu-west"))["freshness"] == "stale" and found,
        within=20, what="eu-west is stale in us-east",
    )  # fmt: skip
    assert cell["since"] is not None
    assert cell["seconds"] > 0
    federation.heal()
    await_converged(*federation, within=8)


def test_a_link_that_hangs_is_noticed_and_gone_round(federation: Federation) -> None:
    for pair in (("us-east", "eu-west"), ("eu-west", "us-east")):
        federation.links[pair].hang()
    register(federation["eu-west"], "hanging", "one")
    await_converged(*federation, within=25)


def test_a_damaged_mirror_is_named_and_made_anew(federation: Federation) -> None:
    register(federation["eu-west"], "damaged", "one")
    await_converged(*federation)
    with closing(sqlite3.connect(federation["us-east"].data / "meridian.sqlite3", timeout=20)) as database, database:
        changed = database.execute(
            "UPDATE registry_instance SET record = REPLACE(record, '10.0.0.1', '10.6.6.6') "
            "WHERE region = 'eu-west' AND service = 'damaged'"
        )
        assert changed.rowcount == 1
    federation["us-east"].kill("worker")  # whoever takes over has nothing of it in memory, and proves it at once
    report = eventually(
        lambda: (found := peer_of(federation["us-east"], "eu-west"))["divergences"] and found,
        within=40, what="the divergence is counted",
    )  # fmt: skip
    assert json.loads(report["last_diverged"]) == ["default/damaged"]
    eventually(lambda: "10.6.6.6" not in kept_text(federation["us-east"]), within=20, what="the mirror is sound again")
    await_converged(*federation)


def peer_of(region: Region, name: str) -> dict[str, object]:
    peers = json.loads(manage(region, "peer", "status", "--json"))["peers"]
    return next(peer for peer in peers if peer["region"] == name)


def kept_text(region: Region) -> str:
    with closing(sqlite3.connect(region.data / "meridian.sqlite3", timeout=20)) as database:
        return str(database.execute("SELECT record FROM registry_instance WHERE region = 'eu-west'").fetchall())


def test_a_restored_region_has_a_new_log_and_its_mirrors_follow_it_back(federation: Federation) -> None:
    eu = federation["eu-west"]
    register(eu, "restored", "one")
    await_converged(*federation)
    before = logs(federation["us-east"])["eu-west"]["log_id"]
    manage(eu, "verify_log", "--new-log-id")
    register(eu, "restored", "two")
    await_converged(*federation, within=20)
    assert logs(federation["us-east"])["eu-west"]["log_id"] != before


def test_a_log_compacted_during_a_cut_leads_to_a_snapshot(federation: Federation) -> None:
    federation.cut("us-east", "eu-west")
    federation.cut("us-east", "ap-south")
    for number in range(5):
        register(federation["eu-west"], "compacted", f"c{number}")
    await_converged(federation["eu-west"], federation["ap-south"])
    manage(federation["eu-west"], "compact_log", "--keep", "0s")
    federation.heal()
    await_converged(*federation, within=15)


def test_a_peer_that_loses_most_of_its_catalog_is_held_until_somebody_approves(federation: Federation) -> None:
    ap, us = federation["ap-south"], federation["us-east"]
    many = [{"service": "mass", "id": f"m{number}", "host": "10.0.0.1", "port": 80} for number in range(60)]
    assert call(ap, "POST", "/services/bulk", {"services": many})[0] == 200
    await_converged(*federation)
    there = logs(us)["ap-south"]["instances"]
    for number in range(60):
        deregister(ap, "mass", f"m{number}")
    cell = eventually(
        lambda: (found := held_by(federation, "us-east", "ap-south"))["held"] and found, within=20, what="it is held"
    )
    assert "ap-south would lose" in str(cell["held"])
    assert cell["freshness"] == "stale"
    assert logs(us)["ap-south"]["instances"] > there / 2 - 1
    manage(us, "peer", "approve", "ap-south", "--reason", "the fleet was retired")
    manage(federation["eu-west"], "peer", "approve", "ap-south", "--reason", "the fleet was retired")
    await_converged(*federation, within=15)
    assert peer_of(us, "ap-south")["held"] == ""


def test_another_worker_takes_over_when_one_dies(federation: Federation) -> None:
    was = federation["us-east"].kill("worker")
    register(federation["eu-west"], "takeover", "one")
    federation["us-east"].wait_restarted("worker", was=was)
    await_converged(*federation, within=30)


def test_a_revoked_peer_gets_nothing_more_and_its_mirror_is_marked(federation: Federation) -> None:
    us, ap = federation["us-east"], federation["ap-south"]
    manage(us, "peer", "revoke", "ap-south")
    register(us, "secret", "one")
    register(ap, "late", "one")
    eventually(
        lambda: held_by(federation, "ap-south", "us-east")["reason"],
        within=20,
        what="ap-south knows that it is refused",
    )
    assert "revoked" in str(held_by(federation, "ap-south", "us-east")["reason"])
    marked = eventually(
        lambda: (found := held_by(federation, "us-east", "ap-south"))["freshness"] == "stale" and found,
        within=20, what="the mirror is stale",
    )  # fmt: skip
    assert marked["reason"] == "revoked"
    held = logs(ap)["us-east"]
    assert held["index"] < logs(us)["us-east"]["index"]
    join(us, ap, inviting_url=federation.links["ap-south", "us-east"].url,
         accepting_url=federation.links["us-east", "ap-south"].url)  # fmt: skip
    await_converged(*federation, within=20)
