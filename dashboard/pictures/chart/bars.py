"""A thin bar of counts by status."""

from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.records.status import Status
from dashboard.pictures.chart.scale import px
from dashboard.pictures.counts import TROUBLE_FIRST, Counts, in_words, total

WIDTH = 200.0
HEIGHT = 8
LEAST = 4.0  # a status that one instance among thousands has is still seen


def status_bar(counts: Counts, *, label: str) -> SafeString:
    """Shares of each status along a bar, trouble first; an empty bar when there are no instances."""
    return format_html(
        '<svg class="picture status-bar" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">'
        '<title>{}</title><rect class="nothing" width="{}" height="{}"/>{}</svg>',
        px(WIDTH),
        HEIGHT,
        f"{label}: {in_words(counts)}",
        px(WIDTH),
        HEIGHT,
        format_html_join(
            "",
            '<rect class="fill-{}" x="{}" width="{}" height="{}"/>',
            ((status.value, px(x), px(width), HEIGHT) for status, x, width in _parts(counts)),
        ),
    )


def _parts(counts: Counts) -> Iterator[tuple[Status, float, float]]:
    """The widths sum to the bar's; what the smallest are given beyond their share is taken from the others."""
    present = [(status, counts[status]) for status in TROUBLE_FIRST if counts.get(status)]
    spare = WIDTH - LEAST * len(present)
    x = 0.0
    for status, count in present:
        width = LEAST + spare * count / total(counts)
        yield status, x, width
        x += width
