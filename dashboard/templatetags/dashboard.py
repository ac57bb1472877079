"""Tags of the dashboard's templates: live parts, statuses, times, addresses."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from catalog.records.instance import Instance

register = template.Library()

GLYPHS = {"passing": "●", "warning": "▲", "critical": "✕", "unknown": "?", "live": "●", "stale": "◔"}


@register.simple_tag(takes_context=True)
def fragment(context: template.Context, id: str, element: str = "div", classes: str = "") -> SafeString:
    """An element whose content is kept up to date."""
    html = mark_safe(context["content"].fragments[id])  # noqa: S308 - rendered by a template of ours, which escaped it
    return format_html('<{} id="{}" class="{}" data-fragment>{}</{}>', element, id, classes, html, element)


@register.simple_tag(takes_context=True)
def rows(context: template.Context, id: str, element: str = "tbody", classes: str = "") -> SafeString:
    """An element whose children are kept up to date one by one. Each row is one element with its `data-key`."""
    html = mark_safe("".join(context["content"].lists[id].values()))  # noqa: S308 - as above
    return format_html('<{} id="{}" class="{}" data-rows>{}</{}>', element, id, classes, html, element)


@register.simple_tag
def status(value: str, label: str = "") -> SafeString:
    """A status as glyph, word and colour."""
    return format_html(
        '<span class="status {}"><span class="glyph" aria-hidden="true">{}</span>{}</span>',
        value, GLYPHS.get(value, "?"), label or value,
    )  # fmt: skip


@register.filter
def moment(at: float | None) -> SafeString | str:
    """A time: how long ago, updated by the page's script, exact on hover. Without script the exact time."""
    if not at:
        return "-"
    try:
        exact = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):  # another region's clock, or an override, may hold anything
        return "out of range"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        f"{exact:%H:%M:%S} UTC",
    )


@register.filter
def spoken(seconds: float | None) -> str:
    """A duration in the unit that reads best."""
    if seconds is None:
        return "-"
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@register.simple_tag
def service_url(namespace: str, service: str) -> str:
    """The page of a service."""
    return reverse("dashboard:service", args=[namespace, service])


@register.simple_tag
def instance_url(instance: Instance) -> str:
    """The page of an instance."""
    return reverse("dashboard:instance", args=[instance.region, instance.namespace, instance.service, instance.id])


@register.simple_tag
def tags(names: Any, most: int = 4) -> SafeString:
    """Tags, the first of many."""
    shown = list(names)[:most]
    more = len(list(names)) - len(shown)
    html = format_html_join(" ", '<span class="tag">{}</span>', ((name,) for name in shown))
    return html if not more else format_html('{} <span class="muted">+{}</span>', html, more)
