"""Instances that stay critical are deregistered in the end, and not a moment before."""

import pytest

from catalog.records.instance import Instance
from catalog.records.status import Status
from registry import actions
from registry.actions import Report
from registry.models import ChangeRow
from registry.upkeep.removal import is_due
from registry.valkey import connection
from tests.harness.registry.leases import TEST, LeasedRegion

CHECK = [{"name": "up", "type": "http", "url": "http://127.0.0.1:1/"}]


def ill(world: LeasedRegion, number: int, *, after: str = "1m", service: str = "web") -> None:
    """Instances that a probe has found critical just now."""
    for instance in world.register_many(number, service=service, checks=CHECK, deregister_critical_after=after):
        verdict(instance, Status.CRITICAL)


def verdict(instance: Instance, status: Status) -> None:
    report = Report(
        namespace="default", service=instance.service, id=instance.id, check="up", status=status, output="refused"
    )
    actions.report_checks([report], actor=TEST, cause="test")


def test_a_critical_instance_is_removed_when_its_time_is_up(world: LeasedRegion):
    ill(world, 1)
    instance = world.instance("web-0")
    world.live(0, 60, renewing=[instance])
    assert world.remove(60) == 0
    world.live(61, 63, renewing=[instance])
    assert world.remove(63) == 1
    assert world.status("web-0") is None


def test_the_log_says_who_removed_it_and_why(world: LeasedRegion):
    ill(world, 1)
    world.live(0, 63, renewing=[world.instance("web-0")])
    world.remove(63)
    change = ChangeRow.objects.get(verb="deregister")
    assert (change.actor, change.cause) == ("worker:leases", "critical for 1m")


def test_one_that_recovers_stays(world: LeasedRegion):
    ill(world, 1)
    world.live(0, 50, renewing=[world.instance("web-0")])
    verdict(world.instance("web-0"), Status.PASSING)
    world.live(51, 100, renewing=[world.instance("web-0")])
    assert world.remove(100) == 0


def test_without_the_option_nobody_is_removed(world: LeasedRegion):
    [instance] = world.register_many(1, checks=CHECK)
    verdict(instance, Status.CRITICAL)
    world.live(0, 200, renewing=[instance])
    assert world.remove(200) == 0


def test_one_whose_lease_expired_is_removed_too(world: LeasedRegion):
    world.register("web-0", deregister_critical_after="30s")
    world.live(0, 46)
    assert world.remove(46) == 1


def test_one_that_renews_is_not_removed_before_it_is_revived(world: LeasedRegion):
    instance = world.register("web-0", deregister_critical_after="30s")
    world.live(0, 46)
    world.renew([instance], 46.5)
    assert world.remove(46.6) == 0


def test_nobody_is_removed_while_leases_are_not_swept(world: LeasedRegion):
    ill(world, 1)
    world.live(0, 10)
    assert world.remove(100) == 0


def test_the_time_begins_anew_when_the_registry_comes_back(world: LeasedRegion):
    ill(world, 1)
    world.live(0, 10)
    world.live(70, 125, renewing=[world.instance("web-0")])
    assert world.remove(125) == 0
    world.live(126, 131, renewing=[world.instance("web-0")])
    assert world.remove(131) == 1


def test_the_time_begins_anew_when_valkey_is_lost(world: LeasedRegion):
    ill(world, 1)
    world.live(0, 50)
    connection().flushall()
    world.live(51, 100, renewing=[world.instance("web-0")])
    assert world.remove(100) == 0


def test_mass_removal_is_held(world: LeasedRegion):
    ill(world, 10)
    world.live(0, 63, renewing=[world.instance(f"web-{n}") for n in range(10)])
    assert world.remove(63) == 0
    [row] = world.holds()
    assert row.formula.startswith("removal would deregister 10 of 10 instances (100 %) of service web")


@pytest.mark.parametrize(("since", "now", "expected"), [(0, 159, False), (0, 160, True), (120, 160, False)])
def test_the_time_counts_from_the_later_of_illness_and_observation(since: float, now: float, expected: bool):
    instance = Instance(
        region="us-east", service="web", id="1", host="h", port=1, critical_since=100.0, deregister_critical_after=60.0
    )
    assert is_due(instance, since=since, now=now) is expected
