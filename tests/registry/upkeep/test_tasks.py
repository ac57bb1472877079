"""What Celery runs, and what becomes of it when a table is away."""

import time

import pytest
from django.db import DatabaseError, connection, transaction

from catalog.records.override import Scope
from catalog.records.status import Status
from registry import actions
from registry.actions import OverrideRequest
from registry.models import OverrideRow
from registry.tasks import expire_overrides, remove_critical, sweep_leases
from registry.upkeep.expired_overrides import clear_expired_overrides
from tests.harness.registry.leases import TEST, LeasedRegion, note_server
from tests.harness.waiting import eventually


def drain(*, expires_in: str | None) -> None:
    request = OverrideRequest(scope=Scope.SERVICE, service="web", reason="test", weight=0, expires_in=expires_in)
    actions.set_override(request, actor=TEST, cause="test")


def test_an_override_leaves_the_record_when_its_time_is_over(world: LeasedRegion) -> None:
    drain(expires_in="1ms")
    [lapsed] = eventually(lambda: clear_expired_overrides(time.time()), what="its time is over")
    assert lapsed.reason == "test"
    assert OverrideRow.objects.count() == 0


def test_an_override_stays_until_its_time_is_over(world: LeasedRegion) -> None:
    drain(expires_in="1h")
    assert clear_expired_overrides(world.at(3500)) == ()
    assert OverrideRow.objects.count() == 1


def test_an_override_without_an_end_stays(world: LeasedRegion) -> None:
    drain(expires_in=None)
    assert clear_expired_overrides(world.at(1e9)) == ()
    assert OverrideRow.objects.count() == 1


def sweep_without_tables(world: LeasedRegion, at: float) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_region RENAME TO registry_region_away")
        world.sweep(at)


def test_a_sweep_that_cannot_read_the_tables_has_not_looked(world: LeasedRegion):
    world.register("web-1")
    world.live(0, 5)
    for second in range(6, 26):
        with pytest.raises(DatabaseError):
            sweep_without_tables(world, second)
    world.live(26, 30)
    assert world.status("web-1") is Status.PASSING


def test_the_tasks_do_their_work_on_the_clock_of_valkey(world: LeasedRegion):
    instance = world.register("web-1", ttl="1s", deregister_critical_after="1s")
    now = world.store.now()
    note_server(now)
    sweep_leases()
    assert world.store.deadlines([instance.key])[instance.key] == pytest.approx(now + 1.0, abs=1.0)
    remove_critical()
    expire_overrides()
    assert world.status("web-1") is Status.PASSING
