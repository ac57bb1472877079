"""The clients see what a real region does, and the witness finds what goes wrong there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.harness.federation.clients import IDS, SERVICES, Clients, fault
from tests.harness.federation.witness import Digested, Failed, History, Kind, Looked, Wrote, judge
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.timeout(150), pytest.mark.xdist_group("regions")]

WITHIN = 1.0  # a region alone has nobody to wait for


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """One real region."""
    with Region(tmp_path_factory.mktemp("witnessed") / "data") as region:
        region.start()
        yield region


@pytest.fixture
def history(region: Region) -> Iterator[History]:
    """A history of its own for each test, in a region without the instances of the others."""
    yield History()
    for service in SERVICES:
        for instance in found(region, service):
            httpx.delete(f"{region.url}/services/{service}/{instance}", timeout=10)


def found(region: Region, service: str) -> list[str]:
    answer = httpx.get(f"{region.url}/services/{service}", params={"status": "any"}, timeout=10)
    return [instance["id"] for instance in answer.json()] if answer.status_code == 200 else []


@contextmanager
def ran(region: Region, history: History, *, least: int = 60) -> Iterator[Clients]:
    """Clients that have written and looked for a while, and have stopped; afterwards they have the last word."""
    with Clients({region.name: region.url}, history, pace=0.01) as clients:
        eventually(lambda: history.counts()["Wrote"] >= least, within=60, what="the clients have written")
        eventually(lambda: history.counts()["Looked"] >= least, within=60, what="the clients have looked")
        clients.stop()
        yield clients
        time.sleep(WITHIN)  # not a hope: before this time is over the witness forgives
        clients.look_everywhere(lambda url: [("us-east", "log", 7, "abc")])


def test_an_honest_region_is_accepted(region: Region, history: History) -> None:
    with ran(region, history):
        pass
    assert judge(history, within=WITHIN) == []
    states = [write.state for write in history.of(Wrote)]
    assert None in states
    assert {str(state).partition(" ")[2] for state in states} >= {"passing", "warning", "critical"}
    assert all(write.acknowledged for write in history.of(Wrote))
    assert any(write.index is not None for write in history.of(Wrote))
    assert any(look.states for look in history.of(Looked))
    assert [told.digest for told in history.of(Digested)] == ["abc"]


def test_a_deregistration_that_nobody_asked_for_is_a_loss(region: Region, history: History) -> None:
    with ran(region, history):
        service, instance = next((name, ids[0]) for name in SERVICES if (ids := found(region, name)))
        httpx.delete(f"{region.url}/services/{service}/{instance}", timeout=10).raise_for_status()
    violations = judge(history, within=WITHIN)
    assert {violation.kind for violation in violations} == {Kind.LOST}
    assert all(f"{service}/{instance}" in violation.text for violation in violations)


def test_an_instance_that_nobody_registered_is_a_resurrection(region: Region, history: History) -> None:
    with ran(region, history):
        place = f"{region.url}/services/{SERVICES[0]}/us-east-ghost-{IDS}"
        httpx.put(place, json={"host": "127.0.0.1", "port": 9}, timeout=10).raise_for_status()
    assert [violation.kind for violation in judge(history, within=WITHIN)] == [Kind.RESURRECTED]


def test_a_server_that_is_gone_is_noticed_unless_it_was_said(region: Region, history: History) -> None:
    with Clients({region.name: region.url}, history, pace=0.01), fault(history, "server killed", down={region.name}):
        was = region.kill("server")
        eventually(lambda: history.counts()["Failed"] > 0, what="a lookup fails")
        region.wait_restarted("server", was=was)
        eventually(region.is_ready, within=60, what="the server is back")
    said = judge(history, within=WITHIN)
    assert said == []
    assert {violation.kind for violation in judge(History(history.of(Failed)), within=WITHIN)} == {Kind.FAILED}
