"""A region of an earlier commit and one of today federate, and the earlier one's data starts under today's code."""

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.local.plan import BASE_DIR
from tests.harness.calls import answered, call, manage, register
from tests.harness.federation.regions import await_converged, join, logs, running
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420), pytest.mark.xdist_group("regions")]

EARLIER = "283d3d740c868fd3322a767b13c221f67bb80f26"  # the last commit before the modules moved into rooms
SILENT = 12  # instances that stop renewing: enough of one service for the breaker to hold their expiry
PATHS = {
    "instances": "/api/v1/instances?page_size=1000",
    "overrides": "/api/v1/overrides?page_size=1000",
    "policies": "/api/v1/policies?page_size=1000",
    "changes": "/api/v1/changes?page_size=1000",
    "held": "/api/v1/held?page_size=1000",
}


@pytest.fixture(scope="module")
def earlier_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the earlier commit. It runs with today's environment, which must keep what it imports."""
    archive = subprocess.run(["git", "-C", BASE_DIR, "archive", EARLIER], capture_output=True, check=False)
    assert archive.returncode == 0, (
        f"commit {EARLIER[:7]} is not in the history of this clone, and this test runs it: "
        f"`git fetch --unshallow` brings it ({archive.stderr.decode().strip()})"
    )
    place = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(place, filter="data")
    return place


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, earlier_code: Path) -> Iterator[tuple[Region, Region]]:
    """us-east, of today, and eu-west, of the earlier commit: peers, each with instances, an override and a policy."""
    place = tmp_path_factory.mktemp("regions")
    us, eu = Region(place / "us", name="us-east"), Region(place / "eu", name="eu-west", code=earlier_code)
    with running(us, eu, within=240):
        for region in (us, eu):
            fill(region)
        join(us, eu)
        yield us, eu


def fill(region: Region) -> None:
    """Register instances, replace one of them, and set an override and a policy."""
    check = {"name": "self", "type": "ttl", "ttl": "24h", "status": "passing"}
    register(region, "web", "one", version="1", tags=["old"])
    register(region, "web", "one", version="2", tags=["blue"], metadata={"team": "größe"}, weight=3)
    register(region, "web", "two", checks=[check], lease={"ttl": "1h"})
    register(region, "shop", "drained")
    drained = {"scope": "service", "service": "shop", "status": "critical", "reason": "moving", "expires_in": "1h"}
    assert call(region, "POST", "/api/v1/overrides", drained)[0] == 201
    order = [name for name in ("us-east", "eu-west") if name != region.name]
    assert call(region, "PUT", "/api/v1/policies/web", {"order": order, "min_healthy": 1})[0] == 201


def rows(region: Region, kind: str, *, of: str | None = None) -> list[dict[str, Any]]:
    """What the region's API lists of a kind, of every region or of one."""
    status, answer = call(region, "GET", PATHS[kind])
    assert status == 200, answer
    assert not answer["next"], "more than one page"
    return [row for row in answer["results"] if of is None or row["region"] == of]


def test_both_hold_the_same_of_each(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    await_converged(us, eu, within=40)
    assert {row["instances"] for row in logs(us).values()} == {3}
    for kind in ("instances", "overrides", "policies"):
        for home, mirror in ((us, eu), (eu, us)):
            own = rows(home, kind, of=home.name)
            assert own
            assert own == rows(mirror, kind, of=home.name), kind


def test_each_answers_for_the_other(pair: tuple[Region, Region]) -> None:
    for here, there in (pair, pair[::-1]):
        await_answer(here, "web", f"?region={there.name}", ["one", "two"])
        await_answer(here, "shop", f"?region={there.name}", [])
        await_answer(here, "shop", f"?region={there.name}&status=any", ["drained"])
    for here, there in (pair, pair[::-1]):
        register(there, "late", f"in-{there.name}")
        await_answer(here, "late", f"?region={there.name}", [f"in-{there.name}"])


def await_answer(region: Region, service: str, query: str, ids: list[str]) -> None:
    what = f"{region.name} answers {service}{query} with {ids}"
    eventually(lambda: answered(region, service, query) == ids, within=30, what=what)


def test_its_data_starts_under_the_code_of_today(pair: tuple[Region, Region], earlier_code: Path) -> None:
    us, eu = pair
    assert eu.code == earlier_code
    secret = manage(eu, "token", "create", "ci", "--scope", "operator").splitlines()[-1]
    password = manage(eu, "user", "olga", "--role", "operator", "--generate").splitlines()[-1]
    for number in range(SILENT):
        register(eu, "silent", f"s{number}", lease={"ttl": "5s"})
    [held] = eventually(lambda: rows(eu, "held"), within=60, what="the breaker holds the expiry of a whole service")
    before = contents(eu)
    log_id = logs(eu)["eu-west"]["log_id"]
    assert eu.stop() == 0

    eu.code = BASE_DIR
    eu.start()
    after = contents(eu)
    for kind in ("overrides", "policies", "tokens", "peers"):
        assert after[kind] == before[kind], kind
    for kind in ("instances", "changes", "held"):
        missing = [row for row in before[kind] if lasting(row) not in [lasting(other) for other in after[kind]]]
        assert not missing, kind
    assert held["id"] in {row["id"] for row in after["held"]}
    assert logs(eu)["eu-west"]["log_id"] == log_id
    assert manage(eu, "verify_log").count("log, tables and digest agree") == 2
    assert signs_in(eu, "olga", password)
    assert call(eu, "POST", "/api/v1/overrides/preview", {}, {"Authorization": f"Bearer {secret}"})[0] == 400

    register(eu, "web", "three")
    await_converged(us, eu, within=40)
    await_answer(us, "web", "?region=eu-west", ["one", "three", "two"])


def contents(region: Region) -> dict[str, list[Any]]:
    """Everything that a region keeps in its tables, as its API and its commands list it."""
    return {**{kind: rows(region, kind) for kind in PATHS}, "tokens": tokens(region), "peers": peers(region)}


def lasting(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what a restart may change: what leases and checks have said since."""
    return {name: value for name, value in row.items() if name not in {"status", "status_since", "state"}}


def tokens(region: Region) -> list[dict[str, Any]]:
    """Its tokens, without when each was last used."""
    found = json.loads(manage(region, "token", "list", "--json"))
    return [{name: value for name, value in token.items() if name != "last_used_at"} for token in found]


def peers(region: Region) -> list[tuple[str, str]]:
    """Its peers: names and URLs."""
    return [(peer["region"], peer["url"]) for peer in json.loads(manage(region, "peer", "status", "--json"))["peers"]]


def signs_in(region: Region, name: str, password: str) -> bool:
    """Whether the dashboard's login takes this password."""
    with httpx.Client(base_url=region.url, timeout=10) as browser:
        form = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/admin/login/").text)
        assert form
        given = {"username": name, "password": password, "csrfmiddlewaretoken": form[1], "next": "/dashboard/"}
        return browser.post("/admin/login/", data=given, headers={"Referer": region.url}).status_code == 302
