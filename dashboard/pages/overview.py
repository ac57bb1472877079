"""The overview: the regions and their health, what needs attention, and recent changes."""

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from itertools import chain, islice
from typing import Any

import msgspec
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from catalog.breaker import Kind
from catalog.records.status import Status
from catalog.view import ServiceName
from catalog.view import State as FreshnessState
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.live.row_cache import RowCache
from dashboard.memory.matrix import Cells, all_cells, fetch_matrix
from dashboard.memory.summary import STATUSES, ServiceSummary
from dashboard.pictures import RegionLink, RegionNode, regions_picture, status_bar
from dashboard.words.attention import OpenHold, Services, attention_items
from dashboard.words.feed import SHOWN, FeedItem, feed
from federation.status import Cell, Matrix
from registry.breaker.holds import list_holds
from registry.database import unavailable
from registry.log import history
from registry.log.history import Entry

OLD = 20.0  # seconds after which gathered facts are called old


class OverviewFacts(msgspec.Struct, frozen=True):
    """What is gathered: the matrix, open holds, and entries from before this process started."""

    matrix: Matrix
    holds: tuple[OpenHold, ...]
    earlier: tuple[Entry, ...]


class RegionTotals(msgspec.Struct, frozen=True, kw_only=True):
    """One region in numbers. `cell` is what this region holds of its log."""

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
    def rows(self) -> RowCache:
        """Rows of the feed."""
        return RowCache()

    def gather(self, now: float) -> OverviewFacts:
        """The matrix, open holds, and, while memory has few changes, those of the log."""
        matrix = fetch_matrix(self.board, now)
        with unavailable("what is held cannot be read"):
            rows = list_holds(state="open")
            holds = tuple(
                OpenHold(
                    id=row.id, kind=row.kind, scope=row.scope, name=row.name, formula=row.formula,
                    number=len(row.held), at=row.at, expires_at=row.expires_at,
                )
                for row in rows
                if row.kind != Kind.MIRROR  # what is followed says so too, without the database
            )  # fmt: skip
        return OverviewFacts(matrix, holds, self._earlier())

    def content(self, gathered: Gathered, now: float) -> Content:
        """All of it."""
        facts: OverviewFacts | None = gathered.value
        matrix = facts.matrix if facts else None
        cells = all_cells(self.board, matrix, now)
        regions = self.board.regions
        summaries = {region: self.board.summaries.of_region(region, now) for region in regions}
        totals = [
            self._region_totals(region, cells[self.board.home, region], summaries[region].values())
            for region in regions
        ]
        services = _by_service(summaries.values())
        items = attention_items(self.board, matrix, facts.holds if facts else (), services, now)
        changes = feed(self._entries(facts), now)
        empty = not any(region.services for region in totals)
        fragments = {
            "overview-totals": part("overview_totals.html", _totals(totals, services)),
            "overview-picture": self._picture(totals, cells, matrix),
            "overview-count": str(len(items) or ""),
            "overview-calm": part("overview_calm.html", {"calm": not items, "told": facts, "gathered": gathered,
                                                         "old": _is_old(gathered, now)}),
            "overview-next": part("overview_next.html", {"home": self.board.home, "alone": len(totals) == 1})
            if empty else "",
            "overview-still": part("overview_still.html", {}) if not changes else "",
        }  # fmt: skip
        lists: dict[str, dict[str, str]] = {
            "overview-needs": {item.key: part("overview_need.html", {"need": item}) for item in items},
            "overview-regions": {region.name: self._region(region) for region in totals},
            "overview-feed": self._feed(changes),
        }
        return Content(fragments, lists)

    def _entries(self, facts: OverviewFacts | None) -> list[Entry]:
        """The newest first; those from before this process started come last."""
        newest = list(self.board.recent.newest())
        if facts is None or len(newest) >= SHOWN:
            return newest
        known = {(entry.change.region, entry.change.index) for entry in newest}
        earlier = (entry for entry in facts.earlier if (entry.change.region, entry.change.index) not in known)
        return list(chain(newest, earlier))

    def _earlier(self) -> tuple[Entry, ...]:
        if sum(1 for _ in islice(self.board.recent.newest(), SHOWN)) == SHOWN:
            return ()
        found = history.entries(limit=SHOWN)
        return tuple(Entry(entry.change, entry.before) for entry in found if entry.before_known)

    def _region_totals(self, region: str, cell: Cell, summaries: Collection[ServiceSummary]) -> RegionTotals:
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

    def _picture(self, totals: list[RegionTotals], known: Cells, matrix: Matrix | None) -> SafeString:
        places = matrix.places if matrix else {}
        nodes = [
            RegionNode(
                name=region.name, place=places.get(region.name), counts=region.counts,
                freshness=region.freshness, href=_peer(region.name), is_home=region.is_home,
            )
            for region in totals
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

    def _region(self, region: RegionTotals) -> str:
        bar = status_bar(region.counts, label=region.name)
        return part("overview_region.html", {"region": region, "bar": bar})

    def _feed(self, items: list[FeedItem]) -> dict[str, str]:
        rows = {item.key: self.rows.get(item.key, (item.count, item.since), partial(_feed_row, item)) for item in items}
        self.rows.keep(rows)
        return rows


def _feed_row(item: FeedItem) -> str:
    return part("overview_event.html", {"item": item, "sentence": item.sentence})


def _totals(totals: list[RegionTotals], services: Services) -> dict[str, Any]:
    return {
        "services": len(services),
        "dead": sum(not any(summary.serving for summary in summaries) for summaries in services.values()),
        "instances": sum(region.instances for region in totals),
        "serving": sum(region.serving for region in totals),
        "counts": {status.value: sum(region.counts[status] for region in totals) for status in STATUSES},
        "regions": len(totals),
        "live": sum(region.freshness is FreshnessState.LIVE for region in totals),
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
