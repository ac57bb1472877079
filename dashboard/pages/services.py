"""The services page: all services of all regions, those in trouble first."""

from collections.abc import Iterable, Mapping
from operator import is_not
from typing import Any

from catalog.records.status import Status
from catalog.view import ServiceName
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.memory.board import Board
from dashboard.memory.summary import STATUSES, ServiceSummary
from dashboard.pictures.chart.bars import status_bar
from dashboard.pictures.chart.sparkline import sparkline

SHOWN = 100  # services on one page of the list
MOST_CHOICES = 200  # of a filter
MOST_WORDS = 8  # of a search, as in the log


class ServiceRow:
    """One service over the regions that the filters let through: its sums, and what to sort it by.

    In most trouble is what nothing serves, then what nothing serves in some region, then what is critical in part.
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
    """All services, narrowed by what is typed and chosen."""

    template = "dashboard/services.html"
    title = "Services"
    area = "services"
    every = 15.0
    parameters = ("q", "region", "zone", "tag", "status", "namespace", "page")

    def __init__(self, board: Board, arguments: Mapping[str, str], query: Mapping[str, str]) -> None:
        super().__init__(board, arguments, query)
        self.known: dict[ServiceName, ServiceRow] = {}  # as they were summed up last
        self.memo: dict[str, tuple[Any, str]] = {}  # rows as they were drawn last, with what they were drawn from

    @property
    def number(self) -> int:
        """Which page of the list."""
        text = self.query.get("page", "1")
        return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1

    def content(self, gathered: Gathered, now: float) -> Content:
        """The list, its counts, and what can be chosen."""
        lines = self.lines(now)
        shown = sorted((line for line in lines if self.wanted(line)), key=lambda line: line.trouble)
        start = min((self.number - 1) * SHOWN, max(0, (len(shown) - 1) // SHOWN * SHOWN))
        window = shown[start : start + SHOWN]
        number = start // SHOWN + 1
        rows = {line.key: self._row(line, now) for line in window}
        self.memo = {key: self.memo[key] for key in rows}
        context = {
            "page": self, "total": len(lines), "found": len(shown), "first": start + 1, "last": start + len(window),
            "number": number, "pages": max(1, -(-len(shown) // SHOWN)),
            "previous": self.link(page=str(number - 1) if number > 2 else None),
            "next": self.link(page=str(number + 1)),
            "counts": {status: sum(line.counts[status] for line in shown) for status in STATUSES},
            "empty": sum(not line.serving for line in shown),
        }  # fmt: skip
        fragments = {
            "services-counts": part("services_counts.html", context),
            "services-pages": part("services_pages.html", context),
            "services-empty": part("services_empty.html", context) if not window else "",
            "services-choices": part("services_choices.html", {"choices": self.choices(lines)}),
        }
        return Content(fragments, {"services": rows})

    def lines(self, now: float) -> list[ServiceRow]:
        """All services that the region's filter lets through."""
        wanted = self.query.get("region")
        found: dict[ServiceName, list[ServiceSummary]] = {}
        for region in self.board.regions:
            if not wanted or region == wanted:
                for name, summary in self.board.summaries.of_region(region, now).items():
                    found.setdefault(name, []).append(summary)
        self.known = {name: self._line(name, tuple(parts)) for name, parts in found.items()}
        return list(self.known.values())

    def wanted(self, line: ServiceRow) -> bool:
        """Whether a service is what was typed and chosen."""
        query, parts = self.query, line.parts
        if query.get("namespace") and line.name[0] != query["namespace"]:
            return False
        if query.get("zone") and not any(query["zone"] in part.zones for part in parts):
            return False
        if query.get("tag") and not any(query["tag"] in part.tags for part in parts):
            return False
        if query.get("status") and not _has_status(line, query["status"]):
            return False
        return all(_matches(line, word) for word in query.get("q", "").lower().split()[:MOST_WORDS])

    def choices(self, lines: Iterable[ServiceRow]) -> Mapping[str, list[str]]:
        """What each filter may be."""
        zones, tags, namespaces = set[str](), set[str](), set[str]()
        for line in lines:
            namespaces.add(line.name[0])
            for summary in line.parts:
                zones |= summary.zones
                tags |= summary.tags
        return {
            name: sorted(filter(None, values))[:MOST_CHOICES]
            for name, values in (("zones", zones), ("tags", tags), ("namespaces", namespaces))
        }

    def context(self) -> dict[str, Any]:
        """The filters as they stand."""
        return {"statuses": [*STATUSES, "out"], "chosen": self.query}

    def _line(self, name: ServiceName, parts: tuple[ServiceSummary, ...]) -> ServiceRow:
        line = self.known.get(name)
        # Summaries that are still true are the same ones.
        if line is None or len(line.parts) != len(parts) or any(map(is_not, line.parts, parts)):
            return ServiceRow(name, parts)
        return line

    def _row(self, line: ServiceRow, now: float) -> str:
        buckets = self.board.histories.buckets(None, *line.name, now=now)
        known = self.memo.get(line.key)
        if known is not None and known[0] == (line, buckets):
            return known[1]
        counts = line.counts
        html = part(
            "services_row.html",
            {
                "line": line,
                "counts": counts,
                "bar": status_bar(counts, label=_words(counts)),
                "spark": sparkline(buckets, label="health in the last hour"),
                "zones": sorted(frozenset[str]().union(*(part.zones for part in line.parts)) - {""}),
                "versions": sorted(frozenset[str]().union(*(part.versions for part in line.parts)) - {""}),
                "tags": sorted(frozenset[str]().union(*(part.tags for part in line.parts))),
                "overridden": line.overridden,
            },
        )
        self.memo[line.key] = ((line, buckets), html)
        return html


def _has_status(line: ServiceRow, status: str) -> bool:
    if status == "out":
        return any(part.out for part in line.parts)
    return status in STATUSES and line.counts[Status(status)] > 0


def _matches(line: ServiceRow, word: str) -> bool:
    if word in line.name[1] or word in line.name[0]:
        return True
    return any(
        word in text.lower() for part in line.parts for texts in (part.tags, part.owners, part.zones) for text in texts
    )


def _words(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items() if number) or "no instance"
