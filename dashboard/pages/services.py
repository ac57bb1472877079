"""The services page: all services of all regions, those in trouble first."""

from collections.abc import Iterable, Mapping, Sequence
from operator import is_not
from typing import Any

from catalog.records.status import Status
from catalog.view import ServiceName
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.live.row_cache import RowCache
from dashboard.memory.board import Board
from dashboard.memory.summary import STATUSES, ServiceSummary
from dashboard.pictures.chart.bars import status_bar
from dashboard.pictures.chart.sparkline import Bucket, sparkline
from dashboard.pictures.counts import in_words

SHOWN = 100  # services on one page of the list
MOST_CHOICES = 200  # of a filter
MOST_WORDS = 8  # of a search, as in the log


class ServiceRow:
    """One service over the regions that the filters let through: its totals, and its sort key.

    First come services without a healthy instance, then those without one in some region, then those partly critical.
    """

    __slots__ = ("counts", "instances", "key", "name", "overridden", "parts", "serving", "trouble")

    def __init__(self, name: ServiceName, parts: tuple[ServiceSummary, ...]) -> None:
        self.name, self.parts, self.key = name, parts, "/".join(name)
        self.counts = {status: sum(part.statuses[status] for part in parts) for status in STATUSES}
        self.instances = sum(part.instances for part in parts)
        self.serving = sum(part.serving for part in parts)
        self.overridden = sum(part.overridden for part in parts)
        dead_regions = sum(not part.serving for part in parts)
        shares = (-self.counts[status] / (self.instances or 1) for status in (Status.CRITICAL, Status.WARNING))
        self.trouble = (
            self.serving > 0, -dead_regions, *shares, -self.overridden, -self.counts[Status.UNKNOWN], name[1], name[0]
        )  # fmt: skip


class ServicesPage(Page):
    """All services, filtered by what is typed and chosen."""

    template = "dashboard/services.html"
    title = "Services"
    area = "services"
    every = 15.0
    parameters = ("q", "region", "zone", "tag", "status", "namespace", "page")

    def __init__(self, board: Board, arguments: Mapping[str, str], query: Mapping[str, str]) -> None:
        super().__init__(board, arguments, query)
        self.known: dict[ServiceName, ServiceRow] = {}  # their totals as last computed
        self.rows = RowCache()

    @property
    def number(self) -> int:
        """Which page of the list."""
        text = self.query.get("page", "1")
        return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1

    def content(self, gathered: Gathered, now: float) -> Content:
        """The list, its counts, and the choices of the filters."""
        services = self.services(now)
        shown = sorted((row for row in services if self.matches(row)), key=lambda row: row.trouble)
        start = min((self.number - 1) * SHOWN, max(0, (len(shown) - 1) // SHOWN * SHOWN))
        window = shown[start : start + SHOWN]
        number = start // SHOWN + 1
        rows = {row.key: self._row(row, now) for row in window}
        self.rows.keep(rows)
        context = {
            "page": self, "total": len(services), "found": len(shown), "first": start + 1, "last": start + len(window),
            "number": number, "pages": max(1, -(-len(shown) // SHOWN)),
            "previous": self.link(page=str(number - 1) if number > 2 else None),
            "next": self.link(page=str(number + 1)),
            "counts": {status: sum(row.counts[status] for row in shown) for status in STATUSES},
            "empty": sum(not row.serving for row in shown),
        }  # fmt: skip
        fragments = {
            "services-counts": part("services_counts.html", context),
            "services-pages": part("services_pages.html", context),
            "services-empty": part("services_empty.html", context) if not window else "",
            "services-choices": part("services_choices.html", {"choices": self.choices(services)}),
        }
        return Content(fragments, {"services": rows})

    def services(self, now: float) -> list[ServiceRow]:
        """All services in the regions that the filter lets through."""
        wanted = self.query.get("region")
        found: dict[ServiceName, list[ServiceSummary]] = {}
        for region in self.board.regions:
            if not wanted or region == wanted:
                for name, summary in self.board.summaries.of_region(region, now).items():
                    found.setdefault(name, []).append(summary)
        self.known = {name: self._service(name, tuple(parts)) for name, parts in found.items()}
        return list(self.known.values())

    def matches(self, service: ServiceRow) -> bool:
        """Whether a service passes the filters."""
        query, parts = self.query, service.parts
        if query.get("namespace") and service.name[0] != query["namespace"]:
            return False
        if query.get("zone") and not any(query["zone"] in part.zones for part in parts):
            return False
        if query.get("tag") and not any(query["tag"] in part.tags for part in parts):
            return False
        if query.get("status") and not _has_status(service, query["status"]):
            return False
        return all(_matches(service, word) for word in query.get("q", "").lower().split()[:MOST_WORDS])

    def choices(self, services: Iterable[ServiceRow]) -> Mapping[str, list[str]]:
        """The values of each filter."""
        zones, tags, namespaces = set[str](), set[str](), set[str]()
        for service in services:
            namespaces.add(service.name[0])
            for summary in service.parts:
                zones |= summary.zones
                tags |= summary.tags
        return {
            name: sorted(filter(None, values))[:MOST_CHOICES]
            for name, values in (("zones", zones), ("tags", tags), ("namespaces", namespaces))
        }

    def context(self) -> dict[str, Any]:
        """The filters as filled in."""
        return {"statuses": [*STATUSES, "out"], "chosen": self.query}

    def _service(self, name: ServiceName, parts: tuple[ServiceSummary, ...]) -> ServiceRow:
        known = self.known.get(name)
        # A summary that has not changed is the same object.
        if known is None or len(known.parts) != len(parts) or any(map(is_not, known.parts, parts)):
            return ServiceRow(name, parts)
        return known

    def _row(self, service: ServiceRow, now: float) -> str:
        buckets = self.board.histories.buckets(None, *service.name, now=now)
        return self.rows.get(service.key, (service, buckets), lambda: _html(service, buckets))


def _html(service: ServiceRow, buckets: Sequence[Bucket]) -> str:
    counts, parts = service.counts, service.parts
    context = {
        "line": service,
        "counts": counts,
        "bar": status_bar(counts, label=in_words(counts)),
        "spark": sparkline(buckets, label="health in the last hour"),
        "versions": sorted(frozenset[str]().union(*(part.versions for part in parts)) - {""}),
        "tags": sorted(frozenset[str]().union(*(part.tags for part in parts))),
        "overridden": service.overridden,
    }
    return part("services_row.html", context)


def _has_status(service: ServiceRow, status: str) -> bool:
    if status == "out":
        return any(part.out for part in service.parts)
    return status in STATUSES and service.counts[Status(status)] > 0


def _matches(service: ServiceRow, word: str) -> bool:
    if word in service.name[1] or word in service.name[0]:
        return True
    return any(
        word in text.lower()
        for part in service.parts
        for texts in (part.tags, part.owners, part.zones)
        for text in texts
    )
