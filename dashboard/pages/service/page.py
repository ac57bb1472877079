"""The page of one service: its instances in every region, its health over time, and what clients get from lookups."""

import math
from collections.abc import Mapping
from typing import Any

from django.utils.functional import cached_property

from catalog.errors import CatalogError
from catalog.query import overrides_of
from catalog.query_types import Decision, Query
from catalog.records.override import Override, Scope
from catalog.view import State as FreshnessState
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.live.row_cache import RowCache
from dashboard.memory.health_series import joined
from dashboard.pages.service import parts
from dashboard.pages.service.decisions import FederationDecisions, answer_inputs, is_touched, judge_everywhere
from dashboard.pages.service.facts import LENGTHS, ServiceFacts, facts_reader
from dashboard.pages.service.lookup_cache import LookupCache
from dashboard.pages.service.row import InstanceRow, instance_row
from dashboard.pictures.chart.health import health_over_time
from dashboard.pictures.chart.sparkline import sparkline
from dashboard.words.answer_as import Asking
from dashboard.words.suggestions import similar_services

PICTURE_EVERY = 5.0  # seconds between two drawings of the past
FLAPPING = 2  # transitions of each instance in ten minutes; every start and every deployment takes one
SPARKLINE = "health in the last hour"
NOT_READ_YET = ServiceFacts()


class ServicePage(Page):
    """A service over all regions."""

    template = "dashboard/service.html"
    title = "Service"
    area = "services"
    every = 2.0
    gathers = True
    parameters = ("as", "zone", "tag", "version", "limit", "over")

    @property
    def namespace(self) -> str:
        """Of the service."""
        return self.arguments["namespace"].lower()

    @property
    def service(self) -> str:
        """Its name."""
        return self.arguments["service"].lower()

    @property
    def heading(self) -> str:
        """Its name."""
        return self.service

    @property
    def over(self) -> str:
        """The time range of the picture."""
        return self.query["over"] if self.query.get("over") in LENGTHS else "1h"

    @property
    def asking(self) -> Asking:
        """The lookup that a client would make."""
        given = {name: self.query.get(name, "").strip() for name in ("zone", "tag", "version", "limit")}
        region = self.query.get("as", self.board.home).lower()
        return Asking(region=region, namespace=self.namespace, service=self.service, **given)

    @cached_property
    def rows(self) -> RowCache:
        """The rows of instances."""
        return RowCache()

    @cached_property
    def picture(self) -> RowCache:
        """The picture of the past."""
        return RowCache()

    @cached_property
    def answers(self) -> LookupCache[Mapping[str, str]]:
        """What clients get."""
        return LookupCache()

    def found(self) -> bool:
        """Whether any region knows the service."""
        name = (self.namespace, self.service)
        return any(name in self.board.view.region(region).services for region in self.board.regions)

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """A change of the service, of opinions about regions, or of the federation."""
        return is_touched(self.board.view, (self.namespace, self.service), names)

    def gather(self, now: float) -> ServiceFacts:
        """See `ServiceFacts`."""
        return facts_reader(self.board, self.namespace, self.service, LENGTHS[self.over]).read(now)

    def content(self, gathered: Gathered, now: float) -> Content:
        """Everything; of an unknown service, suggestions."""
        facts: ServiceFacts = gathered.value or NOT_READ_YET
        found = self._everywhere(now)
        known = bool(found.decisions)
        groups = self._groups(found, facts, now)
        near = [] if known else similar_services(self.board.view, self.namespace, self.service)
        context: dict[str, Any] = {
            "page": self, "asking": self.asking, "facts": facts, "gathered": gathered, "known": known, "near": near,
            "totals": parts.totals(found.decisions), "answer": found.answer,
        }  # fmt: skip
        fragments = {
            "service-missing": "" if known else part("service_missing.html", context),
            "service-head": part("service_head.html", context),
            "service-notes": part(
                "service_notes.html", context | {"notes": self._notes(found, facts, gathered), "wide": self._wide(now)}
            ),
            "service-health": self._health(facts, now) if known else "",
            "service-ranges": part("service_ranges.html", {"ranges": self._ranges()}),
            "service-versions": part("service_versions.html", {"versions": parts.versions(found.decisions)}),
            "service-policies": part("service_policies.html", context | {"policies": self._policies()}),
            **self._answers(found, facts, now),
        }
        lists = {"service-regions": self._regions(found, now), "service-instances": self._instances(groups)}
        return Content(fragments, lists)

    def context(self) -> dict[str, Any]:
        """The form as filled in."""
        chosen = self.asking
        regions = list(dict.fromkeys((*self.board.regions, chosen.region)))
        return {"chosen": chosen, "regions": regions}

    def _everywhere(self, now: float) -> FederationDecisions:
        try:
            query = self.asking.query
        except CatalogError:  # the answer says what is wrong with the query; the list is as without it
            query = Query(region=self.asking.region, namespace=self.namespace, service=self.service)
        return judge_everywhere(self.board.view, query, now)

    def _groups(
        self, found: FederationDecisions, facts: ServiceFacts, now: float
    ) -> Mapping[tuple[str, str], list[InstanceRow]]:
        """The instances by region and zone: the regions in the order in which the lookup looks, then all others."""
        order = dict.fromkeys([*(part.region for part in found.answer.parts), *self.board.regions])
        groups: dict[tuple[str, str], list[InstanceRow]] = {}
        for region in (region for region in order if region in found.decisions):
            here = region == self.board.home
            results, holds = (facts.results, facts.held) if here else ({}, {})
            overrides = self._overrides(region)
            rows = [instance_row(decision, results, holds, overrides, now) for decision in found.decisions[region]]
            rows.sort(key=lambda row: (row.decision.instance.zone, row.order))
            for row in rows:
                groups.setdefault((region, row.decision.instance.zone), []).append(row)
        return groups

    def _overrides(self, region: str) -> tuple[Override, ...]:
        """The overrides that may apply to the service's instances in a region."""
        return overrides_of(self.board.view, region, self.asking.region, (self.namespace, self.service))

    def _wide(self, now: float) -> list[Override]:
        """Those of them that are about more than one instance, and apply now."""
        overrides = (override for region in self.board.regions for override in self._overrides(region))
        return [override for override in overrides if override.scope is not Scope.INSTANCE and override.is_live(now)]

    def _instances(self, groups: Mapping[tuple[str, str], list[InstanceRow]]) -> dict[str, str]:
        traffic = sum(row.decision.weight for rows in groups.values() for row in rows if row.decision.returned)
        html: dict[str, str] = {}
        for (region, zone), rows in groups.items():
            html[f"{region}//{zone}"] = self._group(region, zone, [row.decision for row in rows], traffic)
            html |= {row.key: self.rows.get(row.key, row.source, row.html) for row in rows}
        self.rows.keep(html)
        return html

    def _group(self, region: str, zone: str, decisions: list[Decision], traffic: int) -> str:
        context = {
            "page": self, "region": region, "zone": zone, "totals": parts.totals({region: decisions}),
            "share": parts.share(decisions, traffic), "asker": self.asking.region,
        }  # fmt: skip
        return part("service_group.html", context)

    def _regions(self, found: FederationDecisions, now: float) -> dict[str, str]:
        view, histories = self.board.view, self.board.histories
        rows: dict[str, str] = {}
        for region in self.board.regions:
            decisions = found.decisions.get(region, [])
            flaps = histories.flaps(region, self.namespace, self.service, now)
            context = {
                "page": self, "region": region, "freshness": view.region(region).freshness,
                "totals": parts.totals({region: decisions}), "reason": self.board.reason(region),
                "spark": sparkline(histories.buckets(region, self.namespace, self.service, now=now), label=SPARKLINE),
                "step": found.step(region), "returned": sum(decision.returned for decision in decisions),
                "asker": self.asking.region, "flaps": flaps if flaps > FLAPPING * len(decisions) else 0,
            }  # fmt: skip
            rows[region] = part("service_region.html", context)
        return rows

    def _policies(self) -> list[parts.RegionPolicy]:
        name = (self.namespace, self.service)
        return [
            parts.RegionPolicy(
                region, self.board.view.region(region).policies.get(name), is_home=region == self.board.home
            )
            for region in self.board.regions
        ]

    def _notes(self, found: FederationDecisions, facts: ServiceFacts, gathered: Gathered) -> list[tuple[str, str]]:
        """What limits how far the page can be trusted."""
        notes = [
            ("warning", f"{region} is stale: showing its last known state")
            for region in found.decisions
            if self.board.view.region(region).freshness.state is FreshnessState.STALE
        ]
        if self.board.view.region(self.board.home).blind_since is not None:
            notes.append(("warning", "no probes are running in this region: check results are getting old"))
        problems = (*facts.problems, *((gathered.problem,) if gathered.problem else ()))
        return notes + [("warning", problem) for problem in problems]

    def _answers(self, found: FederationDecisions, facts: ServiceFacts, now: float) -> Mapping[str, str]:
        """What clients get."""
        if not found.decisions:
            self.answers.clear()
            return dict.fromkeys(("service-asker", "service-http", "service-dns"), "")
        view, valid_until = self.board.view, found.answer.valid_until
        until = math.inf if valid_until is None else valid_until
        source = (facts.addresses, *answer_inputs(view, self.board.regions, (self.namespace, self.service)))
        return self.answers.get(
            source, now, len(found.answer.decisions),
            lambda: (parts.answers(self.board, self.asking, facts.addresses, now), until),
        )  # fmt: skip

    def _ranges(self) -> list[tuple[str, str, bool]]:
        return [(name, self.link(over=None if name == "1h" else name), name == self.over) for name in LENGTHS]

    def _health(self, facts: ServiceFacts, now: float) -> str:
        """The picture of the past. It is large, so it is drawn every few seconds only."""
        end = (now // PICTURE_EVERY + 1) * PICTURE_EVERY
        return self.picture.get("", (end, len(facts.past)), lambda: self._picture(facts, now, end))

    def _picture(self, facts: ServiceFacts, now: float, end: float) -> str:
        recent = self.board.histories.steps(None, self.namespace, self.service, now=now)
        label = f"health of {self.service} in all regions, the last {self.over}"
        points, length = joined(facts.past, recent), LENGTHS[self.over]
        return health_over_time(points, start=end - length, end=end, now=end, label=label)
