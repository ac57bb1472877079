"""The one query: which instances of a service are returned, in which order, and why.

Every protocol asks it. `judge` gives each candidate a decision with its reasons; an answer is the decisions that are
`returned`, an explanation is all of them. It reads the view, an explicit `now`, and nothing else. Which regions it
looks in, `catalog.region_choice` decides.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence

import msgspec

from catalog.query_types import Decision, Query, Reason
from catalog.records.instance import Instance
from catalog.records.override import Effective, Override, effective
from catalog.records.status import SEVERITY, Status
from catalog.region_choice import Choice, Looked, choose
from catalog.touched import EVERYTHING, FEDERATION, opinion_name, service_name
from catalog.view import Freshness, RegionView, ServiceName, State, View

STALE_INTERVALS = 3  # a probed decision older than this many intervals, while no probes run, is `unknown`
GRAVEST = (State.UNKNOWN, State.STALE, State.LIVE)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one region had to do with an answer: how fresh it is, where in its log the answer last changed, whether it
    knows the name, and whether it was looked in, with the `step` that says why or why not."""

    region: str
    index: int
    freshness: Freshness
    known: bool
    used: bool
    step: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a query came to.

    `known` tells an empty answer from an unknown name. `index` is where something that the answer depends on last
    changed: of several regions the sum, which never goes back either. `depends` are the names in the view that it read,
    each with its region; after `valid_until` time alone may change it. `freshness` is that of the least fresh region
    that was looked in.
    """

    query: Query
    known: bool
    decisions: tuple[Decision, ...]
    index: int
    freshness: Freshness
    depends: frozenset[tuple[str, str]]
    valid_until: float | None = None
    parts: tuple[Part, ...] = ()

    @property
    def used(self) -> tuple[Part, ...]:
        """The regions that were looked in."""
        return tuple(part for part in self.parts if part.used)


def answer(view: View, query: Query, now: float) -> Answer:
    """The instances to return, best first."""
    whole = explain(view, query, now)
    return msgspec.structs.replace(
        whole, decisions=tuple(decision for decision in whole.decisions if decision.returned)
    )


def explain(view: View, query: Query, now: float) -> Answer:
    """The same as `answer`, with the decision on every instance of the service: the returned ones first, in order."""
    looking = _Looking(view, query, now)
    choice = choose(view, query, looking.look, now)
    parts = tuple(_part(view, query, choice, region) for region in choice.scope)
    moments = [moment for moment in (choice.valid_until, *looking.moments) if moment is not None]
    return Answer(
        query=query,
        known=any(part.known for part in parts),
        decisions=_ranked(looking.settled(choice), query, choice.order),
        index=sum(part.index for part in parts),
        freshness=least([part.freshness for part in parts if part.used] or [part.freshness for part in parts]),
        depends=_depends(query, choice),
        valid_until=min(moments, default=None),
        parts=parts,
    )


class _Looking:
    """The regions judged so far, each once."""

    def __init__(self, view: View, query: Query, now: float) -> None:
        self._view, self._query, self._now = view, query, now
        self._looked: dict[str, Looked] = {}
        self.moments: list[float | None] = []

    def look(self, region: str) -> Looked:
        """Every instance of the service in the region, judged."""
        known = self._looked.get(region)
        if known is None:
            known = self._looked[region] = self._judged(region)
        return known

    def settled(self, choice: Choice) -> list[Decision]:
        """The decisions on all instances looked at, each with the step that looked in its region or passed it over."""
        decisions: list[Decision] = []
        for region, looked in self._looked.items():
            step, passed = choice.steps.get(region, ""), choice.passed.get(region)
            for decision in looked.decisions:
                if passed is not None and decision.returned:
                    reason, why = passed, f"would serve, but {step}"
                    decision = msgspec.structs.replace(
                        decision, returned=False, reason=reason, explanation=why, step=step
                    )
                elif step:
                    decision = msgspec.structs.replace(decision, step=step)
                decisions.append(decision)
        return decisions

    def _judged(self, region: str) -> Looked:
        part, query = self._view.region(region), self._query
        candidates = part.services.get((query.namespace, query.service))
        if candidates is None:
            return Looked((), known=False)
        overrides = overrides_of(self._view, region, query.region, (query.namespace, query.service))
        self.moments.append(valid_until(overrides, candidates.values(), part, self._now))
        judged = (judge(instance, query, overrides, part, self._now) for instance in candidates.values())
        return Looked(tuple(judged), known=True)


def _part(view: View, query: Query, choice: Choice, region: str) -> Part:
    part = view.region(region)
    name = service_name(query.namespace, query.service)
    index = part.touched(name)
    if region == query.region:
        # What is thought here of the other regions is part of the answer, and stands in this region's log.
        index = max([index, *(part.touched(opinion_name(other)) for other in choice.scope if other != region)])
    return Part(
        region=region,
        index=index,
        freshness=part.freshness,
        known=(query.namespace, query.service) in part.services,
        used=region in choice.order,
        step=choice.steps.get(region, ""),
    )


def _depends(query: Query, choice: Choice) -> frozenset[tuple[str, str]]:
    name = service_name(query.namespace, query.service)
    names = {(region, name) for region in choice.scope}
    names |= {(query.region, opinion_name(region)) for region in choice.scope if region != query.region}
    if choice.ruled:
        names.add((query.region, name))
    if choice.federated:
        names.add((FEDERATION, EVERYTHING))
    return frozenset(names)


def least(states: Sequence[Freshness]) -> Freshness:
    """The least fresh of several; of those that are stale the one that has been so for longest."""
    return min(states, key=lambda freshness: (GRAVEST.index(freshness.state), freshness.since or 0.0))


def judge(
    instance: Instance, query: Query, overrides: tuple[Override, ...], region: RegionView, now: float
) -> Decision:
    """The decision on one instance, before ordering and limits."""
    counts = effective(overrides, instance, believed(instance, region.blind_since, now), now)
    mismatch = _mismatch(instance, query)
    reason, explanation = _reason(instance, query, counts, mismatch)
    return Decision(
        instance=instance,
        region=instance.region,
        returned=reason is Reason.SERVES,
        reason=reason,
        explanation=explanation,
        status=counts.status,
        weight=counts.weight,
        port=instance.ports.get(query.port, instance.port) if query.port else instance.port,
        override=counts.override,
        matches=mismatch is None,
    )


def believed(instance: Instance, blind_since: float | None, now: float) -> Status:
    """The reported status, or `unknown` when it rests on probes and none has run for too long.

    Only good news grows old: an instance last seen critical does not get traffic because probing has stopped.
    """
    if blind_since is None or instance.status not in (Status.PASSING, Status.WARNING):
        return instance.status
    patience = _patience(instance)
    return Status.UNKNOWN if patience is not None and now - blind_since >= patience else instance.status


def _patience(instance: Instance) -> float | None:
    lengths = [STALE_INTERVALS * check.interval + check.timeout for check in instance.checks if check.type != "ttl"]
    return min(lengths, default=None)


def _reason(
    instance: Instance, query: Query, counts: Effective, mismatch: tuple[Reason, str] | None
) -> tuple[Reason, str]:
    status, by_status, by_weight = counts.status, counts.by_status, counts.by_weight
    if status not in query.statuses:
        if by_status:
            return Reason.OVERRIDE, f"{status} by override of {by_status.author}: {by_status.reason}"
        return Reason.STATUS, f"{status}: {_why(instance)}"
    if counts.weight == 0:
        note = f" by override of {by_weight.author}: {by_weight.reason}" if by_weight else ""
        return Reason.DRAINED, f"drained, weight 0{note}"
    if mismatch is not None:
        return mismatch
    held_up = f" by override of {by_status.author}: {by_status.reason}" if by_status else ""
    return Reason.SERVES, f"{status}{held_up}"


def _mismatch(instance: Instance, query: Query) -> tuple[Reason, str] | None:
    """Why the instance is not what is asked for, whatever its status."""
    missing = [tag for tag in query.tags if tag not in instance.tags]
    if missing:
        return Reason.TAG, f"does not have the tag {missing[0]!r}"
    if query.version and instance.version != query.version:
        return Reason.VERSION, f"is version {instance.version or 'none'!r}, not {query.version!r}"
    if query.port and query.port not in instance.ports:
        return Reason.PORT, f"has no port named {query.port!r}"
    if query.filter and not query.filter.accepts(instance):
        return Reason.FILTER, f"does not match {query.filter.text!r}"
    return None


def _why(instance: Instance) -> str:
    if instance.lease_expired:
        return "its lease expired without a renewal"
    verdict = max(instance.verdicts, key=lambda verdict: SEVERITY[verdict.status], default=None)
    if verdict is None:
        return "as registered"
    return f"check {verdict.check!r} is {verdict.status}" + (f" ({verdict.output[:120]})" if verdict.output else "")


def overrides_about(view: View, region: str, home: str) -> tuple[Override, ...]:
    """The overrides that count for a region's instances when `home` asks: the region's own, and home's opinions."""
    own = view.region(region).overrides
    held = own if region == home else (*own, *view.region(home).overrides)
    return tuple([override for override in held if override.about == region])


def overrides_of(view: View, region: str, home: str, name: ServiceName) -> tuple[Override, ...]:
    """Those of them that speak of one service."""
    return tuple([override for override in overrides_about(view, region, home) if override.speaks_of(*name)])


def _ranked(judged: list[Decision], query: Query, regions: Sequence[str]) -> tuple[Decision, ...]:
    places = {region: place for place, region in enumerate(regions)}
    last = len(places)
    returned = sorted(
        (decision for decision in judged if decision.returned),
        key=lambda decision: (places.get(decision.region, last), *_order(decision, query)),
    )
    limit = len(returned) if query.limit is None else query.limit
    kept = [msgspec.structs.replace(decision, rank=rank) for rank, decision in enumerate(returned[:limit], 1)]
    cut = [
        msgspec.structs.replace(
            decision, returned=False, reason=Reason.LIMIT, explanation=f"would serve, but the limit is {limit}"
        )
        for decision in returned[limit:]
    ]
    excluded = sorted(
        (decision for decision in judged if not decision.returned),
        key=lambda decision: (places.get(decision.region, last), decision.region, decision.instance.id),
    )
    return (*kept, *cut, *excluded)


def _order(decision: Decision, query: Query) -> tuple[int, int, float, str]:
    far = int(bool(query.zone) and decision.instance.zone != query.zone)
    lot = -_rendezvous(query.seed, decision) if query.seed else 0.0
    return far, SEVERITY[decision.status], lot, decision.instance.id


def _rendezvous(seed: str, decision: Decision) -> float:
    """Weighted rendezvous hashing: each seed has its own stable order, and weight decides how often one is first."""
    digest = hashlib.blake2b(f"{seed}\0{decision.instance.key}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest, "big") + 1) / (2**64 + 1)
    return decision.weight / -math.log(uniform)


def valid_until(
    overrides: tuple[Override, ...], candidates: Iterable[Instance], region: RegionView, now: float
) -> float | None:
    """When time alone may change what is believed of the candidates; None when nothing but a change does."""
    moments = [override.expires_at for override in overrides if override.expires_at and override.expires_at > now]
    if region.blind_since is not None:
        ends = (region.blind_since + (_patience(instance) or 0.0) for instance in candidates)
        moments += [end for end in ends if end > now]
    return min(moments, default=None)


__all__ = [
    "Answer",
    "Decision",
    "Part",
    "Query",
    "Reason",
    "answer",
    "believed",
    "explain",
    "judge",
    "least",
    "overrides_about",
    "overrides_of",
    "valid_until",
]
