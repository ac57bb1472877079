"""A worker whose own network is broken must not take a region down."""

import pytest
import redis

from catalog.errors import Unavailable
from catalog.records.status import Status
from registry import actions
from registry.actions import Report
from registry.breaker import holds, review
from registry.leases.store import LeaseStore
from tests.harness.registry.leases import REGION, TEST, LeasedRegion

CHECK = [{"name": "up", "type": "http", "url": "http://127.0.0.1:1/", "interval": "5s"}]


def verdicts(status: Status, number: int, *, first: int = 0) -> list[Report]:
    return [
        Report(namespace="default", service="web", id=f"web-{n}", check="up", status=status, output="refused", epoch=1)
        for n in range(first, number)
    ]


@pytest.fixture
def fifteen(world: LeasedRegion) -> LeasedRegion:
    """A service of fifteen that are known to be well."""
    world.register_many(15, checks=CHECK, ttl="1h")
    actions.report_checks(verdicts(Status.PASSING, 15), actor=TEST, cause="test")
    world.sweep(0)
    return world


def admit(world: LeasedRegion, reports: list[Report], at: float) -> tuple[list[Report], list[Report]]:
    return review.admit(reports, now=world.at(at), leases=world.store)


def test_a_few_failures_are_reported(fifteen: LeasedRegion):
    reports = verdicts(Status.CRITICAL, 5)
    assert admit(fifteen, reports, 1) == (reports, [])


def test_too_many_failures_are_held(fifteen: LeasedRegion):
    reports = verdicts(Status.CRITICAL, 12)
    assert admit(fifteen, reports, 1) == ([], reports)
    [row] = fifteen.holds()
    assert row.formula.startswith("probes would fail 12 of 15 instances (80 %) of service web")


def test_failures_that_come_in_small_batches_count_together(fifteen: LeasedRegion):
    first, second = verdicts(Status.CRITICAL, 6), verdicts(Status.CRITICAL, 12, first=6)
    assert admit(fifteen, first, 1) == (first, [])
    actions.report_checks(first, actor=TEST, cause="test")
    assert admit(fifteen, second, 2) == ([], second)


def test_later_failures_join_the_hold(fifteen: LeasedRegion):
    admit(fifteen, verdicts(Status.CRITICAL, 12), 1)
    late = verdicts(Status.CRITICAL, 15, first=14)
    assert admit(fifteen, late, 2) == ([], late)
    [row] = fifteen.holds()
    assert len(row.held) == 13


def test_recoveries_pass_while_failures_are_held(fifteen: LeasedRegion):
    good = verdicts(Status.WARNING, 15, first=14)
    bad = verdicts(Status.CRITICAL, 12)
    assert admit(fifteen, [*good, *bad], 1) == (good, bad)


def test_instances_that_were_never_well_may_fail_together(world: LeasedRegion):
    world.register_many(15, checks=CHECK, ttl="1h")
    world.sweep(0)
    reports = verdicts(Status.CRITICAL, 15)
    assert admit(world, reports, 1) == (reports, [])


def test_a_hold_forgets_those_of_whom_no_probe_complains_any_more(fifteen: LeasedRegion):
    admit(fifteen, verdicts(Status.CRITICAL, 12), 1)
    fifteen.live(2, 40)
    assert fifteen.holds() == []
    assert fifteen.critical() == set()


def test_what_is_left_of_a_hold_happens_when_it_is_bearable(fifteen: LeasedRegion):
    admit(fifteen, verdicts(Status.CRITICAL, 12), 1)
    for second in range(2, 40):
        admit(fifteen, verdicts(Status.CRITICAL, 3), second)
        fifteen.sweep(second)
    assert fifteen.critical() == {"web-0", "web-1", "web-2"}
    assert fifteen.holds() == []


def test_approving_fails_what_is_held(fifteen: LeasedRegion):
    admit(fifteen, verdicts(Status.CRITICAL, 12), 1)
    [row] = fifteen.holds()
    holds.approve(row.id, actor="admin:alice", cause="really down", leases=fifteen.store)
    assert len(fifteen.critical()) == 12
    assert fifteen.instance("web-0").verdicts[0].output == "refused"


def test_rejecting_keeps_probes_quiet_for_the_window(fifteen: LeasedRegion):
    reports = verdicts(Status.CRITICAL, 12)
    admit(fifteen, reports, 1)
    [row] = fifteen.holds()
    holds.reject(row.id, actor="admin:alice", cause="our network", now=fifteen.at(2), leases=fifteen.store)
    assert admit(fifteen, reports, 3) == ([], reports)
    assert fifteen.holds() == []


def test_without_valkey_nothing_is_admitted(fifteen: LeasedRegion):
    nowhere = LeaseStore(redis.Redis(port=1, decode_responses=True, socket_connect_timeout=0.2), REGION)
    with pytest.raises(Unavailable):
        review.admit(verdicts(Status.CRITICAL, 1), now=fifteen.at(1), leases=nowhere)
