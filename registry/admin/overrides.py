"""Overrides in the admin site: the main thing an operator does there."""

import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from catalog.errors import CatalogError, Invalid
from registry import actions
from registry.admin.asking import ask
from registry.admin.display import badge, moment
from registry.admin.forms import OverrideForm, complain
from registry.admin.record import Link, RecordAdmin, actor
from registry.corrections.words import override_words
from registry.models import OverrideRow

FIELDSETS: list[tuple[str | None, dict[str, Any]]] = [
    ("What it speaks about", {"fields": ["scope", "namespace", "service", "instance", "zone", "tag", "target"]}),
    ("What it says", {"fields": ["status", "weight"]}),
    ("Why, and until when", {"fields": ["reason", "expires", "empty_ok"]}),
]
EXPLANATION = (
    "An override is your word over what instances report. It counts for every lookup at once: critical takes instances "
    "out, weight 0 drains them, passing keeps sending traffic whatever the checks say. Where several speak of one "
    "instance, the more precise one counts: instance, then tag, service, zone, "
    "region. What you say of another region counts for lookups that are asked here, and comes before what its own "
    "operators say."
)


@admin.register(OverrideRow)
class OverrideAdmin(RecordAdmin[OverrideRow]):
    """Setting overrides, with a preview, and clearing them."""

    list_display = ("subject", "says", "reason", "author", "created", "expires", "state")
    list_filter = ("scope", "status", "namespace", "region")
    search_fields = ("service", "instance", "zone", "tag", "target", "reason", "author")
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("subject", "says", "reason", "state")}),
        ("Who and when", {"fields": ("author", "created", "expires", "index")}),
    )
    removing = "Clear"
    empty = "No override is set: lookups believe what instances report. Set one here, or from the list of instances."
    readonly_fields = ("subject", "says", "created", "expires", "state")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through `set_override`."""
        return self.may(request, "add")

    def has_delete_permission(self, request: HttpRequest, obj: OverrideRow | None = None) -> bool:
        """Through `clear_override`; another region's are its own."""
        return self.may(request, "delete") and (obj is None or obj.region == settings.MERIDIAN.region)

    def described(self, row: OverrideRow) -> str:
        """What is cleared."""
        return f"{self.subject(row)}: {row.status or f'weight {row.weight}'} ({row.reason})"

    def links(self, request: HttpRequest, row: OverrideRow) -> Sequence[Link]:
        """Clearing, and its history."""
        log = reverse("admin:registry_changerow_changelist")
        clear = Link("Clear…", reverse("admin:registry_overriderow_delete", args=(row.pk,)), grave=True)
        history = Link("History in the log", f"{log}?key=override/{row.pk}")
        return (clear, history) if self.has_delete_permission(request, row) else (history,)

    def delete_model(self, request: HttpRequest, obj: OverrideRow) -> None:
        """Clear it."""
        actions.clear_override(obj.id, actor=actor(request), cause="cleared in the admin site")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, preview, set."""
        self.require(request, "add")
        form = OverrideForm(request.POST) if request.method == "POST" else OverrideForm(initial=request.GET.dict())
        if form.is_bound and self._check(request, form) and "_do" in request.POST:
            try:
                return self._set(request, form)
            except CatalogError as error:
                form.add_error(None, str(error))
        return ask(
            self,
            request,
            form,
            title="Set an override",
            fieldsets=FIELDSETS,
            explanation=EXPLANATION,
            submit="Set the override",
            previews=True,
            script="registry/override.js",
        )

    def _check(self, request: HttpRequest, form: OverrideForm) -> bool:
        if not form.is_valid():
            return False
        try:
            asked = form.request(request.user.get_username())
            deciding = "_do" in request.POST
            form.look_ahead([asked], region=settings.MERIDIAN.region, now=time.time(), deciding=deciding)
        except Invalid as error:
            complain(form, error, {"expires_in": "expires"})
        return form.is_valid()

    def _set(self, request: HttpRequest, form: OverrideForm) -> HttpResponse:
        asked = form.request(request.user.get_username())
        override = actions.set_override(asked, actor=actor(request), cause=asked.reason)
        row = OverrideRow.objects.get(pk=override.id)
        self.log_addition(request, row, [{"added": {}}])
        link = format_html('<a href="{}">{}</a>', self.url_of(row.pk), self.subject(row))
        self.message_user(
            request, format_html("The override of {} is set and counts from now.", link), messages.SUCCESS
        )
        return HttpResponseRedirect(self.list_url())

    @admin.display(description="about", ordering="service")
    def subject(self, row: OverrideRow) -> str:
        """What it speaks about, in words."""
        return override_words(row.override, settings.MERIDIAN.region)

    @admin.display(description="says")
    def says(self, row: OverrideRow) -> str:
        """Its status or weight."""
        status = badge(row.status) if row.status else ""
        weight = badge("drained" if row.weight == 0 else f"weight {row.weight}", "drained")
        return format_html("{} {}", status, weight if row.weight is not None else "")

    @admin.display(description="set", ordering="created_at")
    def created(self, row: OverrideRow) -> str:
        """How long ago."""
        return moment(row.created_at)

    @admin.display(description="ends", ordering="expires_at")
    def expires(self, row: OverrideRow) -> str:
        """When by itself."""
        return moment(row.expires_at, absent="when it is cleared")

    @admin.display(description="state")
    def state(self, row: OverrideRow) -> str:
        """Whether it counts now."""
        return badge("live" if row.override.is_live(time.time()) else "expired")
