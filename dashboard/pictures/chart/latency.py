"""Recent probes of one check: how long each took, and how it ended."""

from collections.abc import Callable, Iterator, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.records.status import Status
from dashboard.pictures.chart.axis import Frame, grid, time_axis
from dashboard.pictures.chart.duration import short
from dashboard.pictures.chart.legend import legend
from dashboard.pictures.chart.scale import Linear, Logarithmic, Scale, from_zero, polyline, px, round_down, round_up
from dashboard.pictures.chart.time_axis import time_ticks
from dashboard.pictures.counts import TROUBLE_FIRST, Counts

Probe = tuple[float, float | None, Status]  # when (seconds since 1970), how long in seconds, how it ended

FRAME = Frame(width=720, height=192, left=84, right=706, top=14, bottom=160)
EMPTY = 64.0  # the height of a picture with nothing in it
LOGARITHMIC_FROM = 30.0  # slowest to fastest; below it a linear axis is easier to read
NEAR = 4.0  # a timeout further than so many times the slowest probe would flatten them all
INSTANT = 1e-6  # seconds; nothing is measured finer


def latency_plot(points: Sequence[Probe], *, timeout: float, label: str) -> SafeString:
    """A dot for each probe, shaped by its end, a line through them, and the check's `timeout` in seconds if in range.

    A probe without a time got no answer at all: it stands at the top and breaks the line.
    """
    y = _scale([max(took, INSTANT) for _, took, _ in points if took is not None], timeout)
    return format_html(
        '<figure class="picture latency"><svg viewBox="0 0 {} {}" role="img"><title>{}</title>{}</svg>'
        "<figcaption>{}</figcaption></figure>",
        px(FRAME.width),
        px(FRAME.height if points else EMPTY),
        f"{label}: {_words(points)}; timeout {short(timeout)}",
        _chart(points, timeout, y) if points else _empty(),
        legend(_ended(points), notes=_notes(timeout, y) if points else [f"timeout {short(timeout)}"], with_none=False),
    )


def _chart(points: Sequence[Probe], timeout: float, y: Scale) -> SafeString:
    x = _times(points)
    return format_html(
        "{}{}{}{}",
        grid(FRAME, [(value, short(value)) for value in y.ticks()], y),
        time_axis(FRAME, time_ticks(x.low, x.high), x),
        _timeout(timeout, y),
        _plot(points, x, y),
    )


def _ended(points: Sequence[Probe]) -> Counts:
    return {status: sum(end is status for _, _, end in points) for status in TROUBLE_FIRST}


def _words(points: Sequence[Probe]) -> str:
    took = sorted(took for _, took, _ in points if took is not None)
    if not took:
        return f"{len(points)} probes, none answered" if points else "no probes yet"
    return (
        f"{len(points)} probes, {short(took[0])} to {short(took[-1])}, half within {short(took[(len(took) - 1) // 2])}"
    )


def _times(points: Sequence[Probe]) -> Linear:
    first, last = min(at for at, _, _ in points), max(at for at, _, _ in points)
    spare = 1.0 if last == first else (last - first) * 0.01
    return Linear(low=first - spare, high=last + spare, start=FRAME.left, stop=FRAME.right, step=1)


def _scale(took: Sequence[float], timeout: float) -> Scale:
    """Logarithmic when the slowest took many times the fastest; the timeout belongs to it when it is near."""
    slowest = max(took, default=timeout)
    top = max(slowest, timeout) if timeout <= slowest * NEAR else slowest
    fastest = min(took, default=top)
    if top / fastest < LOGARITHMIC_FROM:
        return from_zero(top * 1.02, start=FRAME.bottom, stop=FRAME.top)
    low = round_down(fastest)
    return Logarithmic(low=low, high=max(round_up(top * 1.02), low * 100), start=FRAME.bottom, stop=FRAME.top)


def _plot(points: Sequence[Probe], x: Scale, y: Scale) -> SafeString:
    places = [(x.at(at), FRAME.top if took is None else y.at(max(took, INSTANT)), took is None, end)
              for at, took, end in points]  # fmt: skip
    runs: list[list[tuple[float, float]]] = [[]]
    for across, down, silent, _ in places:
        if silent:
            runs.append([])
        else:
            runs[-1].append((across, down))
    lines = format_html_join(
        "", '<polyline class="line" points="{}"/>', ((polyline(run),) for run in runs if len(run) > 1)
    )
    return format_html("{}{}", lines, _dots([(across, down, end) for across, down, _, end in places]))


def _dots(places: Sequence[tuple[float, float, Status]]) -> SafeString:
    return format_html_join(
        "",
        '<path class="dot dot-{}" d="{}"/>',
        (
            (status.value, "".join(SHAPES[status](across, down) for across, down, end in places if end is status))
            for status in reversed(TROUBLE_FIRST)
            if any(end is status for _, _, end in places)
        ),
    )


def _circle(x: float, y: float) -> str:
    return f"M{px(x - 2.6)} {px(y)}a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0-5.2 0z"


def _triangle(x: float, y: float) -> str:
    return f"M{px(x)} {px(y - 4.6)}l4.4 7.6h-8.8z"


def _cross(x: float, y: float) -> str:
    return f"M{px(x - 3.6)} {px(y - 3.6)}l7.2 7.2m0-7.2l-7.2 7.2"


def _diamond(x: float, y: float) -> str:
    return f"M{px(x)} {px(y - 4)}l4 4l-4 4l-4-4z"


# A dot's shape says how the probe ended, for eyes that do not tell the colours apart.
SHAPES: dict[Status, Callable[[float, float], str]] = {
    Status.PASSING: _circle,
    Status.WARNING: _triangle,
    Status.CRITICAL: _cross,
    Status.UNKNOWN: _diamond,
}


def _timeout(timeout: float, y: Scale) -> SafeString | str:
    if not _in_range(timeout, y):
        return ""
    down = y.at(timeout)
    return format_html(
        '<line class="limit" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="label label-end halo" x="{}" y="{}">timeout {}</text>',
        px(FRAME.left),
        px(FRAME.right),
        px(down),
        px(down),
        px(FRAME.right - 4),
        px(down + 14 if down < FRAME.top + 16 else down - 5),
        short(timeout),
    )


def _in_range(timeout: float, y: Scale) -> bool:
    """Only a value beyond the scale is held to its edge, and then a little less is held to the same place."""
    return y.at(timeout) > FRAME.top or y.at(timeout * 0.99) > FRAME.top


def _empty() -> SafeString:
    return format_html(
        '<text class="label label-middle empty" x="{}" y="{}">no probes yet</text>',
        px(FRAME.width / 2),
        px(EMPTY / 2),
    )


def _notes(timeout: float, y: Scale) -> Iterator[str]:
    if isinstance(y, Logarithmic):
        yield "logarithmic scale"
    if not _in_range(timeout, y):
        yield f"timeout {short(timeout)}, above the picture"
