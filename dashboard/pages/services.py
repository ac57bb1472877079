"""The services page: all services of all regions, those in trouble first."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.utils.functional import cached_property

from catalog.status import Status
from catalog.view import ServiceName
from dashboard.page import Gathered, Page, part
from dashboard.pictures.bars import status_bar
from dashboard.pictures.sparkline import sparkline
from dashboard.sheet import Sheet
from dashboard.summary import STATUSES, Summary

SHOWN = 100  # services on one page of the list
MOST_CHOICES = 200  # of a filter


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One service over the regions that the filters let through."""

    name: ServiceName
    parts: tuple[Summary, ...]

    @property
    def key(self) -> str:
        """The row's key."""
        return "/".join(self.name)

    def total(self, status: Status) -> int:
        """Instances of a status."""
        return sum(part.statuses[status] for part in self.parts)

    @property
    def instances(self) -> int:
        """All instances."""
        return sum(part.instances for part in self.parts)

    @property
    def serving(self) -> int:
        """Instances that lookups return."""
        return sum(part.serving for part in self.parts)

    @property
    def trouble(self) -> tuple[Any, ...]:
        """What to sort by: nothing serves, a region in which nothing serves, the share that is critical, and so on."""
        total = self.instances or 1
        dead_regions = sum(not part.serving for part in self.parts)
        return (
            self.serving > 0,
            -dead_regions,
            -self.total(Status.CRITICAL) / total,
            -self.total(Status.WARNING) / total,
            -sum(part.overridden for part in self.parts),
            -self.total(Status.UNKNOWN) / total,
            self.name[1],
            self.name[0],
        )


class ServicesPage(Page):
    """All services, narrowed by what is typed and chosen."""

    template = "dashboard/services.html"
    title = "Services"
    area = "services"
    every = 15.0
    parameters = ("q", "region", "zone", "tag", "status", "namespace", "page")

    @cached_property
    def memo(self) -> dict[str, tuple[Any, str]]:
        """Rows as they were drawn last, with what they were drawn from."""
        return {}

    @property
    def number(self) -> int:
        """Which page of the list."""
        text = self.query.get("page", "1")
        return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1

    def sheet(self, gathered: Gathered, now: float) -> Sheet:
        """The list, its counts, and what can be chosen."""
        lines = self.lines(now)
        shown = sorted((line for line in lines if self.wanted(line)), key=lambda line: line.trouble)
        start = min((self.number - 1) * SHOWN, max(0, (len(shown) - 1) // SHOWN * SHOWN))
        window = shown[start : start + SHOWN]
        number = start // SHOWN + 1
        rows = {line.key: self._row(line, now) for line in window}
        context = {
            "page": self, "total": len(lines), "found": len(shown), "first": start + 1, "last": start + len(window),
            "number": number, "pages": max(1, -(-len(shown) // SHOWN)),
            "previous": self.link(page=str(number - 1) if number > 2 else None),
            "next": self.link(page=str(number + 1)),
            "counts": {status: sum(line.total(status) for line in shown) for status in STATUSES},
            "empty": sum(not line.serving for line in shown),
        }  # fmt: skip
        fragments = {
            "services-counts": part("services_counts.html", context),
            "services-pages": part("services_pages.html", context),
            "services-empty": part("services_empty.html", context) if not window else "",
            "services-choices": part("services_choices.html", {"choices": self.choices(lines)}),
        }
        return Sheet(fragments, {"services": rows})

    def lines(self, now: float) -> list[Line]:
        """All services that the region's filter lets through."""
        wanted = self.query.get("region")
        found: dict[ServiceName, list[Summary]] = {}
        for region in self.board.regions:
            if not wanted or region == wanted:
                for name, summary in self.board.summaries.of_region(region, now).items():
                    found.setdefault(name, []).append(summary)
        return [Line(name=name, parts=tuple(parts)) for name, parts in found.items()]

    def wanted(self, line: Line) -> bool:
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
        return all(_matches(line, word) for word in query.get("q", "").lower().split())

    def choices(self, lines: Iterable[Line]) -> Mapping[str, list[str]]:
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
        now = self.board.clock()
        return {"choices": self.choices(self.lines(now)), "statuses": [*STATUSES, "out"], "chosen": self.query}

    def _row(self, line: Line, now: float) -> str:
        buckets = self.board.histories.buckets(None, *line.name, now=now)
        drawn_from = (line.parts, tuple(buckets))
        known = self.memo.get(line.key)
        if known is not None and known[0] == drawn_from:
            return known[1]
        counts = {status: line.total(status) for status in STATUSES}
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
                "overridden": sum(part.overridden for part in line.parts),
            },
        )
        self.memo[line.key] = (drawn_from, html)
        return html


def _has_status(line: Line, status: str) -> bool:
    if status == "out":
        return any(part.out for part in line.parts)
    return status in STATUSES and line.total(Status(status)) > 0


def _matches(line: Line, word: str) -> bool:
    if word in line.name[1] or word in line.name[0]:
        return True
    return any(
        word in text.lower() for part in line.parts for texts in (part.tags, part.owners, part.zones) for text in texts
    )


def _words(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items() if number) or "no instance"
