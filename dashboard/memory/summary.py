"""Totals over the instances of a service in one region, cached while they stay the same."""

import math
from collections.abc import Iterable, Mapping

import msgspec

from catalog.query import believed, overrides_about, valid_until
from catalog.records.instance import Instance
from catalog.records.override import Override, effective
from catalog.records.status import SERVING, Status
from catalog.view import RegionView, ServiceName, View

STATUSES = tuple(Status)


class ServiceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """`statuses` are those after overrides. `serving` counts instances that lookups return, `out` those that they do
    not although they report to be healthy: drained or out of service by an override."""

    region: str
    statuses: Mapping[Status, int]
    instances: int
    serving: int
    out: int
    overridden: int
    zones: frozenset[str]
    versions: frozenset[str]
    tags: frozenset[str]
    owners: frozenset[str]


class SummaryCache:
    """Summaries of every service of every region in a view, as the consumers of `home` see it. One thread at a time."""

    def __init__(self, view: View, home: str) -> None:
        self._view, self._home = view, home
        self._kept: dict[str, dict[ServiceName, _Cached]] = {}
        self._overrides: dict[str, tuple[object, object, tuple[Override, ...]]] = {}

    def overrides(self, region: str) -> tuple[Override, ...]:
        """See `overrides_about`. The same tuple as long as they stay the same."""
        theirs, ours = self._view.region(region).overrides, self._view.region(self._home).overrides
        known = self._overrides.get(region)
        if known is None or known[0] is not theirs or known[1] is not ours:
            known = self._overrides[region] = (theirs, ours, overrides_about(self._view, region, self._home))
        return known[2]

    def of_region(self, region: str, now: float) -> dict[ServiceName, ServiceSummary]:
        """All services of a region."""
        self._drop_regions_that_left()
        if region not in self._view.regions:
            return {}
        part, overrides = self._view.region(region), self.overrides(region)
        known = self._kept.get(region, {})
        # A copy in one step: the view goes on changing on another thread.
        kept = {
            name: _summary(known.get(name), region, part, overrides, name, found, now)
            for name, found in dict(part.services).items()
        }
        self._kept[region] = kept  # what is gone from the region is forgotten here too
        return {name: one.summary for name, one in kept.items()}

    def _drop_regions_that_left(self) -> None:
        for region in self._kept.keys() - self._view.regions.keys():
            del self._kept[region]
            self._overrides.pop(region, None)


class _Cached(msgspec.Struct, frozen=True):
    """A summary, and what it was computed from. Time alone may change it after `valid_until`."""

    found: object
    overrides: object
    blind_since: float | None
    valid_until: float
    summary: ServiceSummary


def _summary(
    known: _Cached | None,
    region: str,
    part: RegionView,
    overrides: tuple[Override, ...],
    name: ServiceName,
    found: Mapping[str, Instance],
    now: float,
) -> _Cached:
    blind_since = part.blind_since
    if (
        known
        and known.found is found
        and known.overrides is overrides
        and known.blind_since == blind_since
        and now < known.valid_until
    ):
        return known
    words = tuple([override for override in overrides if override.speaks_of(*name)])
    ends = valid_until(words, found.values(), part, now)
    summary = summarised(region, found.values(), words, blind_since, now)
    return _Cached(found, overrides, blind_since, math.inf if ends is None else ends, summary)


def summarised(
    region: str,
    instances: Iterable[Instance],
    overrides: tuple[Override, ...],
    blind_since: float | None,
    now: float,
) -> ServiceSummary:
    """The totals over instances."""
    statuses = dict.fromkeys(STATUSES, 0)
    serving = out = overridden = 0
    zones, versions, tags, owners = set[str](), set[str](), set[str](), set[str]()
    for instance in instances:
        counts = effective(overrides, instance, believed(instance, blind_since, now), now)
        statuses[counts.status] += 1
        serving += counts.serves
        out += not counts.serves and instance.status in SERVING
        overridden += counts.override is not None
        zones.add(instance.zone)
        versions.add(instance.version)
        tags.update(instance.tags)
        owners.add(instance.owner)
    return ServiceSummary(
        region=region, statuses=statuses, instances=sum(statuses.values()), serving=serving, out=out,
        overridden=overridden, zones=frozenset(zones), versions=frozenset(versions), tags=frozenset(tags),
        owners=frozenset(owners),
    )  # fmt: skip
