"""Failover policies in the admin site."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from catalog.errors import CatalogError, Invalid
from catalog.records.duration import spoken as length
from catalog.records.policy import Policy
from registry import actions
from registry.admin.asking import ask
from registry.admin.forms import PolicyForm, complain
from registry.admin.record import Link, RecordAdmin, actor
from registry.models import PolicyRow

FIELDSETS: list[tuple[str | None, dict[str, Any]]] = [
    ("Whose lookups", {"fields": ["service", "namespace"]}),
    ("When home has too few", {"fields": ["min_healthy", "min_share"]}),
    ("Where to look then", {"fields": ["order", "nearest"]}),
    ("What to do with stale regions", {"fields": ["stale", "stale_after"]}),
    ("When to come back", {"fields": ["hold_down"]}),
    ("Why", {"fields": ["reason"]}),
]
EXPLANATION = (
    "A failover policy counts for lookups that are asked in this region, over HTTP and DNS alike. While fewer "
    "instances serve here than it wants, they are answered by the first region of the list that has enough; when none "
    "has, by all of them together. Setting one replaces the service's policy as a whole."
)


@admin.register(PolicyRow)
class PolicyAdmin(RecordAdmin[PolicyRow]):
    """Setting and clearing policies."""

    list_display = ("service", "namespace", "region", "too_few", "where", "stale_regions", "comes_back")
    list_filter = ("region", "namespace")
    search_fields = ("service",)
    ordering = ("region", "namespace", "service")
    fieldsets = (
        (None, {"fields": ("service", "namespace", "region")}),
        ("What it says", {"fields": ("too_few", "where", "stale_regions", "comes_back")}),
        ("In the record", {"fields": ("index",)}),
    )
    readonly_fields = ("too_few", "where", "stale_regions", "comes_back")
    removing = "Clear"
    empty = (
        "No policy is set: a service with nothing to serve here is answered with nothing. Set one to look elsewhere."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through `set_policy`."""
        return self.may(request, "add")

    def has_delete_permission(self, request: HttpRequest, obj: PolicyRow | None = None) -> bool:
        """Through `clear_policy`; another region's policies are its own."""
        return self.may(request, "delete") and (obj is None or obj.region == settings.MERIDIAN.region)

    def links(self, request: HttpRequest, row: PolicyRow) -> Sequence[Link]:
        """Changing and clearing, and its history."""
        history = Link("History in the log", f"{reverse('admin:registry_changerow_changelist')}?key={row.key}")
        if not self.has_delete_permission(request, row):
            return (history,)
        change = Link("Change…", f"{reverse('admin:registry_policyrow_add')}?service={row.service}")
        clear = Link("Clear…", reverse("admin:registry_policyrow_delete", args=(row.pk,)), grave=True)
        return (change, clear, history)

    def delete_model(self, request: HttpRequest, obj: PolicyRow) -> None:
        """Clear it. Raises Invalid for another region's."""
        if obj.region != settings.MERIDIAN.region:
            raise Invalid(f"this is a policy of {obj.region}: clear it there")
        actions.clear_policy(
            service=obj.service, namespace=obj.namespace, actor=actor(request), cause="cleared in the admin site"
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask, set."""
        self.require(request, "add")
        form = PolicyForm(request.POST) if request.method == "POST" else PolicyForm(initial=self._initial(request))
        if form.is_bound and form.is_valid():
            try:
                return self._set(request, form)
            except Invalid as error:
                complain(form, error)
            except CatalogError as error:
                form.add_error(None, str(error))
        return ask(
            self,
            request,
            form,
            title="Set a failover policy",
            fieldsets=FIELDSETS,
            explanation=EXPLANATION,
            submit="Set the policy",
        )

    def _initial(self, request: HttpRequest) -> dict[str, Any]:
        """The policy that stands, when the page is about a service that has one."""
        given = request.GET.dict()
        row = PolicyRow.objects.filter(region=settings.MERIDIAN.region, service=given.get("service", "")).first()
        return PolicyForm.values_of(row.policy) if row else given

    def _set(self, request: HttpRequest, form: PolicyForm) -> HttpResponse:
        given = form.cleaned_data
        done = actions.set_policy(
            form.request(),
            service=given["service"],
            namespace=given["namespace"],
            actor=actor(request),
            cause=given["reason"],
        )
        policy = done.policy
        row = PolicyRow.objects.get(region=policy.region, namespace=policy.namespace, service=policy.service)
        self.log_addition(request, row, [{"added": {}}])
        self.message_user(request, f"The policy of {row.service} is set and counts from now.", messages.SUCCESS)
        return HttpResponseRedirect(self.list_url())

    @admin.display(description="too few are")
    def too_few(self, row: PolicyRow) -> str:
        """When lookups leave home."""
        policy = row.policy
        share = f", or less than {policy.min_share:.0%}" if policy.min_share else ""
        return f"fewer than {policy.min_healthy}{share}"

    @admin.display(description="then look in")
    def where(self, row: PolicyRow) -> str:
        """Which regions, in which order."""
        return order_words(row.policy)

    @admin.display(description="stale regions are")
    def stale_regions(self, row: PolicyRow) -> str:
        """What becomes of them."""
        policy = row.policy
        fate = {"keep": "kept", "demote": "taken last", "drop": "left out"}[policy.stale]
        return fate if fate == "kept" else f"{fate} after {length(policy.stale_after)}"

    @admin.display(description="comes back")
    def comes_back(self, row: PolicyRow) -> str:
        """After how long."""
        return f"after {length(row.policy.hold_down)}" if row.policy.hold_down else "at once"


def order_words(policy: Policy) -> str:
    """Which regions a policy tries, in words."""
    return ", then ".join(policy.order) or f"the nearest {policy.nearest}"
