"""Every instance of a service in every region, each with the verdict that a lookup from one region has on it.

The one query looks only where it has to. A page shows the others too, judged by the same rules, and says that nobody
looked.
"""

import msgspec

from catalog.query import Answer, explain, judge, overrides_of
from catalog.query_types import Query, Reason, Verdict
from catalog.view import EVERYTHING, ServiceName, View, opinion_name, service_name


class FederationVerdicts(msgspec.Struct, frozen=True):
    """The verdicts by region, and the explanation of the lookup itself."""

    verdicts: dict[str, list[Verdict]]
    answer: Answer

    def of(self, region: str, id: str) -> Verdict | None:
        """The verdict on one instance."""
        return next((verdict for verdict in self.verdicts.get(region, ()) if verdict.instance.id == id), None)

    def step(self, region: str) -> str:
        """Why the lookup looked in a region, or did not."""
        return next((part.step for part in self.answer.parts if part.region == region), "")


def judge_everywhere(view: View, query: Query, now: float) -> FederationVerdicts:
    """All instances of the service as the lookup sees them, those included that it does not look at."""
    whole = explain(view, query, now)
    found: dict[str, list[Verdict]] = {}
    for verdict in whole.verdicts:
        found.setdefault(verdict.region, []).append(verdict)
    for region in sorted(view.regions.keys() - found.keys()):
        verdicts = _unasked(view, query, region, now)
        if verdicts:
            found[region] = verdicts
    return FederationVerdicts(found, whole)


def is_touched(view: View, name: ServiceName, names: frozenset[str]) -> bool:
    """Whether a change of these names, as the view tells them, may change what lookups say of a service.

    Asked for every page with every change, and of how many names the change is made does not matter.
    """
    if service_name(*name) in names or EVERYTHING in names:
        return True
    return any(opinion_name(region) in names for region in view.regions)


def _unasked(view: View, query: Query, region: str, now: float) -> list[Verdict]:
    part, name = view.region(region), (query.namespace, query.service)
    overrides = overrides_of(view, region, query.region, name)
    return [
        _passed_over(judge(instance, query, overrides, part, now), query.region)
        for instance in part.services.get(name, {}).values()
    ]


def _passed_over(verdict: Verdict, home: str) -> Verdict:
    if not verdict.returned:
        return verdict
    why = f"would serve, but a lookup in {home} does not look in {verdict.region}"
    return msgspec.structs.replace(verdict, returned=False, reason=Reason.REGION, explanation=why)
