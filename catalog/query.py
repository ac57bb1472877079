"""The one query: which instances of a service are returned, in which order, and why.

Every protocol asks it. `judge` gives each candidate a verdict with its reasons; an answer is the verdicts that are
`returned`, an explanation is all of them. It reads the view, an explicit `now`, and nothing else.
"""

import hashlib
import math
from enum import StrEnum

import msgspec

from catalog.filter import Filter
from catalog.instance import DEFAULT_NAMESPACE, Instance
from catalog.override import Override, ruling
from catalog.status import SERVING, SEVERITY, Status
from catalog.view import Freshness, RegionView, View, service_name

STALE_INTERVALS = 3  # a probed verdict older than this many intervals, while nobody probes, is `unknown`


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A lookup, in no protocol's words. Empty fields do not restrict.

    `zone` is a preference, not a filter. `seed` names who asks: with a `limit`, each asker gets a stable share of the
    instances, spread by weight.
    """

    region: str
    service: str
    namespace: str = DEFAULT_NAMESPACE
    tags: tuple[str, ...] = ()
    version: str = ""
    zone: str = ""
    statuses: frozenset[Status] = SERVING
    port: str = ""
    filter: Filter | None = None
    limit: int | None = None
    seed: str = ""


class Reason(StrEnum):
    """Why an instance is returned or not; the first that excludes decides."""

    STATUS = "status"
    OVERRIDE = "override"
    DRAINED = "drained"
    TAG = "tag"
    VERSION = "version"
    PORT = "port"
    FILTER = "filter"
    LIMIT = "limit"
    SERVES = "serves"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the query decided about one instance: status and weight after overrides, and the port asked for."""

    instance: Instance
    region: str
    returned: bool
    reason: Reason
    explanation: str
    status: Status
    weight: int
    port: int
    rank: int | None = None
    override: Override | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a query came to.

    `known` tells an empty answer from an unknown name. `index` is where something that the answer depends on last
    changed; `depends` are the names in the view that it read; after `valid_until` time alone may change it.
    """

    query: Query
    known: bool
    verdicts: tuple[Verdict, ...]
    index: int
    freshness: Freshness
    depends: frozenset[str]
    valid_until: float | None = None


def answer(view: View, query: Query, now: float) -> Answer:
    """The instances to return, best first."""
    whole = explain(view, query, now)
    return msgspec.structs.replace(whole, verdicts=tuple(verdict for verdict in whole.verdicts if verdict.returned))


def explain(view: View, query: Query, now: float) -> Answer:
    """The same as `answer`, with the verdict on every instance of the service: the returned ones first, in order."""
    region = view.region(query.region)
    name = service_name(query.namespace, query.service)
    candidates = region.services.get((query.namespace, query.service))
    overrides = _relevant(region, query)
    judged = [judge(instance, query, overrides, region, now) for instance in (candidates or {}).values()]
    return Answer(
        query=query,
        known=candidates is not None,
        verdicts=_ranked(judged, query),
        index=region.touched(name),
        freshness=region.freshness,
        depends=frozenset({name}),
        valid_until=_valid_until(overrides, candidates, region, now),
    )


def judge(instance: Instance, query: Query, overrides: tuple[Override, ...], region: RegionView, now: float) -> Verdict:
    """The verdict on one instance, before ordering and limits."""
    by_status, by_weight = ruling(overrides, instance, now)
    status = by_status.status if by_status and by_status.status else believed(instance, region.blind_since, now)
    weight = by_weight.weight if by_weight and by_weight.weight is not None else instance.weight
    reason, explanation = _reason(instance, query, status, weight, by_status, by_weight)
    return Verdict(
        instance=instance,
        region=query.region,
        returned=reason is Reason.SERVES,
        reason=reason,
        explanation=explanation,
        status=status,
        weight=weight,
        port=instance.ports.get(query.port, instance.port) if query.port else instance.port,
        override=by_status or by_weight,
    )


def believed(instance: Instance, blind_since: float | None, now: float) -> Status:
    """The reported status, or `unknown` when it rests on probes and nobody has probed for too long.

    Only good news grows old: an instance last seen critical is not trusted with traffic because nobody looks.
    """
    if blind_since is None or instance.status not in (Status.PASSING, Status.WARNING):
        return instance.status
    patience = _patience(instance)
    return Status.UNKNOWN if patience is not None and now - blind_since >= patience else instance.status


def _patience(instance: Instance) -> float | None:
    lengths = [STALE_INTERVALS * check.interval + check.timeout for check in instance.checks if check.type != "ttl"]
    return min(lengths, default=None)


def _reason(
    instance: Instance,
    query: Query,
    status: Status,
    weight: int,
    by_status: Override | None,
    by_weight: Override | None,
) -> tuple[Reason, str]:
    if status not in query.statuses:
        if by_status:
            return Reason.OVERRIDE, f"{status} by override of {by_status.author}: {by_status.reason}"
        return Reason.STATUS, f"{status}: {_why(instance)}"
    if weight == 0:
        note = f" by override of {by_weight.author}: {by_weight.reason}" if by_weight else ""
        return Reason.DRAINED, f"drained, weight 0{note}"
    missing = [tag for tag in query.tags if tag not in instance.tags]
    if missing:
        return Reason.TAG, f"does not have the tag {missing[0]!r}"
    if query.version and instance.version != query.version:
        return Reason.VERSION, f"is version {instance.version or 'none'!r}, not {query.version!r}"
    if query.port and query.port not in instance.ports:
        return Reason.PORT, f"has no port named {query.port!r}"
    if query.filter and not query.filter.accepts(instance):
        return Reason.FILTER, f"does not match {query.filter.text!r}"
    held_up = f" by override of {by_status.author}: {by_status.reason}" if by_status else ""
    return Reason.SERVES, f"{status}{held_up}"


def _why(instance: Instance) -> str:
    if instance.lease_expired:
        return "its lease expired without a renewal"
    verdict = max(instance.verdicts, key=lambda verdict: SEVERITY[verdict.status], default=None)
    if verdict is None:
        return "as registered"
    return f"check {verdict.check!r} is {verdict.status}" + (f" ({verdict.output[:120]})" if verdict.output else "")


def _relevant(region: RegionView, query: Query) -> tuple[Override, ...]:
    return tuple(
        override
        for override in region.overrides
        if override.namespace == query.namespace and override.service in ("", query.service)
    )


def _ranked(judged: list[Verdict], query: Query) -> tuple[Verdict, ...]:
    returned = sorted((verdict for verdict in judged if verdict.returned), key=lambda verdict: _order(verdict, query))
    limit = len(returned) if query.limit is None else query.limit
    kept = [msgspec.structs.replace(verdict, rank=rank) for rank, verdict in enumerate(returned[:limit], 1)]
    cut = [
        msgspec.structs.replace(
            verdict, returned=False, reason=Reason.LIMIT, explanation=f"would serve, but the limit is {limit}"
        )
        for verdict in returned[limit:]
    ]
    excluded = sorted((verdict for verdict in judged if not verdict.returned), key=lambda verdict: verdict.instance.id)
    return (*kept, *cut, *excluded)


def _order(verdict: Verdict, query: Query) -> tuple[int, int, float, str]:
    far = int(bool(query.zone) and verdict.instance.zone != query.zone)
    lot = -_rendezvous(query.seed, verdict) if query.seed else 0.0
    return far, SEVERITY[verdict.status], lot, verdict.instance.id


def _rendezvous(seed: str, verdict: Verdict) -> float:
    """Weighted rendezvous hashing: each seed has its own stable order, and weight decides how often one is first."""
    digest = hashlib.blake2b(f"{seed}\0{verdict.instance.key}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest, "big") + 1) / (2**64 + 1)
    return verdict.weight / -math.log(uniform)


def _valid_until(overrides: tuple[Override, ...], candidates: object, region: RegionView, now: float) -> float | None:
    moments = [override.expires_at for override in overrides if override.expires_at and override.expires_at > now]
    if region.blind_since is not None and isinstance(candidates, dict):
        ends = (region.blind_since + (_patience(instance) or 0.0) for instance in candidates.values())
        moments += [end for end in ends if end > now]
    return min(moments, default=None)
