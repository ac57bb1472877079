"""The page of one service: its instances in every region, how it went, and what a client is told of it right now."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import cached_property

from catalog.errors import CatalogError
from catalog.query import overrides_of
from catalog.query_types import Query, Verdict
from catalog.records.override import Override, Scope
from catalog.view import State as FreshnessState
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.memory.health_series import joined
from dashboard.pages.service import parts
from dashboard.pages.service.facts import LENGTHS, FactsReader, ServiceFacts, facts_reader
from dashboard.pages.service.row import InstanceRow, RowCache, instance_row
from dashboard.pages.service.verdicts import FederationVerdicts, is_touched, judge_everywhere
from dashboard.pictures.chart.health import health_over_time
from dashboard.words.answer_as import Asking
from dashboard.words.suggestions import near_services

PICTURE_EVERY = 5.0  # seconds between two drawings of the past
LARGE = 50  # instances
RESTLESS = 2  # turns of each instance in ten minutes; one is what every start and every deployment takes
NOTHING_ASKED = ServiceFacts()


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
        """How long the picture of the past is."""
        return self.query["over"] if self.query.get("over") in LENGTHS else "1h"

    @property
    def asking(self) -> Asking:
        """What the page asks as a client would."""
        given = {name: self.query.get(name, "").strip() for name in ("zone", "tag", "version", "limit")}
        region = self.query.get("as", self.board.home).lower()
        return Asking(region=region, namespace=self.namespace, service=self.service, **given)

    @cached_property
    def rows(self) -> RowCache:
        """The rows as they were drawn last."""
        return RowCache()

    @cached_property
    def asker(self) -> FactsReader:
        """Asks what is not in memory."""
        return facts_reader(self.board, self.namespace, self.service, LENGTHS[self.over])

    @cached_property
    def pictured(self) -> dict[str, Any]:
        """The picture of the past as it was drawn last, and from what."""
        return {}

    @cached_property
    def answered(self) -> dict[str, Any]:
        """The answers as they were drawn last, from what, and when."""
        return {"at": float("-inf"), "until": float("-inf")}

    def found(self) -> bool:
        """Whether any region knows the service."""
        name = (self.namespace, self.service)
        return any(name in self.board.view.region(region).services for region in self.board.regions)

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """A change of the service, of what is thought of a region, or of the federation."""
        return is_touched(self.board.view, (self.namespace, self.service), names)

    def gather(self, now: float) -> ServiceFacts:
        """See `Facts`."""
        return self.asker.ask(self.board, now)

    def content(self, gathered: Gathered, now: float) -> Content:
        """Everything; when nobody knows the service, what is near."""
        facts: ServiceFacts = gathered.value or NOTHING_ASKED
        found = self._everywhere(now)
        known = bool(found.verdicts)
        groups = self._groups(found, facts, now)
        near = [] if known else near_services(self.board.view, self.namespace, self.service)
        context: dict[str, Any] = {
            "page": self, "asking": self.asking, "facts": facts, "gathered": gathered, "known": known, "near": near,
            "totals": parts.totals(found.verdicts), "answer": found.answer,
        }  # fmt: skip
        fragments = {
            "service-missing": "" if known else part("service_missing.html", context),
            "service-head": part("service_head.html", context),
            "service-notes": part(
                "service_notes.html", context | {"notes": self._notes(found, facts, gathered), "wide": self._wide(now)}
            ),
            "service-health": self._health(facts, now) if known else "",
            "service-ranges": part("service_ranges.html", {"ranges": self._ranges()}),
            "service-versions": part("service_versions.html", {"versions": parts.versions(found.verdicts)}),
            "service-policies": part("service_policies.html", context | {"policies": self._policies()}),
            **self._answers(found, facts, now, known=known),
        }
        lists = {"service-regions": self._regions(found, now), "service-instances": self._instances(groups)}
        return Content(fragments, lists)

    def context(self) -> dict[str, Any]:
        """The form as it stands."""
        chosen = self.asking
        regions = list(dict.fromkeys((*self.board.regions, chosen.region)))
        return {"chosen": chosen, "regions": regions}

    def _everywhere(self, now: float) -> FederationVerdicts:
        try:
            query = self.asking.query
        except CatalogError:  # the answer says what is wrong with the question; the list is as if it were not asked
            query = Query(region=self.asking.region, namespace=self.namespace, service=self.service)
        return judge_everywhere(self.board.view, query, now)

    def _groups(
        self, found: FederationVerdicts, facts: ServiceFacts, now: float
    ) -> Mapping[tuple[str, str], list[InstanceRow]]:
        """The instances by region and zone: the regions in the order in which the lookup looks, then all others."""
        held = {key: formula for key, (_, formula) in facts.held.items()}
        order = dict.fromkeys([*(part.region for part in found.answer.parts), *self.board.regions])
        groups: dict[tuple[str, str], list[InstanceRow]] = {}
        for region in (region for region in order if region in found.verdicts):
            here = region == self.board.home
            results, holds = (facts.results, held) if here else ({}, {})
            words = self._words(region)
            lines = [instance_row(verdict, results, holds, words, now) for verdict in found.verdicts[region]]
            lines.sort(key=lambda line: (line.verdict.instance.zone, line.trouble))
            for line in lines:
                groups.setdefault((region, line.verdict.instance.zone), []).append(line)
        return groups

    def _words(self, region: str) -> tuple[Override, ...]:
        """The overrides that may have a say about the service's instances in a region."""
        return overrides_of(self.board.view, region, self.asking.region, (self.namespace, self.service))

    def _wide(self, now: float) -> list[Override]:
        """Those of them that are about more than one instance, and count now."""
        words = (word for region in self.board.regions for word in self._words(region))
        return [word for word in words if word.scope is not Scope.INSTANCE and word.is_live(now)]

    def _instances(self, groups: Mapping[tuple[str, str], list[InstanceRow]]) -> dict[str, str]:
        traffic = sum(line.verdict.weight for lines in groups.values() for line in lines if line.verdict.returned)
        rows: dict[str, str] = {}
        for (region, zone), lines in groups.items():
            rows[f"{region}//{zone}"] = self._group(region, zone, [line.verdict for line in lines], traffic)
            rows |= {line.key: self.rows.row(line) for line in lines}
        self.rows.forget_all_but(rows)
        return rows

    def _group(self, region: str, zone: str, verdicts: list[Verdict], traffic: int) -> str:
        context = {
            "page": self, "region": region, "zone": zone, "totals": parts.totals({region: verdicts}),
            "share": parts.share(verdicts, traffic), "asker": self.asking.region,
        }  # fmt: skip
        return part("service_group.html", context)

    def _regions(self, found: FederationVerdicts, now: float) -> dict[str, str]:
        view, histories = self.board.view, self.board.histories
        rows: dict[str, str] = {}
        for region in self.board.regions:
            verdicts = found.verdicts.get(region, [])
            flaps = histories.flaps(region, self.namespace, self.service, now)
            context = {
                "page": self, "region": region, "freshness": view.region(region).freshness,
                "totals": parts.totals({region: verdicts}), "reason": self.board.reason(region),
                "buckets": histories.buckets(region, self.namespace, self.service, now=now),
                "step": found.step(region), "returned": sum(verdict.returned for verdict in verdicts),
                "asker": self.asking.region, "flaps": flaps if flaps > RESTLESS * len(verdicts) else 0,
            }  # fmt: skip
            rows[region] = parts.region_row(context)
        return rows

    def _policies(self) -> list[parts.RegionPolicy]:
        name = (self.namespace, self.service)
        return [
            parts.RegionPolicy(
                region, self.board.view.region(region).policies.get(name), is_home=region == self.board.home
            )
            for region in self.board.regions
        ]

    def _notes(self, found: FederationVerdicts, facts: ServiceFacts, gathered: Gathered) -> list[tuple[str, str]]:
        """What has to be known before the rest is believed."""
        notes = [
            ("warning", f"{region} is not heard: what is shown of it is as it was when it was last")
            for region in found.verdicts
            if self.board.view.region(region).freshness.state is FreshnessState.STALE
        ]
        if self.board.view.region(self.board.home).blind_since is not None:
            notes.append(("warning", "nobody probes in this region just now: verdicts grow old"))
        problems = (*facts.problems, *((gathered.problem,) if gathered.problem else ()))
        return notes + [("warning", problem) for problem in problems]

    def _answers(self, found: FederationVerdicts, facts: ServiceFacts, now: float, *, known: bool) -> Mapping[str, str]:
        """What clients are told, asked again when it may have changed; of a large service not more than once a second,
        because it is encoded whole each time."""
        view, name = self.board.view, (self.namespace, self.service)
        drawn_from = (known, facts.addresses, *parts.standing(view, self.board.regions, name))
        last = self.answered
        quiet = last.get("from") == drawn_from and now < last["until"]
        too_soon = last.get("known") is known and len(found.answer.verdicts) > LARGE and now - last["at"] < 1.0
        if not quiet and not too_soon:
            until = found.answer.valid_until
            html = parts.answers(view, self.asking, facts.addresses, now, known=known)
            last |= {"from": drawn_from, "known": known, "at": now, "html": html}
            last["until"] = float("inf") if until is None else until
        drawn: Mapping[str, str] = last["html"]
        return drawn

    def _ranges(self) -> list[tuple[str, str, bool]]:
        return [(name, self.link(over=None if name == "1h" else name), name == self.over) for name in LENGTHS]

    def _health(self, facts: ServiceFacts, now: float) -> str:
        """The picture of the past, drawn anew every few seconds: nobody sees more, and it is not small."""
        drawn_from = (now // PICTURE_EVERY, len(facts.past))
        if self.pictured.get("from") != drawn_from:
            recent = self.board.histories.steps(None, self.namespace, self.service, now=now)
            end = (now // PICTURE_EVERY + 1) * PICTURE_EVERY
            points = joined(facts.past, recent)
            label = f"health of {self.service} in all regions, the last {self.over}"
            length = LENGTHS[self.over]
            picture = health_over_time(points, start=end - length, end=end, now=end, label=label)
            self.pictured |= {"from": drawn_from, "html": picture}
        return str(self.pictured["html"])
