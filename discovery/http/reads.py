"""A read: a request becomes a question, and the question an answer from the view."""

from collections.abc import Iterable
from functools import partial

import msgspec

from catalog.errors import NotFound
from catalog.instance import Instance
from catalog.query import Query, Verdict, answer, explain
from catalog.status import Status
from catalog.view import RegionView, View, namespace_name
from discovery.answers import Encoded, Question
from discovery.http import shapes
from discovery.http.shapes import Explanation, Listed

EVERY_STATUS = frozenset(Status)


def lookup(query: Query) -> Question:
    """The instances of a service."""
    return Question(("services/lookup", query), partial(_look_up, query))


def explanation(query: Query) -> Question:
    """Why each instance of a service is returned by the lookup, or is not."""
    return Question(("services/explain", query), partial(_explain, query))


def _look_up(query: Query, view: View, now: float) -> Encoded:
    found = answer(view, query, now)
    return shapes.encoded(found, [shapes.served(verdict) for verdict in found.verdicts])


def _explain(query: Query, view: View, now: float) -> Encoded:
    found = explain(view, query, now)
    body = Explanation(
        service=query.service,
        namespace=query.namespace,
        region=query.region,
        returned=sum(verdict.returned for verdict in found.verdicts),
        instances=[shapes.explained(verdict) for verdict in found.verdicts],
    )
    return shapes.encoded(found, body)


def instance(region: str, namespace: str, service: str, id: str) -> Question:
    """One instance, whatever its status."""
    return Question(
        ("services/instance", region, namespace, service, id), partial(_one, _any(region, namespace, service), id)
    )


def is_personal(question: Question) -> bool:
    """Whether the answer depends on who asks, so that path and query alone do not find it."""
    _, query = question.key if isinstance(question.key, tuple) and len(question.key) == 2 else ("", None)
    return isinstance(query, Query) and bool(query.seed)


def _one(query: Query, id: str, view: View, now: float) -> Encoded:
    found = explain(view, query, now)
    verdict = next((verdict for verdict in found.verdicts if verdict.instance.id == id), None)
    if verdict is None:
        return shapes.encoded(msgspec.structs.replace(found, known=False), None, id)
    return shapes.encoded(found, shapes.served(verdict))


def require_region(view: View, region: str, *, local: str) -> None:
    """Raises NotFound, naming the regions that are known, unless it is one of them."""
    if region != local and region not in view.regions:
        known = ", ".join(sorted({local, *view.regions}))
        raise NotFound(f"no region {region[:80]!r} is known here: known are {known}")


class Listing:
    """The services of a namespace with their counts. What is known of a service is kept until the service changes."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], tuple[object, Listed]] = {}

    def question(self, region: str, namespace: str) -> Question:
        """The list of one namespace."""
        return Question(("services", region, namespace), partial(self._list, region, namespace))

    def _list(self, region: str, namespace: str, view: View, now: float) -> Encoded:
        part = view.region(region)
        ruled = part.blind_since is not None or any(override.namespace == namespace for override in part.overrides)
        listed: list[Listed] = []
        ends: list[float] = []
        for name in sorted(service for space, service in part.services if space == namespace):
            if ruled:
                found = explain(view, _any(region, namespace, name), now)
                listed.append(_listed(namespace, name, found.verdicts))
                ends += [] if found.valid_until is None else [found.valid_until]
            else:
                listed.append(self._plain(part, region, namespace, name))
        depends = namespace_name(namespace)
        return Encoded(
            msgspec.json.encode(listed),
            region=region,
            index=part.touched(depends),
            freshness=part.freshness,
            depends=frozenset({depends}),
            valid_until=min(ends, default=None),
        )

    def _plain(self, part: RegionView, region: str, namespace: str, name: str) -> Listed:
        """What nobody overrides is as its records say, and they are replaced whole when one of them changes."""
        instances = part.services[(namespace, name)]
        kept = self._kept.get((region, namespace, name))
        if kept is None or kept[0] is not instances:
            kept = (instances, _listed(namespace, name, instances.values()))
            self._kept[(region, namespace, name)] = kept
        return kept[1]


def _any(region: str, namespace: str, service: str) -> Query:
    return Query(region=region, namespace=namespace, service=service, statuses=EVERY_STATUS)


def _listed(namespace: str, name: str, members: Iterable[Instance | Verdict]) -> Listed:
    counts: dict[Status, int] = {}
    tags, versions = set[str](), set[str]()
    number = 0
    for member in members:
        instance: Instance = member.instance if isinstance(member, Verdict) else member
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
