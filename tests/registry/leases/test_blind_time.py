"""Only observed time counts."""

from catalog.records.status import Status
from registry.leases.keys import LeaseKeys
from registry.models import Region
from registry.valkey import connection
from tests.harness.registry.leases import LeasedRegion


def test_thirty_seconds_without_a_sweep_remove_nobody(world: LeasedRegion):
    world.register_many(3)
    world.live(0, 5)
    world.live(35, 45)
    assert world.critical() == set()


def test_after_blind_time_the_silent_are_found_as_ever(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 5)
    world.live(35, 49)
    assert world.critical() == set()
    world.live(50, 51)
    assert world.critical() == {"web-1"}


def test_sweeps_that_are_always_late_find_the_dead_in_the_end(world: LeasedRegion):
    world.register("web-1", ttl="5s")
    for second in range(0, 40, 5):
        world.sweep(second)
    assert world.status("web-1") is Status.CRITICAL


def test_time_in_which_no_server_takes_renewals_removes_nobody(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 5)
    world.serving = False
    world.live(6, 60)
    assert world.critical() == set()
    world.serving = True
    world.live(61, 75)
    assert world.critical() == set()
    world.live(76, 77)
    assert world.critical() == {"web-1"}


def test_a_restart_of_the_server_within_two_seconds_is_no_blind_time(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 5)
    world.serving = False
    world.sweep(6.5)
    world.serving = True
    world.live(7, 15)
    assert world.critical() == {"web-1"}


def test_a_flushed_valkey_removes_nobody_and_grants_all_leases_afresh(world: LeasedRegion):
    instances = world.register_many(3)
    world.live(0, 10)
    connection().flushall()
    swept = world.sweep(11)
    assert swept.granted == 3
    deadlines = world.store.deadlines([instance.key for instance in instances])
    assert {round(deadline - world.at(0)) for deadline in deadlines.values()} == {26}
    world.live(12, 25)
    assert world.critical() == set()
    world.live(26, 27)
    assert len(world.critical()) == 3


def test_a_clock_that_is_lost_alone_removes_nobody(world: LeasedRegion):
    world.register_many(3)
    world.live(0, 5)
    world.live(100, 114)  # so that there is blind time on the clock
    connection().delete(LeaseKeys("us-east").clock)
    world.sweep(115)
    world.live(116, 129)
    assert world.critical() == set()


def test_an_expired_instance_that_renews_after_valkey_was_lost_comes_back(world: LeasedRegion):
    instance = world.register("web-1")
    world.live(0, 16)
    connection().flushall()
    world.sweep(17)
    assert world.status("web-1") is Status.CRITICAL
    world.renew([instance], 18)
    world.sweep(18.5)
    assert world.status("web-1") is Status.PASSING


def test_a_log_that_was_replaced_grants_all_leases_afresh(world: LeasedRegion):
    world.register_many(2)
    world.live(0, 5)
    Region.objects.update(log_id="restored")
    assert world.sweep(6).granted == 2


def test_a_sweep_that_takes_long_is_no_absence(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 5)
    world.store.note_end(world.at(18))  # the sweep of second 5 worked for 13 seconds
    assert world.sweep(19).granted == 0


def test_an_absence_grants_all_leases_afresh(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 5)
    assert world.sweep(19).granted == 1
