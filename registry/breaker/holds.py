"""Holds: the one door to what the breaker keeps from happening, of instances and of mirrors of other regions.

A hold waits. Members that come back leave it, a person approves or rejects it, and after MERIDIAN_HOLD_EXPIRY it
happens: an hour of silence under a registry that was watching all the while is no network hiccup, and traffic must not
go to dead addresses for ever because no one looked at a page.

What a rejection does is limited too. Of instances, it gives them their leases afresh and one window of the breaker.
Of a mirror, it keeps serving what is mirrored until its region has most of its instances back, at most for as long as
the hold would have lasted. Then the region's log is read again, and if it still takes as much away a new hold asks
again, and happens when it is not decided: so no forgotten decision cuts a region off for ever.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from catalog.breaker import WINDOW, Kind, Scope, Target
from catalog.errors import NotFound, Refused, Unavailable
from catalog.records.duration import spoken
from catalog.records.lease import Lease
from registry.breaker.population import instances_of
from registry.leases.store import PART, LeaseStore, lease_member, lease_terms, store
from registry.models import HeldRow
from registry.tables.held import Member, State
from registry.valkey import reaching
from registry.verbs import holds as verbs

ACTOR = "worker:leases"
FOLLOWER = "worker:federation"


def list_holds(**wanted: Any) -> list[HeldRow]:
    """The holds of this region, the latest first; with a `state` or a `kind` only those."""
    return list(_rows(**wanted))


def find_hold(id: str) -> HeldRow:
    """One hold of this region. Raises NotFound."""
    row = _rows(id=id).first()
    if row is None:
        raise NotFound(f"there is no hold {id[:80]!r}")
    return row


def members_held(kind: Kind) -> set[str]:
    """Everything that is in an open hold of this kind, as the lease store names it."""
    rows = list_holds(state=State.OPEN, kind=kind)
    return {lease_member(member.key, member.check) for row in rows for member in row.held}


def approve(id: str, *, actor: str, cause: str, leases: LeaseStore | None = None) -> HeldRow:
    """Let happen what is held, to those members that are silent to this moment.

    Raises NotFound, Refused when the hold is decided already, and Unavailable.
    """
    return _let_happen(find_hold(id), State.APPROVED, actor, cause, leases or store())


def reject(id: str, *, actor: str, cause: str, now: float | None = None, leases: LeaseStore | None = None) -> HeldRow:
    """Keep in service what is held; for how long is said above.

    Raises NotFound, Refused when the hold is decided already, and Unavailable.
    """
    row = find_hold(id)
    if row.state == State.OPEN and row.kind != Kind.MIRROR:
        leases = leases or store()
        with reaching(PART):
            # Before the hold ends: a sweep between the two would find them silent and hold them again.
            _spare(row, leases, leases.now() if now is None else now)
    verbs.decide(id, State.REJECTED, actor=actor, cause=cause)
    return find_hold(id)


def apply_expired(leases: LeaseStore, now: float) -> int:
    """Let the holds happen whose time is over; returns how many."""
    over = list_holds(state=State.OPEN, expires_at__lte=now)
    for row in over:
        with suppress(Refused):  # decided a moment ago
            _let_happen(row, State.EXPIRED, ACTOR, _undecided(row), leases)
    return len(over)


def hold_mirror(region: str, formula: str, *, population: int, now: float) -> HeldRow:
    """Hold what a region's log would take from its mirror; what is held already stays as it was written."""
    standing = mirrors_held(now).get(region)
    if standing is not None:
        return standing
    request = verbs.HoldRequest(Target(Scope.REGION, region), formula, (), population, 0)
    lasting = settings.MERIDIAN.hold_expiry
    verbs.hold(Kind.MIRROR, [request], lasting=lasting, whole=False, actor=FOLLOWER, cause=formula)
    return _rows(state=State.OPEN, kind=Kind.MIRROR).get(name=region)


def mirrors_held(now: float) -> dict[str, HeldRow]:
    """The regions whose mirrors are kept as they are, by an open hold or by a rejection that still counts."""
    rows = _rows(kind=Kind.MIRROR, state__in=(State.OPEN, State.REJECTED)).order_by("at")
    return {row.name: row for row in rows if is_kept(row, now)}


def approve_mirror(region: str, *, actor: str, cause: str, now: float) -> HeldRow:
    """Let a mirror become what its region says. Raises NotFound when nothing of it is held, and what `approve` does."""
    row = mirrors_held(now).get(region)
    if row is None:
        raise NotFound(f"nothing is held of the mirror of {region[:80]!r}")
    return approve(row.id, actor=actor, cause=cause)


def is_mirror_approved(region: str, since: float) -> bool:
    """Whether a hold of the mirror was approved, or expired, after `since`."""
    agreed = (State.APPROVED, State.EXPIRED)
    return _rows(kind=Kind.MIRROR, name=region, state__in=agreed, decided_at__gt=since).exists()


def end_mirror_hold(row: HeldRow, state: State) -> None:
    """The hold's time is over, or the region has its instances back. A decision that was made meanwhile stays."""
    cause = _undecided(row) if state is State.EXPIRED else "the region has its instances back"
    with suppress(Refused):
        verbs.decide(row.id, state, actor=FOLLOWER, cause=cause)


def until(row: HeldRow) -> float:
    """When what is held happens, or is looked at again."""
    if row.state == State.REJECTED and row.decided_at is not None:
        return row.decided_at + (row.expires_at - row.at)
    return row.expires_at


def is_kept(row: HeldRow, now: float) -> bool:
    """Whether a hold of a mirror still keeps it as it is."""
    return row.kind == Kind.MIRROR and row.state in (State.OPEN, State.REJECTED) and now < until(row)


def reason_of(row: HeldRow) -> str:
    """Why it is kept, in words."""
    return row.formula if row.state == State.OPEN else f"{row.formula}; rejected by {row.decided_by}: {row.reason}"


def _let_happen(row: HeldRow, state: State, actor: str, cause: str, leases: LeaseStore) -> HeldRow:
    members = row.held
    if row.kind == Kind.EXPIRY and row.state == State.OPEN:
        with reaching(PART):
            members = _silent(members, leases)
            leases.add_expired([member.key for member in members if not member.check])
    verbs.decide(row.id, state, members, actor=actor, cause=cause)
    return find_hold(row.id)


def _rows(**wanted: Any) -> QuerySet[HeldRow]:
    return HeldRow.objects.filter(region=settings.MERIDIAN.region, **wanted)


def _undecided(row: HeldRow) -> str:
    return f"held for {spoken(round(row.expires_at - row.at))} without a decision: {row.formula}"


def _silent(members: Sequence[Member], leases: LeaseStore) -> tuple[Member, ...]:
    """The members that were overdue when a sweep last looked, and have not renewed since."""
    observation = leases.observation()
    if observation is None:
        raise Unavailable(
            "the lease store lost its state and no sweep has looked since: which instances are silent is unknown"
        )
    names = {lease_member(member.key, member.check): member for member in members}
    deadlines = leases.deadlines(list(names))
    looked_at = observation.clock.observed(observation.clock.looked_at)
    return tuple(member for name, member in names.items() if deadlines.get(name, looked_at + 1.0) <= looked_at)


def _spare(row: HeldRow, leases: LeaseStore, now: float) -> None:
    keys = [member.key for member in row.held]
    leases.spare(Kind(row.kind), keys, now + WINDOW)
    observation = leases.observation()
    if row.kind != Kind.EXPIRY or observation is None:  # without a clock the next sweep grants all leases afresh
        return
    for instance in instances_of(settings.MERIDIAN.region, keys).values():
        terms = [(name, Lease(max(lease.ttl, WINDOW))) for name, lease in lease_terms(instance)]
        leases.grant(terms, observation.clock, now)
