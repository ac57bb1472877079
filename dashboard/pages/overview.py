"""The overview: where the regions are and how they do, what needs a person, what has just happened."""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain, islice
from typing import Any

import msgspec
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from catalog.records.status import Status
from catalog.view import ServiceName
from catalog.view import State as FreshnessState
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.memory.matrix import Cells, asked, cells
from dashboard.memory.recent import Entry
from dashboard.memory.summary import STATUSES, ServiceSummary
from dashboard.pictures import RegionLink, RegionNode, regions_picture, status_bar
from dashboard.words.attention import Hold, Services, needs
from dashboard.words.feed import SHOWN, FeedItem, feed
from federation.status import Cell, Matrix
from registry.breaker import holds as held
from registry.database import unavailable
from registry.log import history

OLD = 20.0  # seconds after which what was gathered is said to be old


class OverviewFacts(msgspec.Struct, frozen=True):
    """What is gathered: the matrix, what the breaker holds, and entries from before this process began."""

    matrix: Matrix
    holds: tuple[Hold, ...]
    earlier: tuple[Entry, ...]


class RegionTotals(msgspec.Struct, frozen=True, kw_only=True):
    """One region in numbers."""

    name: str
    is_home: bool
    freshness: FreshnessState
    counts: dict[Status, int]
    instances: int
    serving: int
    services: int
    cell: Cell
    delay: float | None


class OverviewPage(Page):
    """Everything at a glance."""

    template = "dashboard/overview.html"
    title = "Overview"
    area = "overview"
    every = 5.0
    gathers = True

    @cached_property
    def memo(self) -> dict[tuple[str, int, float], str]:
        """Rows of the feed, each drawn once."""
        return {}

    def gather(self, now: float) -> OverviewFacts:
        """What other regions say, what is held, and, while memory holds little, what the log holds."""
        matrix = asked(self.board.links, now)
        with unavailable("what is held cannot be read"):
            rows = held.list_held(state="open")
            holds = tuple(
                Hold(
                    id=row.id, kind=row.kind, scope=row.scope, name=row.name, formula=row.formula,
                    number=len(row.held), at=row.at, expires_at=row.expires_at,
                )
                for row in rows
            )  # fmt: skip
        return OverviewFacts(matrix, holds, self._earlier())

    def content(self, gathered: Gathered, now: float) -> Content:
        """All of it."""
        told: OverviewFacts | None = gathered.value
        matrix = told.matrix if told else None
        known = cells(self.board, matrix, now)
        regions = self.board.regions
        sums = {region: self.board.summaries.of_region(region, now) for region in regions}
        standings = [
            self._standing(region, known[self.board.home, region], sums[region].values()) for region in regions
        ]
        services = _by_service(sums.values())
        found = needs(self.board, matrix, told.holds if told else (), services, now)
        items = feed(self._entries(told), now)
        empty = not any(standing.services for standing in standings)
        fragments = {
            "overview-totals": part("overview_totals.html", _totals(standings, services)),
            "overview-picture": self._picture(standings, known, matrix),
            "overview-count": str(len(found) or ""),
            "overview-calm": part("overview_calm.html", {"calm": not found, "told": told, "gathered": gathered,
                                                         "old": _is_old(gathered, now)}),
            "overview-next": part("overview_next.html", {"home": self.board.home, "alone": len(standings) == 1})
            if empty else "",
            "overview-still": part("overview_still.html", {}) if not items else "",
        }  # fmt: skip
        lists: dict[str, dict[str, str]] = {
            "overview-needs": {need.key: part("overview_need.html", {"need": need}) for need in found},
            "overview-regions": {standing.name: self._region(standing) for standing in standings},
            "overview-feed": self._feed(items),
        }
        return Content(fragments, lists)

    def _entries(self, told: OverviewFacts | None) -> list[Entry]:
        """The newest first; what the log tells of the time before this process began comes last."""
        newest = list(self.board.recent.newest())
        if told is None or len(newest) >= SHOWN:
            return newest
        known = {(entry.change.region, entry.change.index) for entry in newest}
        earlier = (entry for entry in told.earlier if (entry.change.region, entry.change.index) not in known)
        return list(chain(newest, earlier))

    def _earlier(self) -> tuple[Entry, ...]:
        if sum(1 for _ in islice(self.board.recent.newest(), SHOWN)) == SHOWN:
            return ()
        found = history.entries(limit=SHOWN)
        return tuple(Entry(entry.change, entry.before) for entry in found if entry.before_known)

    def _standing(self, region: str, cell: Cell, summaries: Collection[ServiceSummary]) -> RegionTotals:
        return RegionTotals(
            name=region,
            is_home=region == self.board.home,
            freshness=self.board.view.region(region).freshness.state,
            counts={status: sum(summary.statuses[status] for summary in summaries) for status in STATUSES},
            instances=sum(summary.instances for summary in summaries),
            serving=sum(summary.serving for summary in summaries),
            services=len(summaries),
            cell=cell,
            delay=self.board.view.nearness.get(region),
        )

    def _picture(self, standings: list[RegionTotals], known: Cells, matrix: Matrix | None) -> SafeString:
        places = matrix.places if matrix else {}
        nodes = [
            RegionNode(
                name=standing.name, place=places.get(standing.name), counts=standing.counts,
                freshness=standing.freshness, href=_peer(standing.name), is_home=standing.is_home,
            )
            for standing in standings
        ]  # fmt: skip
        return regions_picture(nodes, [self._link(cell) for cell in known.values() if cell.by != cell.of])

    def _link(self, cell: Cell) -> RegionLink:
        # A delay is half of the way there and back, so it is that of both directions.
        other = cell.of if cell.by == self.board.home else cell.by if cell.of == self.board.home else ""
        delay = self.board.view.nearness.get(other)
        return RegionLink(
            a=cell.by, b=cell.of, delay=delay, lag=cell.seconds, freshness=FreshnessState(cell.freshness),
            relayed_through=cell.through,
        )  # fmt: skip

    def _region(self, standing: RegionTotals) -> str:
        bar = status_bar(standing.counts, label=standing.name)
        return part("overview_region.html", {"region": standing, "bar": bar})

    def _feed(self, items: list[FeedItem]) -> dict[str, str]:
        rows = {}
        drawn: dict[tuple[str, int, float], str] = {}
        for item in items:
            name = (item.key, item.count, item.since)
            html = self.memo.get(name) or part("overview_event.html", {"item": item, "sentence": item.sentence})
            rows[item.key] = drawn[name] = html
        self.memo.clear()
        self.memo.update(drawn)
        return rows


def _totals(standings: list[RegionTotals], services: Services) -> dict[str, Any]:
    return {
        "services": len(services),
        "dead": sum(not any(summary.serving for summary in summaries) for summaries in services.values()),
        "instances": sum(standing.instances for standing in standings),
        "serving": sum(standing.serving for standing in standings),
        "counts": {status.value: sum(standing.counts[status] for standing in standings) for status in STATUSES},
        "regions": len(standings),
        "live": sum(standing.freshness is FreshnessState.LIVE for standing in standings),
    }


def _by_service(regions: Iterable[Mapping[ServiceName, ServiceSummary]]) -> Services:
    found: dict[ServiceName, list[ServiceSummary]] = {}
    for summaries in regions:
        for name, summary in summaries.items():
            found.setdefault(name, []).append(summary)
    return found


def _is_old(gathered: Gathered, now: float) -> bool:
    return bool(gathered.problem) or (gathered.at is not None and now - gathered.at > OLD)


def _peer(region: str) -> str:
    return reverse("dashboard:peer", args=[region])
