"""Instances that stop renewing fail at the right time, and no others."""

from catalog.records.status import Status
from registry import actions
from registry.commit.hooks import hooks
from registry.upkeep.sweep import sweep
from tests.harness.registry.leases import LeasedRegion

SELF = [{"name": "self", "type": "ttl", "ttl": "10s"}]


def test_an_instance_that_renews_stays(world: LeasedRegion):
    instance = world.register("web-1")
    world.live(0, 60, renewing=[instance])
    assert world.status("web-1") is Status.PASSING


def test_an_instance_that_is_silent_is_critical_when_its_lease_is_over_and_not_before(world: LeasedRegion):
    instance = world.register("web-1")
    world.live(0, 4)
    world.renew([instance], 4.5)
    world.live(5, 19)
    assert world.status("web-1") is Status.PASSING
    world.sweep(19.5)
    assert world.status("web-1") is Status.CRITICAL


def test_the_log_says_why(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 16)
    assert world.causes("expire") == ["lease expired: not renewed for 15s"]


def test_an_expiry_is_written_once(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 40)
    assert len(world.causes("expire")) == 1


def test_an_instance_without_a_lease_never_expires(world: LeasedRegion):
    world.register("web-1", ttl=None)
    world.live(0, 100)
    assert world.status("web-1") is Status.PASSING


def test_registering_counts_as_a_renewal(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 10)
    world.register("web-1", weight=2)
    world.live(11, 25)
    assert world.status("web-1") is Status.PASSING


def test_registering_without_any_change_counts_as_a_renewal(world: LeasedRegion, django_capture_on_commit_callbacks):
    instance = world.register("web-1")
    world.live(0, 10)
    before = world.store.deadlines([instance.key])[instance.key]
    with django_capture_on_commit_callbacks(execute=True):
        assert world.register("web-1").since == instance.since
    hooks.close()  # waits for the hooks
    assert world.store.deadlines([instance.key])[instance.key] != before


def test_a_late_renewal_brings_an_instance_back(world: LeasedRegion):
    instance = world.register("web-1")
    world.live(0, 16)
    assert world.status("web-1") is Status.CRITICAL
    world.renew([instance], 17)
    world.sweep(17.2)
    assert world.status("web-1") is Status.PASSING
    assert world.causes("revive") == ["renewed after its lease had expired"]


def test_one_that_came_back_expires_again_when_it_falls_silent_again(world: LeasedRegion):
    instance = world.register("web-1")
    world.live(0, 16)
    world.renew([instance], 17)
    world.live(18, 31)
    assert world.status("web-1") is Status.PASSING
    world.live(32, 33)
    assert world.status("web-1") is Status.CRITICAL


def test_a_renewal_after_a_deregistration_leaves_nothing_behind(world: LeasedRegion):
    instance = world.register("web-1")
    world.live(0, 2)
    actions.deregister(namespace="default", service="web", id="web-1", actor="test", cause="test")
    world.live(3, 4)
    world.renew([instance], 4)
    world.live(5, 20)
    assert world.status("web-1") is None
    assert world.store.deadlines([instance.key]) == {}


def test_a_short_lease_is_over_within_a_second_of_its_end(world: LeasedRegion):
    instance = world.register("web-1", ttl="5s")
    world.sweep(0)
    world.renew([instance], 0.4)
    world.live(1, 5)
    assert world.status("web-1") is Status.PASSING
    world.sweep(6)
    assert world.status("web-1") is Status.CRITICAL


def test_a_reported_check_is_critical_when_no_report_comes_in_time(world: LeasedRegion):
    instance = world.register("web-1", ttl=None, checks=SELF)
    for second in range(21):
        if second == 5:
            world.report(instance, "self", second)
        world.sweep(second)
    assert world.status("web-1") is Status.CRITICAL
    assert world.causes("expire") == ["check self: TTL expired: no report for 10s"]


def test_a_reported_check_stays_as_it_is_while_reports_come(world: LeasedRegion):
    instance = world.register("web-1", ttl=None, checks=SELF)
    for second in range(40):
        if second % 7 == 0:
            world.report(instance, "self", second)
        world.sweep(second)
    assert world.status("web-1") is Status.UNKNOWN


def test_two_sweeps_do_not_run_at_once(world: LeasedRegion):
    with world.store.sweeping() as locked:
        assert locked
        assert sweep(world.store, now=world.at(0)) is None
    assert sweep(world.store, now=world.at(0)) is not None
