"""How things look on a page: words before colours, moments as distances, everything that came from outside escaped."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.records.duration import spoken
from registry.log.diff import Changed
from registry.timestamps import iso

STYLES = ("registry/admin.css",)
MOMENTS = frozenset({"since", "critical_since", "registered_at", "created_at", "expires_at"})
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def badge(word: str, kind: str = "") -> SafeString:
    """A word in a frame; its colour only repeats what it says."""
    return format_html('<span class="badge badge-{}">{}</span>', kind or word, word)


def distance(seconds: float) -> str:
    """A length of time in its largest unit: `3 min`."""
    length = abs(seconds)
    size, unit = next(((size, unit) for size, unit in UNITS if length >= size), (1, "s"))
    return f"{int(length // size)} {unit}"


def moment(at: float | None, now: float | None = None, *, absent: str = "never") -> SafeString | str:
    """`3 min ago` or `in 2 h`, with the exact time where the pointer rests."""
    if at is None:
        return absent
    now = time.time() if now is None else now
    text = f"{distance(now - at)} ago" if at <= now else f"in {distance(at - now)}"
    exact = iso(at)
    return format_html('<time datetime="{}" title="{}">{}</time>', exact, exact, text)


def length(seconds: float | None, *, absent: str = "never") -> str:
    """A length of time as it is written in a registration."""
    return absent if seconds is None else spoken(seconds)


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> SafeString:
    """A plain table of values; what is not marked safe is escaped."""
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((value,) for value in row)),) for row in rows),
    )
    if not body:
        return format_html('<p class="quiet">{}</p>', empty)
    head = format_html_join("", '<th scope="col">{}</th>', ((heading,) for heading in headings))
    return format_html(
        '<div class="plain-table"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>', head, body
    )


def difference_table(changed: Iterable[Changed]) -> SafeString:
    """Fields before and after."""
    rows = (
        (one.field, _value(one.field, one.before, "before"), _value(one.field, one.after, "after")) for one in changed
    )
    return table(("Field", "Before", "After"), rows, empty="Nothing differs.")


def words(values: Iterable[str]) -> SafeString:
    """A list of short words."""
    return format_html_join(" ", '<span class="word">{}</span>', ((value,) for value in values))


def _value(field: str, value: Any, side: str) -> SafeString:
    if value is None:
        return format_html('<span class="quiet">{}</span>', "nothing")
    if isinstance(value, float) and field.rpartition(".")[2] in MOMENTS:
        value = iso(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    mark = "del" if side == "before" else "ins"
    return format_html("<{}>{}</{}>", mark, text, mark)
