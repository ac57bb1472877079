"""What if: a view in which a correction has been made already, so that the one query can be asked before and after.

A simulated view shares with the real one all that the correction leaves as it is, and is for asking at once: the shared
regions go on following their logs. Its indexes and digests are those of before.
"""

from collections.abc import Iterable, Sequence

import msgspec

from catalog.query import Answer, answer
from catalog.query_types import Query
from catalog.records.instance import Instance
from catalog.records.override import Override
from catalog.view import RegionView, ServiceName, View


class LookupChange(msgspec.Struct, frozen=True, kw_only=True):
    """A plain lookup of a service from `home`: how many instances it returns before and after, and what differs.

    `keeps`, `loses` and `gains` name instances as `region/id`; `stands_in` are the other regions that answer it
    afterwards.
    """

    namespace: str
    service: str
    home: str
    keeps: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    gains: tuple[str, ...] = ()
    stands_in: tuple[str, ...] = ()

    @property
    def before(self) -> int:
        """How many instances it returns now."""
        return len(self.keeps) + len(self.loses)

    @property
    def after(self) -> int:
        """How many it returns afterwards."""
        return len(self.keeps) + len(self.gains)

    @property
    def is_changed(self) -> bool:
        """Whether the lookup returns other instances than before."""
        return bool(self.loses or self.gains)

    @property
    def is_empty(self) -> bool:
        """Whether the lookup returns nothing afterwards."""
        return self.after == 0

    @property
    def is_emptied(self) -> bool:
        """Whether it returned something before, and nothing afterwards."""
        return self.before > 0 and self.after == 0


def still(view: View) -> View:
    """The view as it is now, for asking it on another thread while the real one goes on."""
    simulated = View(clock=view._clock)
    simulated.regions = {name: _copy(part) for name, part in dict(view.regions).items()}
    simulated.nearness = view.nearness
    return simulated


def with_overrides(view: View, region: str, proposed: Iterable[Override]) -> View:
    """The view as if these overrides stood in the region's log; one with an id replaces what stands under it."""
    joined = {override.id: override for override in view.region(region).overrides}
    nameless = list[Override]()  # not set yet, so not told apart by an id
    for override in proposed:
        if override.id:
            joined.pop(override.id, None)
            joined[override.id] = override
        else:
            nameless.append(override)
    return _with_overrides(view, region, (*joined.values(), *nameless))


def without_overrides(view: View, region: str, ids: Iterable[str]) -> View:
    """The view as if these overrides had been cleared. Unknown ids are passed over."""
    gone = frozenset(ids)
    return _with_overrides(
        view, region, tuple(override for override in view.region(region).overrides if override.id not in gone)
    )


def without_instances(view: View, region: str, keys: Iterable[str]) -> View:
    """The view as if the instances with these keys had been deregistered. Unknown keys are passed over."""
    part = _copy(view.region(region))
    going: dict[ServiceName, dict[str, Instance | None]] = {}
    for key in keys:
        _, namespace, service, id = key.split("/", 3)
        going.setdefault((namespace, service), {})[id] = None
    part.publish(going)
    return _with_part(view, region, part)


def concerned(view: View, override: Override) -> list[Instance]:
    """The instances that the override speaks about, whatever it would do to them."""
    services = view.region(override.about).services
    # A list is a copy in one step: the view goes on changing on another thread.
    names = [(override.namespace, override.service)] if override.service else list(services)
    if override.instance:
        named = services.get(names[0], {}).get(override.instance)
        return [named] if named is not None and override.covers(named) else []
    return [
        instance
        for name in names
        if override.speaks_of(*name)
        for instance in services.get(name, {}).values()
        if override.covers(instance)
    ]


def services_of(instances: Iterable[Instance]) -> tuple[ServiceName, ...]:
    """The services that the instances are of, each once, by name."""
    return tuple(sorted({(instance.namespace, instance.service) for instance in instances}))


def homes_concerned(view: View, override: Override) -> tuple[str, ...]:
    """From where lookups may see the override: an opinion counts at its author's alone; anything else in the region
    itself, and wherever a failover policy may lead there."""
    if override.is_opinion:
        return (override.region,)
    return homes_of(view, override.about)


def homes_of(view: View, region: str) -> tuple[str, ...]:
    """From where plain lookups may be answered with the region's instances: there, and where there are policies."""
    return (region, *sorted(name for name, part in view.regions.items() if name != region and part.policies))


def lookups_changed(
    before: View, after: View, services: Iterable[ServiceName], homes: Sequence[str], now: float
) -> tuple[LookupChange, ...]:
    """What becomes of the plain lookup of each service from each home, one by one, changed or not."""
    names = before.regions.keys() | after.regions.keys()
    other = {name for name in names if before.regions.get(name) is not after.regions.get(name)}
    found = list[LookupChange]()
    for namespace, service in services:
        for home in homes:
            query = Query(region=home, namespace=namespace, service=service)
            was = answer(before, query, now)
            # What does not depend on a region that differs is not asked twice: of many homes that is most of the work.
            differs = any(region in other for region, _ in was.depends)
            found.append(_compared(was, answer(after, query, now) if differs else was))
    return tuple(found)


def _compared(was: Answer, becomes: Answer) -> LookupChange:
    query = was.query
    before, after = _returned(was), _returned(becomes)
    regions = dict.fromkeys(decision.region for decision in becomes.decisions if decision.region != query.region)
    return LookupChange(
        namespace=query.namespace,
        service=query.service,
        home=query.region,
        keeps=tuple(id for id in before if id in after),
        loses=tuple(id for id in before if id not in after),
        gains=tuple(id for id in after if id not in before),
        stands_in=tuple(regions),
    )


def _returned(result: Answer) -> dict[str, None]:
    """The ids in the order of the answer."""
    return dict.fromkeys(f"{decision.region}/{decision.instance.id}" for decision in result.decisions)


def _with_overrides(view: View, region: str, overrides: tuple[Override, ...]) -> View:
    part = _copy(view.region(region))
    part.overrides = overrides
    return _with_part(view, region, part)


def _with_part(view: View, region: str, part: RegionView) -> View:
    simulated = View(clock=view._clock)
    simulated.regions = {**view.regions, region: part}
    simulated.nearness = view.nearness
    return simulated


def _copy(part: RegionView) -> RegionView:
    copy = RegionView()
    for name in RegionView.__slots__:
        value = getattr(part, name)
        setattr(copy, name, dict(value) if isinstance(value, dict) else value)
    return copy
