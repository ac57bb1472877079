"""Every instance of a service in every region, each with the verdict of a lookup made in one region.

A lookup reads only the regions that it needs. A page shows the others too, judged by the same rules, and says that
the lookup did not read them.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from catalog.query import Answer, explain, judge, overrides_of
from catalog.query_types import Query, Reason, Verdict
from catalog.touched import EVERYTHING, opinion_name, service_name
from catalog.view import ServiceName, View


class FederationVerdicts(msgspec.Struct, frozen=True):
    """The verdicts by region, and the explanation of the lookup itself."""

    verdicts: dict[str, list[Verdict]]
    answer: Answer

    def of(self, region: str, id: str) -> Verdict | None:
        """The verdict on one instance."""
        return next((verdict for verdict in self.verdicts.get(region, ()) if verdict.instance.id == id), None)

    def step(self, region: str) -> str:
        """Why the lookup read a region, or did not."""
        return next((part.step for part in self.answer.parts if part.region == region), "")


def judge_everywhere(view: View, query: Query, now: float) -> FederationVerdicts:
    """Verdicts on all instances of the service, including regions that the lookup does not read."""
    whole = explain(view, query, now)
    found: dict[str, list[Verdict]] = {}
    for verdict in whole.verdicts:
        found.setdefault(verdict.region, []).append(verdict)
    for region in sorted(view.regions.keys() - found.keys()):
        verdicts = _unread(view, query, region, now)
        if verdicts:
            found[region] = verdicts
    return FederationVerdicts(found, whole)


def is_touched(view: View, name: ServiceName, names: frozenset[str]) -> bool:
    """Whether a change of these names, as the view's listeners receive them, may change lookups of a service.

    Called for every page with every change, so its cost does not depend on the number of names.
    """
    if service_name(*name) in names or EVERYTHING in names:
        return True
    return any(opinion_name(region) in names for region in view.regions)


def answer_inputs(view: View, regions: Iterable[str], name: ServiceName) -> tuple[Any, ...]:
    """Everything that lookups of a service depend on, to be compared with what it was: a change replaces it."""
    parts = [view.region(region) for region in regions]
    own = [
        (part.services.get(name), part.overrides, part.policies.get(name), part.freshness, part.blind_since)
        for part in parts
    ]
    return (*own, view.nearness)


def _unread(view: View, query: Query, region: str, now: float) -> list[Verdict]:
    part, name = view.region(region), (query.namespace, query.service)
    overrides = overrides_of(view, region, query.region, name)
    return [
        _not_read(judge(instance, query, overrides, part, now), query.region)
        for instance in part.services.get(name, {}).values()
    ]


def _not_read(verdict: Verdict, home: str) -> Verdict:
    if not verdict.returned:
        return verdict
    why = f"serving, but a lookup in {home} does not use {verdict.region}"
    return msgspec.structs.replace(verdict, returned=False, reason=Reason.REGION, explanation=why)
