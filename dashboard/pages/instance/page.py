"""The page of one instance: its record, its checks, its history, and which lookups return it."""

from functools import partial
from typing import Any

from django.utils.functional import cached_property

from catalog.query import believed, overrides_about
from catalog.records.instance import Instance, instance_key, removal_due
from catalog.records.override import effective
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.live.row_cache import RowCache
from dashboard.pages.changes import entry_context, key_of
from dashboard.pages.instance import parts
from dashboard.pages.instance.checks import check_rows
from dashboard.pages.instance.facts import InstanceFacts, read_facts
from dashboard.pages.service.decisions import answer_inputs, is_touched
from dashboard.pages.service.lookup_cache import LookupCache
from dashboard.words.sentences import actor_name
from dashboard.words.suggestions import similar_instances
from registry.log.history import Entry

NOT_READ_YET = InstanceFacts()
DERIVED = frozenset({"status", "since", "critical_since", "recovered_at", "kind", "region", "registered_at"})  # fields


class InstancePage(Page):
    """An instance."""

    template = "dashboard/instance.html"
    title = "Instance"
    area = "services"
    every = 5.0
    gathers = True

    @property
    def region(self) -> str:
        """Its region."""
        return self.arguments["region"].lower()

    @property
    def namespace(self) -> str:
        """Its service's namespace."""
        return self.arguments["namespace"].lower()

    @property
    def service(self) -> str:
        """Its service."""
        return self.arguments["service"].lower()

    @property
    def id(self) -> str:
        """Its id."""
        return self.arguments["id"]

    @property
    def record_key(self) -> str:
        """The record's key in the region's log."""
        return instance_key(self.namespace, self.service, self.id)

    @property
    def heading(self) -> str:
        """Its id."""
        return self.id

    @property
    def instance(self) -> Instance | None:
        """The record as it is now."""
        name = (self.namespace, self.service)
        return self.board.view.region(self.region).services.get(name, {}).get(self.id)

    last: Instance | None = None  # the record as the page saw it last

    @cached_property
    def entries(self) -> RowCache:
        """Entries of the log, which never change."""
        return RowCache()

    @cached_property
    def lookups(self) -> LookupCache[str]:
        """What lookups in each region say of it."""
        return LookupCache()

    def found(self) -> bool:
        """Whether it is registered now."""
        return self.instance is not None

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """A change of its service in any region: lookups of it depend on the other instances."""
        return is_touched(self.board.view, (self.namespace, self.service), names)

    def gather(self, now: float) -> InstanceFacts:
        """See `InstanceFacts`."""
        return read_facts(self.board, self.region, self.record_key, self.instance or self.last, now)

    def content(self, gathered: Gathered, now: float) -> Content:
        """Everything; of a removed instance its last record and who removed it, of an unknown one suggestions."""
        facts: InstanceFacts = gathered.value or NOT_READ_YET
        current = self.instance
        removal = None
        if current is None:
            removal = parts.removal(self.board, self.region, self.record_key, facts.entries)
        instance = self.last = current or (removal.last if removal else None) or self.last
        is_known = instance is not None or removal is not None
        context: dict[str, Any] = {
            "page": self, "instance": instance, "removal": removal, "is_here": current is not None,
            "facts": facts, "gathered": gathered, "home": self.board.home,
            "who": actor_name(removal.change.actor) if removal else "",
            "notes": [*facts.problems, *((gathered.problem,) if gathered.problem else ())],
        }  # fmt: skip
        status = self._status(current, now) if current else {}
        rulings = parts.covering_overrides(self.board.view, current, now) if current else []
        fragments = {
            "instance-missing": "" if is_known else self._missing(context),
            "instance-gone": part("instance_gone.html", context) if is_known and current is None else "",
            "instance-head": part("instance_head.html", context | status),
            "instance-record": part("instance_record.html", context | status),
            "instance-rulings": part("instance_rulings.html", context | {"rulings": rulings}),
            "instance-asked": self._lookups(current, now),
            "instance-history-note": part("instance_history.html", context),
        }
        checks = check_rows(instance, facts.results, self.board.home) if instance else {}
        return Content(fragments, {"instance-checks": checks, "instance-history": self._history(instance, facts)})

    def _missing(self, context: dict[str, Any]) -> str:
        near = similar_instances(self.board.view, self.region, self.namespace, self.service, self.id)
        name = (self.namespace, self.service)
        has_service = any(name in self.board.view.region(region).services for region in self.board.regions)
        is_region = self.region in self.board.regions
        return part(
            "instance_missing.html", context | {"near": near, "has_service": has_service, "is_region": is_region}
        )

    def _status(self, instance: Instance, now: float) -> dict[str, Any]:
        """Status and weight after overrides, and when it is due to be removed."""
        region = self.board.view.region(self.region)
        overrides = overrides_about(self.board.view, self.region, self.board.home)
        counts = effective(overrides, instance, believed(instance, region.blind_since, now), now)
        override = counts.override
        since = override.created_at if override and override.status else instance.since or instance.registered_at
        due = removal_due(instance)
        return {
            "status": counts.status, "weight": counts.weight, "override": override, "since": since, "due": due,
            "overdue": due is not None and due < now, "freshness": region.freshness,
        }  # fmt: skip

    def _lookups(self, instance: Instance | None, now: float) -> str:
        if instance is None:
            self.lookups.clear()
            return part("instance_asked.html", {"asked": [], "page": self})
        view, name = self.board.view, (self.namespace, self.service)
        members = len(view.region(self.region).services.get(name, {}))
        source = answer_inputs(view, self.board.regions, name)
        return self.lookups.get(source, now, members, lambda: (self._looked_up(instance, now), now + 2 * self.every))

    def _looked_up(self, instance: Instance, now: float) -> str:
        asked = parts.lookups_everywhere(self.board, instance, now)
        return part("instance_asked.html", {"asked": asked, "page": self, "instance": instance})

    def _history(self, instance: Instance | None, facts: InstanceFacts) -> dict[str, str]:
        entries = parts.history(self.board, self.region, self.record_key, instance, facts.entries)
        rows = {key: self.entries.get(key, None, partial(_row, entry)) for entry in entries for key in [key_of(entry)]}
        self.entries.keep(rows)
        return rows


def _row(entry: Entry) -> str:
    context = entry_context(entry)
    fields = [field.field for field in context["difference"] if field.field not in DERIVED]
    return part("instance_change.html", context | {"fields": fields, "who": actor_name(entry.change.actor)})
