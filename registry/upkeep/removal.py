"""Removal: deregistering instances that have been critical for longer than they asked for."""

from collections import defaultdict
from collections.abc import Sequence

from django.conf import settings

from catalog.breaker import Kind
from catalog.records.duration import spoken
from catalog.records.instance import Instance, removal_due
from catalog.records.status import Status
from registry import actions
from registry.breaker.holds import ACTOR
from registry.breaker.review import Candidate, review
from registry.leases.store import LeaseStore
from registry.models import InstanceRow
from registry.tables.held import Member
from registry.waits import LONGEST_STEP, NO_SERVER_AFTER


def remove_critical(leases: LeaseStore, *, now: float | None = None) -> int:
    """Deregister instances that were critical for too long; returns how many.

    `deregister_critical_after` is counted within one stretch of observation: an instance that was critical before the
    registry lost sight of its region, by a restart or with its Valkey, counts from then. It might have recovered in
    between, and being critical it takes no traffic, so waiting costs nothing. Raises as `sweep` does.
    """
    now = leases.now() if now is None else now
    observation = leases.observation()
    if observation is None or observation.deaf or now - observation.clock.looked_at > LONGEST_STEP + NO_SERVER_AFTER:
        return 0
    due = [instance for instance in _critical() if is_due(instance, since=observation.since, now=now)]
    renewed = leases.deadlines([instance.key for instance in due if instance.lease_expired])
    candidates = [
        Candidate(instance, Member(instance.key, instance.epoch))
        for instance in due
        # One that renews again is about to be revived.
        if renewed.get(instance.key, 0.0) <= observation.clock.observed(now)
    ]
    return _remove(review(Kind.REMOVAL, candidates, leases, now, whole=True))


def is_due(instance: Instance, *, since: float, now: float) -> bool:
    """Whether a critical instance's time is up, when the registry has been watching since then."""
    due = removal_due(instance, observed_since=since)
    return due is not None and now >= due


def _critical() -> Sequence[Instance]:
    """The critical instances that want to be deregistered some time; records without the option leave it out."""
    rows = InstanceRow.objects.filter(region=settings.MERIDIAN.region, status=Status.CRITICAL)
    rows = rows.filter(record__contains='"deregister_critical_after":')
    return [row.instance for row in rows.order_by("id").iterator()]


def _remove(candidates: Sequence[Candidate]) -> int:
    by_cause = defaultdict[str, list[Member]](list)
    for candidate in candidates:
        allowance = candidate.instance.deregister_critical_after or 0.0
        by_cause[f"critical for {spoken(allowance)}"].append(candidate.member)
    for cause, members in by_cause.items():
        actions.remove_critical(members, actor=ACTOR, cause=cause)
    return len(candidates)
