"""Holds in the admin site: shown with their formula, approved or rejected with a reason."""

import time
from collections.abc import Callable, Mapping, Sequence

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from catalog.breaker import Kind
from catalog.errors import CatalogError
from registry.admin.asking import ask
from registry.admin.display import badge, moment, table
from registry.admin.record import Link, RecordAdmin, actor
from registry.breaker import holds
from registry.corrections.forms import ReasonForm
from registry.corrections.words import DECISIONS, hold_words
from registry.models import HeldRow
from registry.tables.held import State

STATES = {State.OPEN.value: "waiting"}
DECIDE_URL = "registry_heldrow_decide"
DECIDE: Mapping[str, Callable[..., HeldRow]] = {"approve": holds.approve, "reject": holds.reject}


@admin.register(HeldRow)
class HoldAdmin(RecordAdmin[HeldRow]):
    """Many losses at once, waiting for an operator to decide whether they are real."""

    list_display = ("what", "number", "state_shown", "began", "ends", "decided_by")
    list_filter = ("state", "kind", "scope")
    search_fields = ("name", "formula", "members")
    empty = "Nothing is held. When many instances are lost at once, they stay here until you say whether that is real."
    ordering = ("-at",)
    fieldsets = (
        (None, {"fields": ("what", "state_shown", "formula", "began", "ends")}),
        ("Instances", {"fields": ("members_shown",)}),
        ("Decision", {"fields": ("decided_by", "decided", "reason")}),
    )
    readonly_fields = ("what", "state_shown", "began", "ends", "members_shown", "decided")

    def get_urls(self) -> list[URLPattern]:
        """With a page for each decision."""
        wrap = self.admin_site.admin_view
        own = [path("<path:id>/decide/<str:name>/", wrap(self.decide_view), name=DECIDE_URL)]
        return own + super().get_urls()

    def links(self, request: HttpRequest, row: HeldRow) -> Sequence[Link]:
        """The two decisions, while it waits."""
        if not (row.state == State.OPEN or holds.is_kept(row, time.time())) or not self.may(request, "change"):
            return ()
        return [
            Link(f"{words.label}…", reverse(f"admin:{DECIDE_URL}", args=(row.pk, name)), grave=name == "approve")
            for name, words in DECISIONS.items()
        ]

    def decide_view(self, request: HttpRequest, id: str, name: str) -> HttpResponse:
        """Ask why, then decide."""
        self.require(request, "change")
        row = self.get_object(request, id)
        if row is None or name not in DECISIONS:
            return HttpResponseRedirect(self.list_url())
        label = DECISIONS[name].label
        form = ReasonForm(request.POST or None)
        if form.is_valid():
            try:
                DECIDE[name](row.pk, actor=actor(request), cause=form.cleaned_data["reason"])
            except CatalogError as error:
                form.add_error(None, str(error))
            else:
                self.message_user(request, f"{label}: done.", messages.SUCCESS)
                return HttpResponseRedirect(self.list_url())
        mirror = row.name if row.kind == Kind.MIRROR else ""
        explanation = f"{self.what(row)}. {row.formula}. {DECISIONS[name].explained(mirror)}"
        back = self.url_of(row.pk)
        return ask(self, request, form, title=label, submit=label, back=back, explanation=explanation)

    @admin.display(description="what is held", ordering="kind")
    def what(self, row: HeldRow) -> str:
        """In words."""
        return hold_words(row)

    @admin.display(description="instances")
    def number(self, row: HeldRow) -> str:
        """How many of how many."""
        return f"{len(row.held)} of {row.population}" if row.members != "[]" else str(row.population)

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: HeldRow) -> str:
        """Whether it waits, or what became of it."""
        state = STATES.get(row.state, row.state)
        return badge(state, "quiet" if state in ("expired", "recovered") else state)

    @admin.display(description="held", ordering="at")
    def began(self, row: HeldRow) -> str:
        """Since when."""
        return moment(row.at)

    @admin.display(description="happens by itself", ordering="expires_at")
    def ends(self, row: HeldRow) -> str:
        """When it happens undecided."""
        return moment(row.expires_at) if row.state == State.OPEN else "decided"

    @admin.display(description="decided")
    def decided(self, row: HeldRow) -> str:
        """When."""
        return moment(row.decided_at, absent="not yet")

    @admin.display(description="held instances")
    def members_shown(self, row: HeldRow) -> str:
        """Each with what was found."""
        rows = [(member.key.removeprefix("instance/"), member.check or "lease", member.output) for member in row.held]
        return table(("Instance", "Check", "What was found"), rows, empty="None.")
