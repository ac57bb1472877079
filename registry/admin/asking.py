"""Pages that ask before something is done: a form in the look of the admin site, with a preview where there is one."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import AdminForm
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.html import format_html

from catalog.preview import Effect, Preview
from registry.admin.display import badge, table
from registry.admin.record import RecordAdmin

MOST_SHOWN = 100  # instances named in a preview; the counts are of all


def ask(
    page: RecordAdmin[Any],
    request: HttpRequest,
    form: forms.Form,
    *,
    title: str,
    fieldsets: Sequence[tuple[str | None, dict[str, Any]]] | None = None,
    **context: Any,
) -> TemplateResponse:
    """The page with the form on it."""
    groups = fieldsets or [(None, {"fields": list(form.fields)})]
    return TemplateResponse(
        request,
        "admin/registry/ask.html",
        {
            **admin.site.each_context(request),
            "opts": page.opts,
            "title": title,
            "adminform": AdminForm(form, list(groups), {}),  # type: ignore[arg-type]  # it asks nothing of a model
            "form": form,
            "errors": form.errors,
            "media": page.media + form.media,
            "list_url": page.list_url(),
            **_preview_context(getattr(form, "preview", None)),
            **context,
        },
    )


def _preview_context(preview: Preview | None) -> dict[str, Any]:
    if preview is None:
        return {}
    rows = [_row(effect) for effect in preview.effects(MOST_SHOWN)]
    headings = ("Instance", "Zone", "Status", "Weight", "Lookups")
    return {
        "preview": preview,
        "preview_table": table(headings, rows, empty="It concerns no instance that is registered now."),
        "preview_hidden": max(0, len(preview.instances) - MOST_SHOWN),
    }


def _row(effect: Effect) -> tuple[Any, ...]:
    instance = effect.instance
    before, after = effect.before, effect.after
    statuses = badge(after.status.value)
    if before.status is not after.status:
        statuses = format_html("{} → {}", badge(before.status.value), statuses)
    weights = str(after.weight)
    if before.weight != after.weight:
        weights = f"{before.weight} → {after.weight}"
    return f"{instance.service}/{instance.id}", instance.zone, statuses, weights, _fate(effect)


def _fate(effect: Effect) -> str:
    if effect.is_lost:
        return "taken out"
    if effect.is_gained:
        return "put back"
    return "stays in" if effect.served_after else "stays out"
