"""Reads of the native dialect: what is read of the view, and how it is rendered."""

from collections.abc import Iterable
from functools import partial

import msgspec

from catalog.query import Decision, Part, Query, answer, explain, least
from catalog.query_types import ALL
from catalog.records.instance import Instance
from catalog.records.status import Status
from catalog.region_choice import by_distance
from catalog.touched import EVERYTHING, FEDERATION, namespace_name, opinion_name
from catalog.view import RegionView, ServiceName, View
from discovery.answers.cache import Read, Rendered
from discovery.http import shapes
from discovery.http.shapes import Explanation, Listed

EVERY_STATUS = frozenset(Status)

Kept = dict[ServiceName, tuple[object, Listed]]  # a service's instances as they were, and what was listed of them


def lookup(query: Query) -> Read:
    """The instances of a service."""
    return Read(("lookup", query), partial(_look_up, query), personal=bool(query.seed))


def explanation(query: Query) -> Read:
    """Why each instance of a service is returned by the lookup, or is not."""
    return Read(("explain", query), partial(_explain, query), personal=bool(query.seed))


def _look_up(query: Query, view: View, now: float) -> Rendered:
    found = answer(view, query, now)
    return shapes.rendered(found, shapes.lookup(found))


def _explain(query: Query, view: View, now: float) -> Rendered:
    found = explain(view, query, now)
    body = Explanation(
        service=query.service,
        namespace=query.namespace,
        region=query.region,
        returned=sum(decision.returned for decision in found.decisions),
        regions=[shapes.part(part) for part in found.parts],
        instances=[shapes.explained(decision) for decision in found.decisions],
    )
    return shapes.rendered(found, body)


def instance(home: str, region: str, namespace: str, service: str, id: str) -> Read:
    """One instance, whatever its status."""
    query = _any(home, region, namespace, service)
    return Read(("instance", region, namespace, service, id), partial(_one, query, id))


def _one(query: Query, id: str, view: View, now: float) -> Rendered:
    found = explain(view, query, now)
    decision = next((decision for decision in found.decisions if decision.instance.id == id), None)
    if decision is None:
        return shapes.rendered(msgspec.structs.replace(found, known=False), None, id)
    [served] = shapes.lookup(msgspec.structs.replace(found, decisions=(decision,)))
    return shapes.rendered(found, served)


def plainest(view: View, query: Query) -> Query:
    """The same query in its most common form: without a policy, home by name is home.

    Only for an answer that is given now: a client that waits may see a policy come.
    """
    is_home = query.regions == (query.region,)
    ruled = (query.namespace, query.service) in view.region(query.region).policies
    return msgspec.structs.replace(query, regions=()) if is_home and not ruled else query


class Listing:
    """The services of a namespace with their counts. What is known of a service is kept until the service changes."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}  # by region

    def read(self, home: str, regions: tuple[str, ...], namespace: str) -> Read:
        """The list of one namespace, over one region or several."""
        return Read(("services", regions, namespace), partial(self._render, home, regions or (home,), namespace))

    def _render(self, home: str, regions: tuple[str, ...], namespace: str, view: View, now: float) -> Rendered:
        for gone in self._kept.keys() - view.regions.keys():
            del self._kept[gone]
        everywhere = ALL in regions
        if everywhere or len(regions) > 1:
            regions = by_distance(view, home, {home, *view.regions} if everywhere else regions)
        lists = [self._list(home, region, namespace, view, now) for region in regions]
        name = namespace_name(namespace)
        ends = [end for _, ends in lists for end in ends]
        depends = {(region, name) for region in regions}
        depends |= {(home, opinion_name(region)) for region in regions if region != home}
        parts = tuple(_part(view, region, namespace) for region in regions)
        return Rendered(
            body=msgspec.json.encode(merged([listed for listed, _ in lists])),
            region=regions[0] if len(regions) == 1 else home,
            index=sum(part.index for part in parts),
            freshness=least([part.freshness for part in parts]),
            depends=frozenset(depends | ({(FEDERATION, EVERYTHING)} if len(regions) > 1 or everywhere else set())),
            parts=parts if len(regions) > 1 else (),
            valid_until=min(ends, default=None),
        )

    def _list(self, home: str, region: str, namespace: str, view: View, now: float) -> tuple[list[Listed], list[float]]:
        """The services of one region, and the moments at which time alone may change them."""
        part = view.region(region)
        opinions = view.region(home).overrides
        ruled = (
            part.blind_since is not None
            or any(override.about == region for override in part.overrides)
            or (region != home and any(override.about == region for override in opinions))
        )
        kept = {name: known for name, known in self._kept.get(region, {}).items() if name in part.services}
        listed: list[Listed] = []
        ends: list[float] = []
        for name in sorted(service for space, service in part.services if space == namespace):
            if ruled:
                found = explain(view, _any(home, region, namespace, name), now)
                listed.append(_listed(namespace, name, found.decisions))
                ends += [] if found.valid_until is None else [found.valid_until]
            else:
                listed.append(_plain(part, kept, namespace, name))
        if region in view.regions:
            self._kept[region] = kept
        return listed, ends


def _plain(part: RegionView, kept: Kept, namespace: str, name: str) -> Listed:
    """Without overrides a service is as its records say, and they are replaced whole when one of them changes."""
    instances = part.services[(namespace, name)]
    known = kept.get((namespace, name))
    if known is None or known[0] is not instances:
        known = kept[(namespace, name)] = (instances, _listed(namespace, name, instances.values()))
    return known[1]


def _any(home: str, region: str, namespace: str, service: str) -> Query:
    return Query(region=home, regions=(region,), namespace=namespace, service=service, statuses=EVERY_STATUS)


def _part(view: View, region: str, namespace: str) -> Part:
    part = view.region(region)
    index = part.touched(namespace_name(namespace))
    return Part(region=region, index=index, freshness=part.freshness, known=region in view.regions, used=True)


def merged(lists: list[list[Listed]]) -> list[Listed]:
    """The same services of several regions as one list, their counts added up."""
    if len(lists) == 1:
        return lists[0]
    by_name: dict[str, Listed] = {}
    for listed in (one for several in lists for one in several):
        known = by_name.get(listed.name)
        by_name[listed.name] = listed if known is None else _sum(known, listed)
    return [by_name[name] for name in sorted(by_name)]


def _sum(one: Listed, other: Listed) -> Listed:
    counts = {status: one.statuses.get(status, 0) + other.statuses.get(status, 0) for status in Status}
    return Listed(
        name=one.name,
        namespace=one.namespace,
        instances=one.instances + other.instances,
        statuses={status: count for status, count in counts.items() if count},
        tags=sorted({*one.tags, *other.tags}),
        versions=sorted({*one.versions, *other.versions}),
    )


def _listed(namespace: str, name: str, members: Iterable[Instance | Decision]) -> Listed:
    counts: dict[Status, int] = {}
    tags, versions = set[str](), set[str]()
    number = 0
    for member in members:
        instance: Instance = member.instance if isinstance(member, Decision) else member
        counts[member.status] = counts.get(member.status, 0) + 1
        tags.update(instance.tags)
        versions.update({instance.version} - {""})
        number += 1
    return Listed(
        name=name,
        namespace=namespace,
        instances=number,
        statuses={status: counts[status] for status in Status if status in counts},
        tags=sorted(tags),
        versions=sorted(versions),
    )
