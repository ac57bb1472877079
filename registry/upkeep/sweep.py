"""The sweep: once a second, expire the leases that were not renewed.

It never trusts silence alone. Silence counts while it was observed: while sweeps ran, while Valkey kept the deadlines,
and while at least one server took renewals. All other time moves the observed clock, see `catalog.lease`.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import msgspec
import structlog
from django.conf import settings
from django.db.models import Q

from catalog.breaker import Kind
from catalog.change import decode_record
from catalog.records.duration import spoken
from catalog.records.instance import Instance
from catalog.records.lease import Clock, look
from registry import actions
from registry.breaker.holds import ACTOR, apply_expired, members_held
from registry.breaker.population import instances_of
from registry.breaker.review import Candidate, review, review_probes
from registry.leases.store import LeaseStore, Observation, lease_member, lease_terms, named_check, split_member
from registry.models import ChangeRow, InstanceRow, Region
from registry.tables.held import Member
from registry.waits import ABSENT_AFTER, LONGEST_STEP, NO_SERVER_AFTER

REVIEW = 10.0  # seconds between two judgements of a hold in which nothing moves: the population around it moves too
BATCH = 5000  # rows read at once

log = structlog.get_logger(__name__)


class Swept(msgspec.Struct, frozen=True):
    """What a sweep did, in instances; `watching` is False when nothing could be concluded from silence."""

    watching: bool
    granted: int = 0
    expired: int = 0
    held: int = 0
    revived: int = 0


def sweep(leases: LeaseStore, *, now: float | None = None) -> Swept | None:
    """Sweep once; None when another sweep is at it.

    Raises redis.RedisError when Valkey, and Unavailable or DatabaseError when the database cannot be reached: then
    this sweep has not looked, and what it missed is blind time. `now` is for tests.
    """
    with leases.sweeping() as locked:
        if not locked:
            return None
        now, began = leases.now() if now is None else now, time.monotonic()
        observed = _observe(leases, now)
        if observed is None:
            return Swept(watching=False)
        clock, granted = observed
        revived = _revive(leases, clock, now)
        expired, held = _expire(leases, clock, now)
        review_probes(leases, now)
        apply_expired(leases, now)
        leases.note_end(now + time.monotonic() - began)
        return Swept(watching=True, granted=granted, expired=expired, held=held, revived=revived)


def _observe(leases: LeaseStore, now: float) -> tuple[Clock, int] | None:
    """Move the clock, and see to it that every lease has a deadline.

    Returns the clock and how many deadlines were granted, or None when no server takes renewals.
    """
    kept = leases.observation()
    noted_at = leases.server_noted_at()
    if noted_at is None or now - noted_at > NO_SERVER_AFTER:
        # No client can renew, so silence means nothing. The clock stands still until a server is back.
        if kept is not None and not kept.deaf:
            leases.save(msgspec.structs.replace(kept, deaf=True))
            log.warning("no server takes renewals; leases are paused")
        return None
    if kept is None:
        return _begin(leases, now)
    clock = look(kept.clock, now, patience=LONGEST_STEP)
    if kept.deaf or now - kept.seen_at >= ABSENT_AFTER:
        return _resume(leases, kept, clock, now)
    granted, log_id, index = _follow_log(leases, kept, clock, now)
    leases.save(Observation(clock=clock, since=kept.since, log_id=log_id, index=index))
    return clock, granted


def _begin(leases: LeaseStore, now: float) -> tuple[Clock, int]:
    """The store is new, or Valkey lost everything: no deadline in it means anything, and none has passed.

    The clock is written last. A sweep that is killed in between leaves no clock, and the next one begins again.
    """
    clock = Clock(now)
    log_id, index, granted = _grant_all(leases, clock, now)
    leases.save(Observation(clock=clock, since=now, log_id=log_id, index=index))
    log.warning("all leases granted again from the tables", granted=granted, reason="the lease store was empty")
    return clock, granted


def _resume(leases: LeaseStore, kept: Observation, clock: Clock, now: float) -> tuple[Clock, int]:
    """The registry is back after it was away.

    Deadlines keep their distance by the clock alone, but clients that were turned away may be waiting before they try
    again, so everyone gets the full time. Here the clock is written first: deadlines on a clock without the blind
    time would lie too far in the future by it.
    """
    leases.save(msgspec.structs.replace(kept, clock=clock, since=now, deaf=False))
    log_id, index, granted = _grant_all(leases, clock, now)
    leases.save(Observation(clock=clock, since=now, log_id=log_id, index=index))
    log.warning(
        "all leases granted again from the tables", granted=granted, blind=round(clock.blind - kept.clock.blind)
    )
    return clock, granted


def _grant_all(leases: LeaseStore, clock: Clock, now: float) -> tuple[str, int, int]:
    """Grant every lease in the tables again; returns the place in the log from where to go on, and how many."""
    log_id, _, index = _region()  # before the rows are read: what changes meanwhile is followed from here
    granted = 0
    leases.forget_expired()
    for instances in _all_instances():
        leases.add_expired([instance.key for instance in instances if instance.lease_expired])
        granted += leases.grant(chain.from_iterable(map(lease_terms, instances)), clock, now)
    return log_id, index, granted


def _follow_log(leases: LeaseStore, kept: Observation, clock: Clock, now: float) -> tuple[int, str, int]:
    """Turn the changes since the last sweep into leases: a registration grants them, a removal drops them.

    The sweep follows the log instead of trusting a call after each commit, which a crash could swallow.
    Returns how many were granted, and the place in the log.
    """
    log_id, floor, head = _region()
    if log_id != kept.log_id or kept.index < floor:
        log_id, index, granted = _grant_all(leases, clock, now)
        return granted, log_id, index
    if kept.index == head:
        return 0, log_id, head
    changes = _changes(kept.index, head)
    last = {key: record for _, key, record in changes}
    leases.forget([key for key, record in last.items() if record is None])
    registered = [_instance(record) for record in last.values() if record is not None]
    leases.remove_expired([instance.key for instance in registered])
    granted = leases.grant(chain.from_iterable(map(lease_terms, registered)), clock, now)
    return granted, log_id, head if len(changes) < BATCH else changes[-1][0]


def _changes(after: int, head: int) -> list[tuple[int, str, str | None]]:
    """Index, key and record of the registrations and removals in that part of the log, at most BATCH."""
    rows = ChangeRow.objects.filter(region=settings.MERIDIAN.region, index__gt=after, index__lte=head)
    rows = rows.filter(Q(verb="register") | Q(record__isnull=True), key__startswith="instance/")
    return list(rows.order_by("index").values_list("index", "key", "record")[:BATCH])


def _revive(leases: LeaseStore, clock: Clock, now: float) -> int:
    """Take back the expiry of instances that have renewed since.

    The server that took the renewal does it at once, when it knows of the expiry and the database is up; this is for
    the rest.
    """
    expired = leases.expired()
    if not expired:
        return 0
    deadlines = leases.deadlines(expired)
    alive = [key for key in expired if deadlines.get(key, 0.0) > clock.observed(now)]
    found = instances_of(settings.MERIDIAN.region, alive)
    back = [instance for instance in found.values() if instance.lease_expired]
    if back:
        renewals = [(instance.namespace, instance.service, instance.id, instance.epoch) for instance in back]
        actions.revive(renewals, actor=ACTOR, cause="renewed after its lease had expired")
    leases.remove_expired(alive)
    return len(back)


def _expire(leases: LeaseStore, clock: Clock, now: float) -> tuple[int, int]:
    """Fail what is overdue, unless the breaker holds it; returns how many were failed and how many are held."""
    overdue = leases.overdue(clock, now)
    standing = members_held(Kind.EXPIRY)
    if standing == set(overdue) and leases.was_reviewed(now, within=REVIEW):
        return 0, len(overdue)
    found = instances_of(settings.MERIDIAN.region, (split_member(member)[0] for member in overdue))
    candidates = _candidates(overdue, found)
    allowed = review(Kind.EXPIRY, list(candidates.values()), leases, now, whole=True)
    leases.note_review(now)
    _fail(allowed, leases)
    # A deadline without a live lease in the tables is left over from a removal, or from an expiry that is written
    # already: by a sweep that was killed before it came to this, or by an approval.
    moot = [member for member in overdue if member not in candidates]
    leases.add_expired([member for member in moot if member in found and found[member].lease_expired])
    gone = {lease_member(candidate.member.key, candidate.member.check) for candidate in allowed}
    # What renewed while this was written stays in the store, and the next sweep revives it.
    leases.drop_overdue([*moot, *gone], clock, now)
    return len(allowed), len(candidates) - len(allowed)


def _fail(candidates: Sequence[Candidate], leases: LeaseStore) -> None:
    # Remembered first: between the two an instance is merely in the set without reason, and the next sweep takes it
    # out. The other way round a sweep that is killed would leave one that no sweep looks at when it renews.
    leases.add_expired([candidate.member.key for candidate in candidates if not candidate.member.check])
    by_cause = defaultdict[str, list[Member]](list)
    for candidate in candidates:
        by_cause[_cause(candidate)].append(candidate.member)
    for cause, members in by_cause.items():
        actions.expire(members, actor=ACTOR, cause=cause)


def _candidates(overdue: Sequence[str], found: Mapping[str, Instance]) -> dict[str, Candidate]:
    """What is overdue and still stands in the tables as a live lease, or as a check that is not critical yet."""
    candidates: dict[str, Candidate] = {}
    for member in overdue:
        key, check = split_member(member)
        instance = found.get(key)
        if instance is not None and member in dict(lease_terms(instance)):
            candidates[member] = Candidate(instance, Member(key, instance.epoch, check, _output(instance, check)))
    return candidates


def _cause(candidate: Candidate) -> str:
    instance, check = candidate.instance, candidate.member.check
    if check:
        return f"check {check}: {candidate.member.output}"
    ttl = instance.lease.ttl if instance.lease else 0.0
    return f"lease expired: not renewed for {spoken(ttl)}"


def _output(instance: Instance, name: str) -> str:
    check = named_check(instance, name)
    return f"TTL expired: no report for {spoken(check.ttl)}" if check else ""


def _region() -> tuple[str, int, int]:
    """The log's identity, floor and head; nothing, from 0 to 0, before the first change."""
    rows = Region.objects.filter(name=settings.MERIDIAN.region)
    return rows.values_list("log_id", "floor", "index").first() or ("", 0, 0)


def _all_instances() -> Iterator[list[Instance]]:
    """All instances of the region, in batches."""
    rows = InstanceRow.objects.filter(region=settings.MERIDIAN.region).order_by("id").values_list("id", "record")
    last = 0
    while batch := list(rows.filter(id__gt=last)[:BATCH]):
        last = batch[-1][0]
        yield [_instance(record) for _, record in batch]


def _instance(text: str) -> Instance:
    record = decode_record(text)
    assert isinstance(record, Instance)  # noqa: S101 - the rows and keys read here are those of instances
    return record
