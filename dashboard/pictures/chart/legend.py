"""The legend under a chart, as text: glyph, count and word of each status."""

from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.pictures.counts import GLYPHS, TROUBLE_FIRST, Counts


def legend(counts: Counts, *, notes: Iterable[str] = (), with_none: bool = True) -> SafeString:
    """The statuses and their counts, those with none too unless said otherwise: they name the colours; then `notes`."""
    entries = format_html_join(
        "",
        '<li class="key key-{}"><span class="key-glyph" aria-hidden="true">{}</span> {} {}</li>',
        (
            (status.value, GLYPHS[status], counts.get(status, 0), status.value)
            for status in TROUBLE_FIRST
            if with_none or counts.get(status)
        ),
    )
    return format_html('<ul class="legend">{}{}</ul>', entries, _noted(notes))


def _noted(notes: Iterable[str]) -> SafeString:
    return format_html_join("", '<li class="key">{}</li>', ((note,) for note in notes))
