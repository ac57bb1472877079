"""Every instance of a service in every region, each with the decision of a lookup made in one region.

A lookup reads only the regions that it needs. A page shows the others too, judged by the same rules, and says that
the lookup did not read them.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from catalog.query import Answer, explain, judge, overrides_of
from catalog.query_types import Decision, Query, Reason
from catalog.touched import EVERYTHING, opinion_name, service_name
from catalog.view import ServiceName, View


class FederationDecisions(msgspec.Struct, frozen=True):
    """The decisions by region, and the explanation of the lookup itself."""

    decisions: dict[str, list[Decision]]
    answer: Answer

    def of(self, region: str, id: str) -> Decision | None:
        """The decision on one instance."""
        return next((decision for decision in self.decisions.get(region, ()) if decision.instance.id == id), None)

    def step(self, region: str) -> str:
        """Why the lookup read a region, or did not."""
        return next((part.step for part in self.answer.parts if part.region == region), "")


def judge_everywhere(view: View, query: Query, now: float) -> FederationDecisions:
    """Verdicts on all instances of the service, including regions that the lookup does not read."""
    whole = explain(view, query, now)
    found: dict[str, list[Decision]] = {}
    for decision in whole.decisions:
        found.setdefault(decision.region, []).append(decision)
    for region in sorted(view.regions.keys() - found.keys()):
        decisions = _unread(view, query, region, now)
        if decisions:
            found[region] = decisions
    return FederationDecisions(found, whole)


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


def _unread(view: View, query: Query, region: str, now: float) -> list[Decision]:
    part, name = view.region(region), (query.namespace, query.service)
    overrides = overrides_of(view, region, query.region, name)
    return [
        _not_read(judge(instance, query, overrides, part, now), query.region)
        for instance in part.services.get(name, {}).values()
    ]


def _not_read(decision: Decision, home: str) -> Decision:
    if not decision.returned:
        return decision
    why = f"serving, but a lookup in {home} does not use {decision.region}"
    return msgspec.structs.replace(decision, returned=False, reason=Reason.REGION, explanation=why)
