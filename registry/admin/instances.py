"""Instances in the admin site: looking at them, correcting them by overrides, registering and deregistering."""

import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from catalog.errors import CatalogError, Invalid
from catalog.records.instance import DEFAULT_NAMESPACE, endpoint
from catalog.records.override import ruling
from registry import actions
from registry.admin import instance_actions
from registry.admin.asking import ask
from registry.admin.display import badge, length, moment, table, words
from registry.admin.forms import RegistrationForm, complain
from registry.admin.record import Link, RecordAdmin, actor
from registry.api.filters import search
from registry.api.resources.instances import standing_overrides
from registry.corrections.words import override_words
from registry.models import ChangeRow, InstanceRow

HISTORY = 20  # changes shown on an instance's page
LOG = "admin:registry_changerow_changelist"
REGISTRATION_FIELDS: list[tuple[str | None, dict[str, Any]]] = [
    ("Name", {"fields": ["service", "id", "namespace"]}),
    ("Where it is", {"fields": ["host", "port", "ports", "zone"]}),
    ("What it is", {"fields": ["version", "tags", "metadata", "weight", "owner"]}),
    ("How it is judged", {"fields": ["lease_ttl", "checks", "deregister_critical_after"]}),
]


class InstanceList(ChangeList):
    """A page of the list. The standing overrides are read once for all its rows."""

    def get_results(self, request: HttpRequest) -> None:
        """See ChangeList."""
        super().get_results(request)
        overrides = standing_overrides()
        self.result_list = list(self.result_list)
        for row in self.result_list:
            row.standing = overrides


@admin.register(InstanceRow)
class InstanceAdmin(RecordAdmin[InstanceRow]):
    """What is registered, how it is doing, and what can be done about it."""

    list_display = ("service_shown", "instance_id", "status_shown", "since", "address", "zone", "version")
    list_display_links = ("service_shown", "instance_id")
    list_filter = ("status", "zone", "namespace", "region")
    search_fields = ("service",)  # `get_search_results` looks further
    search_help_text = "Words in the service, id, host, zone, version, tags, metadata or owner"
    ordering = ("namespace", "service", "instance_id")
    actions = ("take_out", "drain", "force_passing")
    removing = "Deregister"
    empty = "Nothing is registered yet. Programs register themselves with PUT /services/NAME/ID; you may do it for one."
    fieldsets = (
        (None, {"fields": ("name", "status_shown", "since", "address", "named_ports")}),
        ("Checks", {"fields": ("lease_shown", "checks_shown", "removal_shown")}),
        ("Overrides", {"fields": ("overrides_shown",)}),
        (
            "What it says about itself",
            {"fields": ("zone", "version", "tags_shown", "metadata_shown", "weight", "owner")},
        ),
        ("In the record", {"fields": ("namespace", "region", "registered", "epoch", "index")}),
        ("History", {"fields": ("history_shown",)}),
    )
    readonly_fields = (
        "name", "status_shown", "since", "address", "named_ports", "lease_shown", "checks_shown", "removal_shown",
        "overrides_shown", "tags_shown", "metadata_shown", "weight", "owner", "registered", "history_shown",
    )  # fmt: skip
    take_out = instance_actions.take_out
    drain = instance_actions.drain
    force_passing = instance_actions.force_passing

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through `register`."""
        return self.may(request, "add")

    def has_delete_permission(self, request: HttpRequest, obj: InstanceRow | None = None) -> bool:
        """Through `deregister`; the instances of another region are its own."""
        return self.may(request, "delete") and (obj is None or obj.region == settings.MERIDIAN.region)

    def has_override_permission(self, request: HttpRequest) -> bool:
        """For the actions that set overrides."""
        return request.user.has_perm("registry.add_overriderow")

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        """The list that knows overrides."""
        return InstanceList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InstanceRow], search_term: str
    ) -> tuple[QuerySet[InstanceRow], bool]:
        """The same search as the API's."""
        return search(queryset, search_term), False

    def delete_model(self, request: HttpRequest, obj: InstanceRow) -> None:
        """Deregister the registration that the page showed, not one that came meanwhile.

        Raises Invalid for an instance of another region.
        """
        if obj.region != settings.MERIDIAN.region:
            raise Invalid(f"{obj.service}/{obj.instance_id} is registered in {obj.region}: deregister it there")
        actions.deregister(
            namespace=obj.namespace,
            service=obj.service,
            id=obj.instance_id,
            epoch=obj.epoch,
            actor=actor(request),
            cause="deregistered in the admin site",
        )

    def get_deleted_objects(
        self, objs: QuerySet[InstanceRow] | Sequence[InstanceRow], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes, and which services would have nothing left."""
        gone, counts, missing, protected = super().get_deleted_objects(objs, request)
        for name in instance_actions.left_empty(list(objs)):
            gone.append(format_html("<strong>and with that the last instance of {}</strong>", name))
        return gone, counts, missing, protected

    def described(self, row: InstanceRow) -> str:
        """An instance in words."""
        return f"{row.service}/{row.instance_id} at {endpoint(row.host, row.port)}, {row.status}"

    def links(self, request: HttpRequest, row: InstanceRow) -> Sequence[Link]:
        """The same actions as for many, for this one."""
        selected = (("_selected_action", str(row.pk)),)
        found = []
        if self.has_override_permission(request):
            for name, action in instance_actions.ACTIONS.items():
                found.append(Link(action.label, self.list_url(), posts=(("action", name), *selected)))
        if self.has_delete_permission(request, row):
            found.append(Link("Deregister…", reverse("admin:registry_instancerow_delete", args=(row.pk,)), grave=True))
        return [*found, Link("History in the log", f"{reverse(LOG)}?key={row.key}")]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Register an instance by hand."""
        self.require(request, "add")
        form = RegistrationForm(request.POST or None)
        if form.is_valid():
            try:
                return self._register(request, form)
            except Invalid as error:
                complain(form, error, form.fields_of)
            except CatalogError as error:
                form.add_error(None, str(error))
        return ask(
            self,
            request,
            form,
            title="Register an instance",
            fieldsets=REGISTRATION_FIELDS,
            explanation="Instances usually register themselves. What is registered here is treated the same.",
            submit="Register",
        )

    def _register(self, request: HttpRequest, form: RegistrationForm) -> HttpResponse:
        assert form.registration is not None  # noqa: S101 - the form is valid
        given = form.cleaned_data
        done = actions.register(
            form.registration,
            namespace=given["namespace"],
            service=given["service"],
            id=given["id"],
            actor=actor(request),
            cause="registered in the admin site",
        )
        row = find_row(done.instance.namespace, done.instance.service, done.instance.id)
        self.log_addition(request, row, [{"added": {}}])
        verb = "registered" if done.created else "replaced"
        self.message_user(request, format_html("{} is {}.", str(row), verb), messages.SUCCESS)
        return HttpResponseRedirect(self.url_of(row.pk))

    @admin.display(description="service", ordering="service")
    def service_shown(self, row: InstanceRow) -> str:
        """Its name, with the namespace where that is not the usual one."""
        if row.namespace == DEFAULT_NAMESPACE:
            return row.service
        return format_html('{} <span class="quiet">in {}</span>', row.service, row.namespace)

    @admin.display(description="instance")
    def name(self, row: InstanceRow) -> str:
        """Service and id."""
        return f"{row.service}/{row.instance_id}"

    @admin.display(description="address", ordering="host")
    def address(self, row: InstanceRow) -> str:
        """Where it listens."""
        return endpoint(row.host, row.port)

    @admin.display(description="status", ordering="status")
    def status_shown(self, row: InstanceRow) -> str:
        """As reported, and what an override makes of it."""
        overrides = row.standing if hasattr(row, "standing") else standing_overrides()
        by_status, by_weight = ruling(overrides, row.instance, time.time())
        shown = badge(row.status)
        if by_status and by_status.status and by_status.status != row.status:
            shown = format_html("{} → {} by override", shown, badge(by_status.status.value))
        if by_weight and by_weight.weight == 0:
            shown = format_html("{} {}", shown, badge("drained"))
        return shown

    @admin.display(description="since")
    def since(self, row: InstanceRow) -> str:
        """When the status became what it is."""
        return moment(row.instance.since)

    @admin.display(description="named ports")
    def named_ports(self, row: InstanceRow) -> str:
        """As registered."""
        return words(f"{name} {port}" for name, port in row.instance.ports.items()) or "none"

    @admin.display(description="lease")
    def lease_shown(self, row: InstanceRow) -> str:
        """Its terms, and whether it was kept."""
        instance = row.instance
        if instance.lease is None:
            return "none: it need not renew"
        kept = badge("expired") if instance.lease_expired else badge("kept", "passing")
        return format_html("renews within {} {}", length(instance.lease.ttl), kept)

    @admin.display(description="checks")
    def checks_shown(self, row: InstanceRow) -> str:
        """Verdicts and what came of the last probes."""
        return instance_actions.checks_table(row)

    @admin.display(description="deregistered when critical for")
    def removal_shown(self, row: InstanceRow) -> str:
        """How long it may be critical."""
        return length(row.instance.deregister_critical_after)

    @admin.display(description="that concern it")
    def overrides_shown(self, row: InstanceRow) -> str:
        """All that cover it, the expired ones too."""
        now, instance = time.time(), row.instance
        rows = [
            (
                format_html('<a href="{}">{}</a>', _override_url(override.id), override_words(override, row.region)),
                badge(override.status.value) if override.status else f"weight {override.weight}",
                override.reason,
                override.author,
                moment(override.expires_at, now, absent="when it is cleared"),
                badge("live" if override.is_live(now) else "expired"),
            )
            for override in standing_overrides()
            if override.covers(instance)
        ]
        return table(("About", "Says", "Reason", "Author", "Ends", "State"), rows, empty="None.")

    @admin.display(description="tags")
    def tags_shown(self, row: InstanceRow) -> str:
        """As registered."""
        return words(row.instance.tags) or "none"

    @admin.display(description="metadata")
    def metadata_shown(self, row: InstanceRow) -> str:
        """As registered."""
        return table(("Key", "Value"), row.instance.metadata.items(), empty="None.")

    @admin.display(description="weight")
    def weight(self, row: InstanceRow) -> str:
        """As registered."""
        return str(row.instance.weight)

    @admin.display(description="owner")
    def owner(self, row: InstanceRow) -> str:
        """As registered."""
        return row.instance.owner or "not given"

    @admin.display(description="registered")
    def registered(self, row: InstanceRow) -> str:
        """When first."""
        return moment(row.instance.registered_at)

    @admin.display(description="last changes")
    def history_shown(self, row: InstanceRow) -> str:
        """From the log."""
        changes = ChangeRow.objects.filter(region=row.region, key=row.key).order_by("-index")[:HISTORY]
        rows = [
            (
                format_html('<a href="{}">{}</a>', _change_url(change.pk), change.index),
                moment(change.at),
                change.verb,
                change.actor,
                change.cause,
            )
            for change in changes
        ]
        return table(("Index", "When", "Verb", "Actor", "Cause"), rows, empty="History no longer holds any.")


def find_row(namespace: str, service: str, id: str) -> InstanceRow:
    """The row of an instance of this region."""
    return InstanceRow.objects.get(
        region=settings.MERIDIAN.region, namespace=namespace, service=service, instance_id=id
    )


def _override_url(pk: str) -> str:
    return reverse("admin:registry_overriderow_change", args=(pk,))


def _change_url(pk: int) -> str:
    return reverse("admin:registry_changerow_change", args=(pk,))
