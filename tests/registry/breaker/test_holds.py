"""Mass expiry is held, and what becomes of it."""

import pytest

from catalog.errors import NotFound, Refused, Unavailable
from catalog.records.status import Status
from registry.breaker import holds
from registry.tables.held import HeldRow
from registry.valkey import connection
from tests.harness.registry.leases import REGION, LeasedRegion


def silenced(world: LeasedRegion, *, silent: int, of: int) -> HeldRow:
    """A hold: of so many instances of one service that many fell silent at second 5 and are overdue at second 20."""
    instances = world.register_many(of)
    world.renew(instances, 5)
    world.live(5, 19, renewing=instances[silent:])
    world.renew(instances[silent:], 20)
    world.sweep(20)
    [row] = world.holds()
    return row


def members(row: HeldRow) -> set[str]:
    return {member.key.rpartition("/")[2] for member in row.held}


def test_mass_expiry_is_held_and_everyone_is_still_served(world: LeasedRegion):
    row = silenced(world, silent=12, of=15)
    assert world.critical() == set()
    assert members(row) == {f"web-{n}" for n in range(12)}
    assert (row.kind, row.scope, row.name) == ("expiry", "service", "web")


def test_a_hold_shows_its_formula(world: LeasedRegion):
    row = silenced(world, silent=12, of=15)
    assert row.formula == "expiry would fail 12 of 15 instances (80 %) of service web within 60 s; the limit is 60 %"


def test_a_standing_hold_is_one_row_and_is_not_written_again(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    world.live(21, 30)
    [still] = world.holds()
    assert (still.id, still.members) == (row.id, row.members)


def test_a_small_service_dies_normally(world: LeasedRegion):
    world.register_many(5)
    world.live(0, 16)
    assert len(world.critical()) == 5
    assert world.holds() == []


def test_members_that_renew_leave_the_hold(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    back = [world.instance(f"web-{n}") for n in range(3)]
    world.renew(back, 21)
    world.sweep(21)
    [row] = world.holds()
    assert members(row) == {f"web-{n}" for n in range(3, 15)}


def test_when_so_many_come_back_that_the_rest_is_ordinary_the_rest_expires(world: LeasedRegion):
    instances = world.register_many(15)
    world.live(0, 16)
    world.renew(instances[:12], 17)
    world.sweep(17)
    assert world.critical() == {"web-12", "web-13", "web-14"}
    assert world.holds() == []
    [row] = world.holds("recovered")
    assert row.decided_by == "worker:leases"


def test_a_hold_does_not_fade_when_the_losses_before_it_grow_old(world: LeasedRegion):
    instances = world.register_many(10)
    world.live(0, 9, renewing=instances)
    world.live(10, 34, renewing=instances[5:])  # five die, which is bearable
    assert len(world.critical()) == 5
    world.live(35, 52, renewing=instances[7:])  # two more are too many within the minute
    assert len(world.critical()) == 5
    world.live(53, 140, renewing=instances[7:])
    assert len(world.critical()) == 5
    assert members(world.holds()[0]) == {"web-5", "web-6"}


def test_approving_fails_the_members_that_are_still_silent(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    world.renew([world.instance("web-0")], 21)
    decided = holds.approve(row.id, actor="admin:alice", cause="they are gone", leases=world.store)
    assert world.critical() == {f"web-{n}" for n in range(1, 15)}
    assert (decided.state, decided.decided_by, decided.reason) == ("approved", "admin:alice", "they are gone")
    assert set(world.causes("expire")) == {"they are gone"}


def test_an_approved_hold_is_not_held_again(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    holds.approve(row.id, actor="admin:alice", cause="gone", leases=world.store)
    world.live(22, 30)
    assert world.holds() == []
    assert len(world.causes("expire")) == 15


def test_an_instance_that_renews_after_approval_comes_back(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    holds.approve(row.id, actor="admin:alice", cause="gone", leases=world.store)
    world.sweep(22)
    world.renew([world.instance("web-3")], 23)
    world.sweep(24)
    assert world.status("web-3") is Status.PASSING


def test_rejecting_lets_them_be_for_the_window(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    decided = holds.reject(row.id, actor="admin:alice", cause="our network", now=world.at(21), leases=world.store)
    assert (decided.state, decided.reason) == ("rejected", "our network")
    world.live(22, 80)
    assert world.critical() == set()
    assert world.holds() == []


def test_after_the_window_those_who_are_still_silent_are_held_again(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    holds.reject(row.id, actor="admin:alice", cause="our network", now=world.at(21), leases=world.store)
    world.live(22, 82)
    [again] = world.holds()
    assert again.id != row.id


def test_a_hold_that_nobody_decides_happens_after_an_hour(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    assert round(row.expires_at - row.at) == 3600
    HeldRow.objects.update(at=world.at(30) - 3600, expires_at=world.at(30))  # as if it were an hour old
    world.live(21, 29)
    assert world.critical() == set()
    world.sweep(30)
    assert len(world.critical()) == 15
    [done] = world.holds("expired")
    assert done.reason.startswith("held for 1h without a decision: expiry would fail 15 of 15")


@pytest.mark.parametrize("decide", [holds.approve, holds.reject])
def test_a_hold_is_decided_once(world: LeasedRegion, decide):
    row = silenced(world, silent=15, of=15)
    holds.reject(row.id, actor="admin:alice", cause="first", now=world.at(21), leases=world.store)
    with pytest.raises(Refused, match="rejected by admin:alice"):
        decide(row.id, actor="admin:bob", cause="second", leases=world.store)


@pytest.mark.parametrize("decide", [holds.approve, holds.reject])
def test_a_hold_that_does_not_exist_is_not_found(world: LeasedRegion, decide):
    with pytest.raises(NotFound):
        decide("nonsense", actor="admin:alice", cause="x", leases=world.store)


def test_holds_are_listed_by_state(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    assert [row.id for row in holds.list_holds(state="open")] == [row.id]
    assert holds.list_holds(state="approved") == []


def test_a_region_wide_silence_is_one_hold(world: LeasedRegion):
    for service in ("web", "users", "orders", "billing", "search"):
        world.register_many(4, service=service)
    world.live(0, 16)
    assert world.critical() == set()
    [row] = world.holds()
    assert (row.scope, row.name, len(row.held)) == ("region", REGION, 20)


def test_a_zone_is_held_by_itself(world: LeasedRegion):
    instances = []
    for number in range(8):
        world.register_many(2, service=f"a{number}", zone="a")
        instances += world.register_many(8, service=f"b{number}", zone="b")
    world.renew(instances, 10)
    world.live(0, 16, renewing=instances)
    [row] = world.holds()
    assert (row.scope, row.name, len(row.held)) == ("zone", "a", 16)


def test_nothing_can_be_approved_while_nobody_knows_who_is_silent(world: LeasedRegion):
    row = silenced(world, silent=15, of=15)
    connection().flushall()
    with pytest.raises(Unavailable):
        holds.approve(row.id, actor="admin:alice", cause="gone", leases=world.store)
    assert world.critical() == set()
    assert [row.id for row in world.holds()] == [row.id]
