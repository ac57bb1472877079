"""Reads: a wish in a name, put to the one query.

What is found says three things apart that DNS tells apart: the name does not exist (NXDOMAIN), it exists and there
is nothing to say (NOERROR), or nobody knows yet (SERVFAIL). A name exists as long as anything is registered under it,
healthy or not: a resolver that once heard NXDOMAIN would not ask again for a service that recovers.
"""

from collections.abc import Iterable

import msgspec

from catalog.instance import Instance
from catalog.query import Query, Verdict, answer
from catalog.view import EVERYTHING, Freshness, RegionView, State, View, service_name
from discovery.dns.routes import Fixed, Host, Inner, Route, Service

Dependency = tuple[str, str]  # region, and a name in its part of the view

SERIAL_AGE = 1.0  # seconds for which the zone's serial may lag: no name is touched by every change


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a name stands for. `address` is set for names that are one, `verdicts` for services.

    `depends` and `valid_until` say how long it may be kept; `index` is the region's, for the zone's serial.
    """

    region: str
    exists: bool
    index: int
    freshness: Freshness
    depends: frozenset[Dependency]
    fixed: Fixed | None = None
    address: str = ""
    verdicts: tuple[Verdict, ...] = ()
    valid_until: float | None = None

    @property
    def loaded(self) -> bool:
        """False while nothing was ever heard of the region, which is not the same as nothing being registered."""
        return self.fixed is not None or self.freshness.state is not State.UNKNOWN


def find(view: View, route: Route, *, local: str, now: float) -> Finding:
    """What the route leads to in the view. `local` is the region that a name without one means."""
    if isinstance(route, Fixed):
        return _finding(view, local, exists=route is not Fixed.NOTHING, fixed=route, valid_until=now + SERIAL_AGE)
    region = route.place.region or local
    if region != local and region not in view.regions:
        # Its name will be touched when the region is heard of.
        return _finding(view, local, exists=False, depends={(region, EVERYTHING)})
    if isinstance(route, Inner):
        return _finding(view, region, exists=True)
    if isinstance(route, Host):
        return _finding(view, region, exists=True, address=route.address)
    return _service(view, route, region, now)


def _service(view: View, route: Service, region: str, now: float) -> Finding:
    instances = _registered(view.region(region), route)
    depends = {(region, service_name(route.place.namespace, route.name))}
    if not instances:
        # `name.<domain>` may be a region's, which only has names below it.
        is_region = route.is_short and (route.name == region or route.name in view.regions)
        return _finding(view, region, exists=is_region, depends=depends | {(route.name, EVERYTHING)})
    queries = _queries(route, region, instances)
    answers = [answer(view, query, now) for query in queries]
    moments = [found.valid_until for found in answers if found.valid_until is not None]
    # An instance may carry two spellings of one tag; it is still one instance.
    verdicts = {verdict.instance.id: verdict for found in answers for verdict in found.verdicts}
    return _finding(
        view,
        region,
        exists=bool(queries) or _is_inner(route, instances),
        depends=depends,
        verdicts=tuple(verdicts.values()),
        valid_until=min(moments, default=None),
    )


def _registered(region: RegionView, route: Service) -> tuple[Instance, ...]:
    return tuple(region.services.get((route.place.namespace, route.name), {}).values())


def _queries(route: Service, region: str, instances: tuple[Instance, ...]) -> list[Query]:
    """The questions to ask: one, or one for each way in which the instances spell the tag, as DNS folds case."""
    query = Query(region=region, service=route.name, namespace=route.place.namespace)
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
    verdicts: tuple[Verdict, ...] = (),
    valid_until: float | None = None,
) -> Finding:
    known = view.region(region)
    return Finding(
        region=region,
        exists=exists,
        index=known.index,
        freshness=known.freshness,
        # Every answer shows the region's freshness, and so goes when that changes.
        depends=frozenset({(region, EVERYTHING)} | (depends or set())),
        fixed=fixed,
        address=address,
        verdicts=verdicts,
        valid_until=valid_until,
    )
