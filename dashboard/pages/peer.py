"""A region's page: the link to it over time, the copies of its log, its catalog, and its trust as a peer."""

from difflib import get_close_matches
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from catalog.view import State as FreshnessState
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.memory.links import LinkEvent
from dashboard.memory.matrix import OLD, all_cells, fetch_matrix, peers_of
from dashboard.memory.summary import STATUSES
from dashboard.pictures.chart.bars import status_bar
from dashboard.pictures.chart.link import link_over_time
from federation.status import Matrix

SPANS = {"30m": 1800.0, "6h": 6 * 3600.0, "24h": 24 * 3600.0}  # seconds that the picture shows
SHORTEST = 300.0  # seconds of a picture, where there is no more to show yet
SHOWN = 60  # events


class PeerPage(Page):
    """One region as this one sees it."""

    template = "dashboard/peer.html"
    title = "Region"
    area = "federation"
    every = 2.0
    parameters = ("span",)
    gathers = True

    @property
    def region(self) -> str:
        """The region's name as in the address."""
        return self.arguments["region"]

    @property
    def is_home(self) -> bool:
        """Whether it is this region itself."""
        return self.region == self.board.home

    @property
    def heading(self) -> str:
        """The region's name."""
        return self.region[:80]

    def found(self) -> bool:
        """Whether there is such a region, followed or only invited."""
        return self.region in self.board.regions or self.region in self.board.links.peers

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """Its own catalog, or which regions there are."""
        return region in (self.region, "")

    def context(self) -> dict[str, Any]:
        """The spans to choose from; of an unknown region, suggestions."""
        query = urlencode({"scope": "region", "target": self.region, "do": "out"})
        return {
            "known": self.found(), "near": self.similar(), "spans": SPANS, "span": self.span,
            "evacuate": f"{reverse('dashboard:correct_override')}?{query}",
        }  # fmt: skip

    @property
    def span(self) -> str:
        """How much of the history is shown."""
        return self.query.get("span", "30m") if self.query.get("span") in SPANS else "30m"

    def similar(self) -> list[str]:
        """Regions with similar names; all of them when none is similar."""
        names = sorted({*self.board.regions, *self.board.links.peers})
        return get_close_matches(self.heading.lower(), names, n=5, cutoff=0.5) or names[:20]

    def gather(self, now: float) -> Matrix:
        """The matrix."""
        return fetch_matrix(self.board, now)

    def content(self, gathered: Gathered, now: float) -> Content:
        """Its freshness, the picture of its link, events, and its catalog."""
        matrix: Matrix | None = gathered.value
        cells = all_cells(self.board, matrix, now)
        peer = peers_of(matrix).get(self.region)
        cell = cells.get((self.board.home, self.region))
        old = bool(gathered.problem) or (gathered.at is not None and now - gathered.at > OLD)
        context = {
            "page": self, "cell": cell, "peer": peer, "delay": self.board.view.nearness.get(self.region),
            "held_by": [cell for (by, of), cell in sorted(cells.items()) if of == self.region and by != self.region],
            "gathered": gathered, "told": matrix, "old": old,
        }  # fmt: skip
        events = [] if self.is_home else self.board.links.events(self.region)[:SHOWN]
        fragments = {
            "peer-standing": part("peer_standing.html", context),
            "peer-facts": part("peer_facts.html", context),
            "peer-mirror": part("peer_mirror.html", context),
            "peer-catalog": part("peer_catalog.html", self._catalog(now)),
            "peer-link": self._picture(now),
            "peer-quiet": part("peer_quiet.html", {"home": self.is_home}) if not events else "",
        }
        return Content(fragments, {"peer-events": _rows(events)})

    def _picture(self, now: float) -> SafeString | str:
        if self.is_home:
            return ""
        length = SPANS[self.span]
        points = [
            (sample.at, sample.delay, sample.lag, sample.state)
            for sample in self.board.links.samples(self.region, since=now - length)
        ]
        first = min(points[0][0], now - SHORTEST) if points else now - SHORTEST
        return link_over_time(points, start=max(now - length, first), end=now, label=f"the link to {self.region}")

    def _catalog(self, now: float) -> dict[str, Any]:
        summaries = self.board.summaries.of_region(self.region, now).values()
        counts = {status: sum(summary.statuses[status] for summary in summaries) for status in STATUSES}
        region = self.board.view.region(self.region)
        return {
            "region": self.region, "counts": counts, "bar": status_bar(counts, label=self.region),
            "instances": sum(counts.values()), "serving": sum(summary.serving for summary in summaries),
            "services": len(summaries), "dead": sum(not summary.serving for summary in summaries),
            "zones": sorted(frozenset[str]().union(*(summary.zones for summary in summaries)) - {""}),
            "overrides": len(region.overrides), "policies": len(region.policies),
            "is_known": region.freshness.state is not FreshnessState.UNKNOWN,
            "services_url": f"{reverse('dashboard:services')}?{urlencode({'region': self.region})}",
        }  # fmt: skip


def _rows(events: list[LinkEvent]) -> dict[str, str]:
    """By key; events of the same kind at the same time are numbered."""
    rows: dict[str, str] = {}
    for (at, kind), same in groupby(events, key=lambda event: (event.at, event.kind)):
        for number, event in enumerate(same):
            key = f"{at:.3f}:{kind}:{number}"
            rows[key] = part("peer_event.html", {"event": event, "key": key})
    return rows
