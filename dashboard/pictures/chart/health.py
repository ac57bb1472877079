"""Health over time: how many instances had which status, as a chart."""

from collections.abc import Iterator, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.pictures.chart.axis import Frame, grid, time_axis
from dashboard.pictures.chart.legend import legend
from dashboard.pictures.chart.scale import Linear, from_zero, px
from dashboard.pictures.chart.steps import Point, thinned, within
from dashboard.pictures.chart.time_axis import time_ticks, words
from dashboard.pictures.counts import TROUBLE_FIRST, in_words, severity, total

FRAME = Frame(width=720, height=222, left=48, right=706, top=12, bottom=190)
COLUMN = 1.5  # units; steps nearer than this are drawn as one
LEAST = 3.0  # units of height; one instance among hundreds must be seen


def health_over_time(points: Sequence[Point], *, start: float, end: float, now: float, label: str) -> SafeString:
    """Stacked counts by status from `start` to `end`, trouble at the foot. Times are seconds since 1970.

    `points` are in order of time, each holding until the next; the last one before `start` says how it began. Nothing
    is drawn before the first and after `now`.
    """
    last = max(start, min(now, end))
    steps = within(points, start, last)
    x = Linear(low=start, high=max(end, start + 1), start=FRAME.left, stop=FRAME.right, step=1)
    y = from_zero(
        max((total(counts) for _, counts in steps), default=0), start=FRAME.bottom, stop=FRAME.top, whole=True
    )
    return format_html(
        '<figure class="picture health"><svg viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>'
        "{}{}{}{}{}</svg><figcaption>{}</figcaption></figure>",
        px(FRAME.width),
        px(FRAME.height),
        label,
        _description(steps, start, last),
        grid(FRAME, [(value, f"{value:.0f}") for value in y.ticks()], y),
        _layers(thinned(steps, COLUMN * (end - start) / (FRAME.right - FRAME.left)), last, x, y),
        _before(steps[0][0] if steps else last, x),
        _now_mark(now, x) if start < now < end else "",
        time_axis(FRAME, time_ticks(start, end, most=7), x),
        legend(steps[-1][1] if steps else {}),
    )


def _description(steps: Sequence[Point], start: float, last: float) -> str:
    if not steps:
        return "No history yet."
    worst_at, worst = max(steps, key=lambda point: severity(point[1]))
    said = (
        f"{words(start)} to {words(last)} UTC. At first {in_words(steps[0][1])}; at the end {in_words(steps[-1][1])}."
    )
    if any(severity(worst)):
        said += f" Worst at {words(worst_at)}: {in_words(worst)}."
    return f"{said} Changes: {len(steps) - 1}."


def _layers(steps: Sequence[Point], last: float, x: Linear, y: Linear) -> SafeString:
    """From the back: passing as high as all together, then each worse status over it."""
    return format_html_join(
        "",
        '<path class="area fill-{}" d="{}"/>',
        (
            (TROUBLE_FIRST[layer - 1].value, outline)
            for layer in range(len(TROUBLE_FIRST), 0, -1)
            if any(counts.get(TROUBLE_FIRST[layer - 1]) for _, counts in steps)
            for outline in ["".join(_areas(steps, last, layer, x, y))]
        ),
    )


def _areas(steps: Sequence[Point], last: float, layer: int, x: Linear, y: Linear) -> Iterator[str]:
    """One closed outline for each time without a gap in which the first `layer` statuses counted anything."""
    ends = [at for at, _ in steps[1:]] + [last]
    outline = ""
    for (at, counts), until in zip(steps, ends, strict=True):
        present = [count for status in TROUBLE_FIRST[:layer] if (count := counts.get(status, 0))]
        if present:
            top = min(y.at(sum(present)), FRAME.bottom - LEAST * len(present))
            outline = outline or f"M{px(x.at(at))} {px(FRAME.bottom)}"
            outline += f"V{px(top)}H{px(x.at(until))}"
        elif outline:
            yield f"{outline}V{px(FRAME.bottom)}z"
            outline = ""
    if outline:
        yield f"{outline}V{px(FRAME.bottom)}z"


def _before(first: float, x: Linear) -> SafeString | str:
    """The time of which nothing is known, marked as such: it is no time without instances."""
    width = x.at(first) - FRAME.left
    if width < 1:
        return ""
    return format_html(
        '<rect class="nothing" x="{}" y="{}" width="{}" height="{}"/>{}',
        px(FRAME.left),
        px(FRAME.top),
        px(width),
        px(FRAME.bottom - FRAME.top),
        format_html(
            '<text class="label label-middle" x="{}" y="{}">no history</text>',
            px(FRAME.left + width / 2),
            px((FRAME.top + FRAME.bottom) / 2),
        )
        if width > 90
        else "",
    )


def _now_mark(now: float, x: Linear) -> SafeString:
    return format_html(
        '<line class="mark" x1="{}" x2="{}" y1="{}" y2="{}"/>',
        px(x.at(now)),
        px(x.at(now)),
        px(FRAME.top),
        px(FRAME.bottom),
    )
