"""The page of one instance: everything that is known of it, how it came to be so, and who is sent there."""

from typing import Any

from django.utils.functional import cached_property

from catalog.query import believed, overrides_about
from catalog.records.instance import Instance, instance_key, removal_due
from catalog.records.override import effective
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.pages.changes import key_of, shown
from dashboard.pages.instance import checks as instance_checks
from dashboard.pages.instance import facts as instance_facts
from dashboard.pages.instance import parts
from dashboard.pages.instance.facts import InstanceFacts
from dashboard.pages.service.parts import standing
from dashboard.pages.service.verdicts import is_touched
from dashboard.words.sentences import who
from dashboard.words.suggestions import near_instances
from registry.log.history import Entry

LARGE = 50  # instances of a service; what lookups say of one of them is found out once a second at most
NOTHING_ASKED = InstanceFacts()


class InstancePage(Page):
    """An instance."""

    template = "dashboard/instance.html"
    title = "Instance"
    area = "services"
    every = 5.0
    gathers = True

    @property
    def region(self) -> str:
        """Where it is."""
        return self.arguments["region"].lower()

    @property
    def namespace(self) -> str:
        """Of its service."""
        return self.arguments["namespace"].lower()

    @property
    def service(self) -> str:
        """The service's name."""
        return self.arguments["service"].lower()

    @property
    def id(self) -> str:
        """Its own."""
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

    @cached_property
    def memo(self) -> dict[str, Any]:
        """What was drawn before: entries of the log, which never change, and what lookups said."""
        return {"entries": {}, "asked_at": float("-inf")}

    def found(self) -> bool:
        """Whether it is registered now."""
        return self.instance is not None

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """A change of its service in any region: what lookups say of it depends on the others."""
        return is_touched(self.board.view, (self.namespace, self.service), names)

    def gather(self, now: float) -> InstanceFacts:
        """See `Facts`."""
        return instance_facts.ask(self.board, self.region, self.record_key, self.instance or self._last(), now)

    def content(self, gathered: Gathered, now: float) -> Content:
        """Everything; of one that is gone its last record and who removed it, of one that never was what is near."""
        facts: InstanceFacts = gathered.value or NOTHING_ASKED
        standing_now = self.instance
        removal = None
        if standing_now is None:
            removal = parts.removal(self.board, self.region, self.record_key, facts.entries)
        instance = standing_now or (removal.last if removal else None) or self._last()
        self.memo["last"] = instance
        is_known = instance is not None or removal is not None
        context: dict[str, Any] = {
            "page": self, "instance": instance, "removal": removal, "is_here": standing_now is not None,
            "facts": facts, "gathered": gathered, "home": self.board.home,
            "who": who(removal.change.actor) if removal else "",
            "notes": [*facts.problems, *((gathered.problem,) if gathered.problem else ())],
        }  # fmt: skip
        fragments = {
            "instance-missing": "" if is_known else self._missing(context),
            "instance-gone": part("instance_gone.html", context) if is_known and standing_now is None else "",
            "instance-head": part("instance_head.html", context | self._standing(standing_now, now)),
            "instance-record": part("instance_record.html", context | self._standing(standing_now, now)),
            "instance-rulings": part("instance_rulings.html", context | self._rulings(standing_now, now)),
            "instance-asked": self._asked(standing_now, now),
            "instance-history-note": part("instance_history.html", context),
        }
        checks = instance_checks.rows(instance, facts.results, self.board.home) if instance else {}
        return Content(fragments, {"instance-checks": checks, "instance-history": self._history(instance, facts)})

    def _last(self) -> Instance | None:
        """The record as it was when the page saw it last."""
        last: Instance | None = self.memo.get("last")
        return last

    def _missing(self, context: dict[str, Any]) -> str:
        near = near_instances(self.board.view, self.region, self.namespace, self.service, self.id)
        name = (self.namespace, self.service)
        has_service = any(name in self.board.view.region(region).services for region in self.board.regions)
        is_region = self.region in self.board.regions
        return part(
            "instance_missing.html", context | {"near": near, "has_service": has_service, "is_region": is_region}
        )

    def _standing(self, instance: Instance | None, now: float) -> dict[str, Any]:
        """Status and weight after overrides, and what is due."""
        if instance is None:
            return {}
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

    def _rulings(self, instance: Instance | None, now: float) -> dict[str, Any]:
        return {"rulings": parts.covering_overrides(self.board.view, instance, now) if instance else []}

    def _asked(self, instance: Instance | None, now: float) -> str:
        """What lookups say of it. Each of them judges the whole service, so a large one is not asked all the time."""
        if instance is None:
            return part("instance_asked.html", {"asked": [], "page": self})
        name = (self.namespace, self.service)
        drawn_from = standing(self.board.view, self.board.regions, name)
        members = len(self.board.view.region(self.region).services.get(name, {}))
        memo, age = self.memo, now - self.memo["asked_at"]
        too_soon = members > LARGE and age < 1.0
        if "asked" not in memo or (memo["asked_from"] != drawn_from and not too_soon) or age > 2 * self.every:
            asked = parts.lookups_everywhere(self.board, instance, now)
            html = part("instance_asked.html", {"asked": asked, "page": self, "instance": instance})
            memo |= {"asked": html, "asked_from": drawn_from, "asked_at": now}
        return str(memo["asked"])

    def _history(self, instance: Instance | None, facts: InstanceFacts) -> dict[str, str]:
        entries = parts.past(self.board, self.region, self.record_key, instance, facts.entries)
        rows = {key_of(entry.change): self._entry(entry) for entry in entries}
        self.memo["entries"] = dict(rows)
        return rows

    def _entry(self, entry: Entry) -> str:
        known: str | None = self.memo["entries"].get(key_of(entry.change))
        if known is not None:
            return known
        context = shown(entry)
        fields = [field.field for field in context["difference"] if field.field not in QUIET]
        return part("instance_change.html", context | {"fields": fields, "who": who(entry.change.actor)})


# Fields that follow from others, or from the time.
QUIET = frozenset({"status", "since", "critical_since", "recovered_at", "kind", "region", "registered_at"})
