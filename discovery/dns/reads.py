"""Reads: what a name asks for, put to the one query.

What is found says three things apart that DNS tells apart: the name does not exist (NXDOMAIN), it exists and there
is nothing to say (NOERROR), or nothing is known yet (SERVFAIL). A name exists while anything is registered under it,
healthy or not: a resolver that once got NXDOMAIN would not ask again for a service that recovers.
"""

from collections.abc import Iterable
from itertools import chain

import msgspec

from catalog.query import Decision, Part, Query, answer, least
from catalog.records.instance import Instance
from catalog.touched import EVERYTHING
from catalog.view import Freshness, State, View
from discovery.dns.names import Fixed, Host, Inner, Route, Service

Dependency = tuple[str, str]  # region, and a name in its part of the view

SERIAL_AGE = 1.0  # seconds for which the zone's serial may lag: no name is touched by every change


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a name stands for. `address` is set for names that are one, `decisions` for services.

    `parts` are the regions that had a say in a service's answer; with `of_freshness` they are what was asked for.
    `depends` and `valid_until` say how long it may be kept; `index` is the region's, for the zone's serial.
    """

    region: str
    exists: bool
    index: int
    freshness: Freshness
    depends: frozenset[Dependency]
    fixed: Fixed | None = None
    address: str = ""
    decisions: tuple[Decision, ...] = ()
    parts: tuple[Part, ...] = ()
    of_freshness: bool = False
    valid_until: float | None = None

    def freshness_of(self, region: str) -> Freshness:
        """How fresh one region's part in the answer is."""
        return next((part.freshness for part in self.parts if part.region == region), self.freshness)

    @property
    def loaded(self) -> bool:
        """False while there never was contact with the region, which is not the same as nothing being registered."""
        return self.fixed is not None or self.freshness.state is not State.UNKNOWN


def find(view: View, route: Route, *, local: str, now: float) -> Finding:
    """What the route leads to in the view. `local` is the region that a name without one means."""
    if isinstance(route, Fixed):
        return _finding(view, local, exists=route is not Fixed.NOTHING, fixed=route, valid_until=now + SERIAL_AGE)
    region = route.place.region or local
    if region != local and region not in view.regions:
        # Its name will be touched when the region becomes known.
        return _finding(view, local, exists=False, depends={(region, EVERYTHING)})
    if isinstance(route, Inner):
        return _finding(view, region, exists=True)
    if isinstance(route, Host):
        return _finding(view, region, exists=True, address=route.address)
    return _service(view, route, local, now)


def _service(view: View, route: Service, local: str, now: float) -> Finding:
    """A name with a region in it is answered from that region, one without from home or where its policy leads."""
    regions = (route.place.region,) if route.place.region else ()
    query = Query(region=local, regions=regions, service=route.name, namespace=route.place.namespace)
    whole = answer(view, query, now)
    region = route.place.region or local
    if not whole.known:
        # `name.<domain>` may be a region's, which only has names below it.
        is_region = route.is_short and (route.name == region or route.name in view.regions)
        return _finding(view, region, exists=is_region, depends={*whole.depends, (route.name, EVERYTHING)})
    instances = _registered(view, whole.parts, route)
    queries = _queries(route, query, instances)
    answers = [whole if asked == query else answer(view, asked, now) for asked in queries]
    parts = next((found.parts for found in answers if found.decisions), whole.parts)
    moments = [found.valid_until for found in answers if found.valid_until is not None]
    # An instance may carry two spellings of one tag; it is still one instance.
    decisions = {(decision.region, decision.instance.id): decision for found in answers for decision in found.decisions}
    return _finding(
        view,
        region,
        exists=bool(queries) or _is_inner(route, instances),
        depends={*whole.depends, *((part.region, EVERYTHING) for part in whole.parts)},
        decisions=() if route.of_freshness else tuple(decisions.values()),
        parts=parts,
        of_freshness=route.of_freshness,
        valid_until=min(moments, default=None),
    )


def _registered(view: View, parts: tuple[Part, ...], route: Service) -> tuple[Instance, ...]:
    """Every instance of the service in the regions that may have a say."""
    name = (route.place.namespace, route.name)
    return tuple(chain.from_iterable(view.region(part.region).services.get(name, {}).values() for part in parts))


def _queries(route: Service, query: Query, instances: tuple[Instance, ...]) -> list[Query]:
    """The questions to ask: one, or one for each way in which the instances spell the tag, as DNS folds case."""
    if route.second and any(route.second in instance.ports for instance in instances):
        return [msgspec.structs.replace(query, port=route.second)]
    tag = route.tag or route.second
    if not tag:
        return [query]
    spellings = {spelling for spelling in _tags(instances) if spelling.lower() == tag}
    return [msgspec.structs.replace(query, tags=(spelling,)) for spelling in sorted(spellings)]


def _is_inner(route: Service, instances: tuple[Instance, ...]) -> bool:
    """Whether the name is the end of a tag with dots in it, and so has names below it."""
    return any(spelling.lower().endswith(f".{route.tag}") for spelling in _tags(instances))


def _tags(instances: Iterable[Instance]) -> Iterable[str]:
    return (tag for instance in instances for tag in instance.tags)


def _finding(
    view: View,
    region: str,
    *,
    exists: bool,
    depends: set[Dependency] | None = None,
    fixed: Fixed | None = None,
    address: str = "",
    decisions: tuple[Decision, ...] = (),
    parts: tuple[Part, ...] = (),
    of_freshness: bool = False,
    valid_until: float | None = None,
) -> Finding:
    known = view.region(region)
    used = [part.freshness for part in parts if part.used]
    return Finding(
        region=region,
        exists=exists,
        index=known.index,
        freshness=least(used) if used else known.freshness,
        # Every answer shows the region's freshness, and so goes when that changes.
        depends=frozenset({(region, EVERYTHING)} | (depends or set())),
        fixed=fixed,
        address=address,
        decisions=decisions,
        parts=parts,
        of_freshness=of_freshness,
        valid_until=valid_until,
    )
