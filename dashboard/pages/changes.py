"""The changes page: the logs of all regions as one live list, newest first."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from django.utils.functional import cached_property

from catalog.change import Change
from catalog.records.instance import DEFAULT_NAMESPACE
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.memory.recent import Entry
from registry.log import history
from registry.log.diff import difference

SHOWN = 100  # entries
KINDS = ("instance", "override", "policy")
VERBS = (
    "register", "deregister", "report", "expire", "revive", "set_override", "clear_override", "expire_override",
    "set_policy", "clear_policy",
)  # fmt: skip


class LogPositions(msgspec.Struct, frozen=True):
    """Where in the logs a page of the list begins: before these indexes."""

    before: dict[str, int]

    @classmethod
    def read(cls, text: str) -> "LogPositions":
        """From an address: `us-east:120,eu-west:77`. What cannot be read does not count."""
        pairs = (pair.rpartition(":") for pair in text.split(","))
        return cls({name: int(index) for name, _, index in pairs if name and index.isdecimal() and len(index) < 19})

    def written(self) -> str:
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
    def memo(self) -> dict[str, str]:
        """Entries never change: each is drawn once."""
        return {}

    @property
    def place(self) -> LogPositions:
        """Where the list begins; nothing in it when it begins now."""
        return LogPositions.read(self.query.get("before", ""))

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
            before=self.place.before or None,
            limit=SHOWN,
        )

    def content(self, gathered: Gathered, now: float) -> Content:
        """The list, and where it goes on."""
        entries = self.entries(gathered)
        rows = {key_of(entry.change): self._row(entry) for entry in entries}
        self._forget(rows)
        context = {
            "gathered": gathered,
            "entries": entries,
            "filtered": bool(self.query.keys() - {"before"}),
            "older": self._older(entries),
            "newest": self.link(before=None) if self.place.before else "",
        }
        fragments = {
            "changes-state": part("changes_state.html", context),
            "changes-empty": part("changes_empty.html", context) if not rows else "",
            "changes-pages": part("changes_pages.html", context),
        }
        return Content(fragments, {"changes": rows})

    def entries(self, gathered: Gathered) -> list[Entry]:
        """What memory and tables say together, newest first: by the regions' clocks, and within one by its log."""
        wanted = wanted_by(self.query)
        recent = () if self.place.before else (entry for entry in self.board.recent.newest() if wanted(entry.change))
        found: dict[str, Entry] = {}
        for entry in (*(gathered.value or ()), *_first(recent, SHOWN)):
            found[key_of(entry.change)] = entry
        return sorted(found.values(), key=_when, reverse=True)[:SHOWN]

    def context(self) -> dict[str, Any]:
        """The filters as they stand."""
        return {"chosen": self.query, "kinds": KINDS, "verbs": VERBS}

    def _older(self, entries: list[Entry]) -> str:
        if len(entries) < SHOWN:
            return ""
        return self.link(before=LogPositions(history.older_than(entries, self.place.before)).written())

    def _row(self, entry: Entry) -> str:
        key = key_of(entry.change)
        html = self.memo.get(key)
        if html is None:
            html = self.memo[key] = part("changes_row.html", shown(entry))
        return html

    def _forget(self, rows: dict[str, str]) -> None:
        if len(self.memo) > 10 * SHOWN:
            self.memo.clear()
            self.memo.update(rows)


def key_of(change: Change) -> str:
    """An entry's place, as one word."""
    return f"{change.region}:{change.index}"


def shown(entry: Entry) -> dict[str, Any]:
    """What a template says of an entry."""
    change = entry.change
    kind, _, name = change.key.partition("/")
    namespace, _, rest = name.partition("/")
    service, _, id = rest.partition("/")
    return {
        "key": key_of(change),
        "change": change,
        "entry": entry,
        "kind": kind,
        "name": name.removeprefix(f"{DEFAULT_NAMESPACE}/"),
        "namespace": namespace,
        "service": service,
        "id": id,
        "removed": change.record is None,
        "new": entry.before is None and entry.before_known,
        "said": said(change),
        "difference": difference(entry.before, change.record),
        "status": getattr(change.record, "status", None) if kind == "instance" else None,
        "status_before": getattr(entry.before, "status", None) if kind == "instance" else None,
    }


def said(change: Change) -> str:
    """The verb in words."""
    return change.verb.replace("_", " ") or "change"


def name_in(query: Mapping[str, str], field: str) -> str:
    """The name of a region, a namespace or a service as somebody typed it; empty when nothing was."""
    return query.get(field, "").strip().lower()


def wanted_by(query: Mapping[str, str]) -> Callable[[Change], bool]:
    """Whether an entry in memory is what the tables would be asked for: see `registry.history.entries`."""
    words = query.get("q", "").lower().split()[: history.MOST_WORDS]
    region, namespace, service = (name_in(query, field) for field in ("region", "namespace", "service"))
    beginnings: tuple[str, ...] = ("",)
    if service:
        beginnings = (f"instance/{namespace or DEFAULT_NAMESPACE}/{service}/",)
    elif namespace:
        beginnings = (f"instance/{namespace}/", f"policy/{namespace}/")
    kind = f"{query['kind']}/" if query.get("kind") in KINDS else ""
    verb = query["verb"] if query.get("verb") in VERBS else ""

    def wanted(change: Change) -> bool:
        if region and change.region != region:
            return False
        if not change.key.startswith(beginnings) or not change.key.startswith(kind) or (verb and change.verb != verb):
            return False
        if query.get("actor", "").lower() not in change.actor.lower():
            return False
        texts = f"{change.key}\n{change.verb}\n{change.actor}\n{change.cause}".lower() if words else ""
        return all(word in texts for word in words)

    return wanted


def _when(entry: Entry) -> tuple[float, str, int]:
    return entry.change.at, entry.change.region, entry.change.index


def _first(entries: Iterable[Entry], number: int) -> list[Entry]:
    found = []
    for entry in entries:
        found.append(entry)
        if len(found) == number:
            break
    return found
