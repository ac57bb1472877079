"""What is done to many instances at once: overrides with a reason, an expiry, and a look at what they would do."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.records.check import CheckType
from catalog.records.override import Scope
from catalog.records.status import Status
from registry import actions
from registry.admin.asking import ask
from registry.admin.display import badge, moment, table
from registry.admin.forms import ExpiringForm
from registry.admin.record import RecordAdmin, actor
from registry.checks.results import KnownCheck, known_checks
from registry.models import InstanceRow

MOST_AT_ONCE = 500  # beyond that an override of a service, zone or tag says it better
Page = RecordAdmin[InstanceRow]


@dataclass(frozen=True, slots=True)
class OverrideAction:
    """A bulk action: what its overrides say, and how the pages speak of it."""

    label: str
    title: str
    submit: str
    status: Status | None = None
    weight: int | None = None


ACTIONS = {
    "take_out": OverrideAction(
        "Take out of service…", "Take out of service", "Take out of service", status=Status.CRITICAL
    ),
    "drain": OverrideAction("Drain…", "Drain: give no new traffic", "Drain", weight=0),
    "force_passing": OverrideAction(
        "Force passing…", "Force passing, whatever the checks say", "Force passing", status=Status.PASSING
    ),
}


def _action(name: str) -> Callable[[Any, HttpRequest, QuerySet[InstanceRow]], HttpResponse]:
    @admin.action(description=ACTIONS[name].label, permissions=["override"])
    def perform(page: Page, request: HttpRequest, queryset: QuerySet[InstanceRow]) -> HttpResponse:
        return _ask_and_set(page, request, queryset, name)

    perform.__name__ = name
    return perform


take_out, drain, force_passing = (_action(name) for name in ACTIONS)


def _ask_and_set(page: Page, request: HttpRequest, queryset: QuerySet[InstanceRow], name: str) -> HttpResponse:
    rows = list(queryset[: MOST_AT_ONCE + 1])
    if not 0 < len(rows) <= MOST_AT_ONCE:
        advice = f"Choose 1 to {MOST_AT_ONCE} instances; for more, set an override of a service or zone."
        page.message_user(request, advice, messages.WARNING)
        return HttpResponseRedirect(page.list_url())
    action, author = ACTIONS[name], request.user.get_username()
    form = ExpiringForm(request.POST if "_do" in request.POST else None)
    reason = form.cleaned_data.get("reason", "") if form.is_valid() else ""
    asked = [_request(row, action, reason or "to be given", author, form) for row in rows]
    form.look_ahead(asked, region=settings.MERIDIAN.region, now=time.time(), deciding=form.is_valid())
    if form.is_bound and form.is_valid():
        return _set(page, request, rows, asked, action)
    hidden = [("action", name), *((ACTION_CHECKBOX_NAME, row.pk) for row in rows)]
    noun = "instance" if len(rows) == 1 else "instances"
    return ask(
        page,
        request,
        form,
        title=f"{action.title}: {len(rows)} {noun}",
        hidden=hidden,
        form_url=page.list_url(),
        submit=action.submit,
    )


def _request(
    row: InstanceRow, action: OverrideAction, reason: str, author: str, form: ExpiringForm
) -> actions.OverrideRequest:
    return actions.OverrideRequest(
        scope=Scope.INSTANCE,
        namespace=row.namespace,
        service=row.service,
        instance=row.instance_id,
        # Of another region it is an opinion: it counts for lookups that are asked here.
        target="" if row.region == settings.MERIDIAN.region else row.region,
        status=action.status,
        weight=action.weight,
        reason=reason,
        author=author,
        expires_in=form.expires_in() if form.is_bound and form.is_valid() else None,
    )


def _set(
    page: Page,
    request: HttpRequest,
    rows: Sequence[InstanceRow],
    asked: Sequence[actions.OverrideRequest],
    action: OverrideAction,
) -> HttpResponse:
    """All of them or none: one transaction holds every verb."""
    with transaction.atomic():
        for one in asked:
            actions.set_override(one, actor=actor(request), cause=one.reason)
    noun = "1 instance" if len(rows) == 1 else f"{len(rows)} instances"
    page.message_user(request, f"{action.submit}: done for {noun}.", messages.SUCCESS)
    return HttpResponseRedirect(page.list_url())


def left_empty(rows: Sequence[InstanceRow]) -> list[str]:
    """The services that would have no instance at all without these rows."""
    going = Counter((row.region, row.namespace, row.service) for row in rows)
    wanted = Q(pk=None)
    for region, namespace, service in going:
        wanted |= Q(region=region, namespace=namespace, service=service)
    present = Counter(InstanceRow.objects.filter(wanted).values_list("region", "namespace", "service"))
    return sorted(f"{name[1]}/{name[2]}" for name, number in going.items() if present[name] <= number)


def checks_table(row: InstanceRow) -> SafeString:
    """The checks of an instance with their verdicts and last probes."""
    now = time.time()
    (known,) = known_checks([row.instance], now=now)
    rows = [(one.check.name, one.check.type.value, *_verdict(one, now), *_probe(one, now), one.output) for one in known]
    headings = ("Check", "Type", "Verdict", "Since", "Last probe", "Took", "Next", "Flap score", "Output")
    return table(headings, rows, empty="None: it is passing as registered.")


def _verdict(known: KnownCheck, now: float) -> tuple[Any, Any]:
    shown = badge(known.verdict.status.value)
    if known.status is not known.verdict.status:
        shown = format_html("{} now {}", shown, badge(known.status.value))
    return shown, moment(known.verdict.since, now)


def _probe(known: KnownCheck, now: float) -> tuple[Any, ...]:
    result = known.result
    if result is None or result.at is None:
        return "reported" if known.check.type is CheckType.TTL else "none yet", "", "", ""
    held = format_html(" {} until {}", badge("held", "critical"), moment(result.held_until, now))
    score = format_html("{}{}", f"{result.flap_score:g}", held if result.held_until else "")
    return moment(result.at, now), f"{result.latency * 1000:.1f} ms", moment(result.due_at, now, absent=""), score
