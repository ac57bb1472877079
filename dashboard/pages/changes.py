"""The changes page: the logs of all regions as one live list, newest first."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any

import msgspec
from django.utils.functional import cached_property

from catalog.change import Change
from catalog.kinds import INSTANCE, KINDS, in_namespace
from catalog.records.instance import DEFAULT_NAMESPACE
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.live.row_cache import RowCache
from registry.log import history
from registry.log.diff import difference
from registry.log.history import Entry

SHOWN = 100  # entries
VERBS = tuple(verb for kind in KINDS.values() for verb in kind.verbs)


class LogPositions(msgspec.Struct, frozen=True):
    """Where a page of the list begins: before these indexes, by region."""

    before: dict[str, int]

    @classmethod
    def parse(cls, text: str) -> "LogPositions":
        """From an address: `us-east:120,eu-west:77`. What cannot be parsed is ignored."""
        pairs = (pair.rpartition(":") for pair in text.split(","))
        return cls({name: int(index) for name, _, index in pairs if name and index.isdecimal() and len(index) < 19})

    def text(self) -> str:
        """For an address."""
        return ",".join(f"{region}:{index}" for region, index in sorted(self.before.items()))


class ChangesPage(Page):
    """What was done, by whom and why; each entry opens to what it changed."""

    template = "dashboard/changes.html"
    title = "Changes"
    area = "changes"
    every = 10.0
    gathers = True
    parameters = ("q", "region", "service", "namespace", "actor", "kind", "verb", "before")

    @cached_property
    def rows(self) -> RowCache:
        """Entries, which never change."""
        return RowCache()

    @property
    def start(self) -> LogPositions:
        """Where the list begins; empty when it begins now."""
        return LogPositions.parse(self.query.get("before", ""))

    def gather(self, now: float) -> Any:
        """The log in the tables, which goes further back than memory."""
        query = self.query
        region, namespace, service = (name_in(query, field) for field in ("region", "namespace", "service"))
        return history.entries(
            regions=[region] if region else None,
            services=[(namespace or DEFAULT_NAMESPACE, service)] if service else None,
            namespace=namespace or None,
            kinds=[query["kind"]] if query.get("kind") in KINDS else None,
            verbs=[query["verb"]] if query.get("verb") in VERBS else None,
            actor=query.get("actor"),
            text=query.get("q"),
            before=self.start.before or None,
            limit=SHOWN,
        )

    def content(self, gathered: Gathered, now: float) -> Content:
        """The list, and where it goes on."""
        entries = self.entries(gathered)
        rows = {key: self.rows.get(key, None, partial(_row, entry)) for entry in entries for key in [key_of(entry)]}
        self.rows.keep(rows)
        context = {
            "gathered": gathered,
            "entries": entries,
            "filtered": bool(self.query.keys() - {"before"}),
            "older": self._older(entries),
            "newest": self.link(before=None) if self.start.before else "",
        }
        fragments = {
            "changes-state": part("changes_state.html", context),
            "changes-empty": part("changes_empty.html", context) if not rows else "",
            "changes-pages": part("changes_pages.html", context),
        }
        return Content(fragments, {"changes": rows})

    def entries(self, gathered: Gathered) -> list[Entry]:
        """The entries of memory and tables, newest first: by the regions' clocks, within a region by its log."""
        matches = matcher(self.query)
        recent = () if self.start.before else (entry for entry in self.board.recent.newest() if matches(entry.change))
        found = {key_of(entry): entry for entry in (*(gathered.value or ()), *islice(recent, SHOWN))}
        return sorted(found.values(), key=_when, reverse=True)[:SHOWN]

    def context(self) -> dict[str, Any]:
        """The filters as filled in."""
        return {"chosen": self.query, "kinds": tuple(KINDS), "verbs": VERBS}

    def _older(self, entries: list[Entry]) -> str:
        if len(entries) < SHOWN:
            return ""
        return self.link(before=LogPositions(history.older_than(entries, self.start.before)).text())


def key_of(entry: Entry) -> str:
    """The region and index of an entry, as one word."""
    return f"{entry.change.region}:{entry.change.index}"


def entry_context(entry: Entry) -> dict[str, Any]:
    """What templates show of an entry."""
    change = entry.change
    kind, _, name = change.key.partition("/")
    namespace, _, rest = name.partition("/")
    service, _, id = rest.partition("/")
    return {
        "key": key_of(entry),
        "change": change,
        "entry": entry,
        "kind": kind,
        "name": name.removeprefix(f"{DEFAULT_NAMESPACE}/"),
        "namespace": namespace,
        "service": service,
        "id": id,
        "removed": change.record is None,
        "new": entry.before is None and entry.before_known,
        "said": change.verb.replace("_", " ") or "change",
        "difference": difference(entry.before, change.record),
        "status": getattr(change.record, "status", None) if kind == "instance" else None,
        "status_before": getattr(entry.before, "status", None) if kind == "instance" else None,
    }


def name_in(query: Mapping[str, str], field: str) -> str:
    """The name of a region, a namespace or a service as typed into a field; empty when nothing was."""
    return query.get(field, "").strip().lower()


def matcher(query: Mapping[str, str]) -> Callable[[Change], bool]:
    """Tells whether a change in memory passes the filters, as `registry.log.history.entries` does for the tables."""
    words = query.get("q", "").lower().split()[: history.MOST_WORDS]
    region, namespace, service = (name_in(query, field) for field in ("region", "namespace", "service"))
    beginnings: tuple[str, ...] = ("",)
    if service:
        beginnings = (INSTANCE.beginning(namespace or DEFAULT_NAMESPACE, service),)
    elif namespace:
        beginnings = in_namespace(namespace)
    kind = f"{query['kind']}/" if query.get("kind") in KINDS else ""
    verb = query["verb"] if query.get("verb") in VERBS else ""

    def matches(change: Change) -> bool:
        if region and change.region != region:
            return False
        if not change.key.startswith(beginnings) or not change.key.startswith(kind) or (verb and change.verb != verb):
            return False
        if query.get("actor", "").lower() not in change.actor.lower():
            return False
        texts = f"{change.key}\n{change.verb}\n{change.actor}\n{change.cause}".lower() if words else ""
        return all(word in texts for word in words)

    return matches


def _when(entry: Entry) -> tuple[float, str, int]:
    return entry.change.at, entry.change.region, entry.change.index


def _row(entry: Entry) -> str:
    return part("changes_row.html", entry_context(entry))
