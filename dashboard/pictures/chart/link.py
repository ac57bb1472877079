"""A link over time: how long a request took to the other region, and for how long its copy here was behind."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.view import State as FreshnessState
from dashboard.pictures.chart.axis import Frame, grid, time_axis
from dashboard.pictures.chart.duration import short
from dashboard.pictures.chart.scale import Linear, Scale, from_zero, polyline, px
from dashboard.pictures.chart.time_axis import time_ticks

LinkPoint = tuple[
    float, float | None, float | None, FreshnessState
]  # when, delay and lag in seconds, and how far it was trusted

DELAY = Frame(width=720, height=236, left=60, right=706, top=22, bottom=104)
LAG = Frame(width=720, height=236, left=60, right=706, top=134, bottom=206)
COLUMNS = 320  # points further apart than a column's share of the time are drawn; of those in one, the worst
GAP = 4.0  # columns, and at least `PAUSE` seconds, without a point break the line: no measurement
PAUSE = 40.0
LEAST_DELAY, LEAST_LAG = 0.002, 5.0  # seconds; what is smaller than that is calm and should look so


def link_over_time(points: Sequence[LinkPoint], *, start: float, end: float, label: str) -> SafeString:
    """Delay above, lag below, from `start` to `end`; times in which the region was not live are shaded.

    `points` are in order of time.
    """
    shown = _thinned([point for point in points if start <= point[0] <= end], (end - start) / COLUMNS)
    x = Linear(low=start, high=max(end, start + 1), start=DELAY.left, stop=DELAY.right, step=1)
    return format_html(
        '<figure class="picture link-picture"><svg viewBox="0 0 {} {}" role="img"><title>{}</title>{}{}{}{}</svg>'
        "<figcaption>Shaded: not live. Delay: one way. Lag: how far a stale copy may be behind.</figcaption></figure>",
        px(DELAY.width),
        px(DELAY.height),
        f"{label}: {_words(shown)}",
        _shades(shown, x),
        _chart(DELAY, "delay", [(at, delay) for at, delay, _, _ in shown], LEAST_DELAY, x),
        _chart(LAG, "lag", [(at, lag) for at, _, lag, _ in shown], LEAST_LAG, x),
        time_axis(LAG, time_ticks(start, end), x),
    )


def _chart(frame: Frame, name: str, values: Sequence[tuple[float, float | None]], least: float, x: Scale) -> SafeString:
    most = max((value for _, value in values if value is not None), default=0.0)
    y = from_zero(max(most * 1.05, least), start=frame.bottom, stop=frame.top, marks=3)
    return format_html(
        '{}<text class="label" x="{}" y="{}">{}</text>{}',
        grid(frame, [(value, short(value)) for value in y.ticks()], y),
        px(frame.left),
        px(frame.top - 8),
        name,
        format_html_join(
            "",
            '<polyline class="link-line link-{}" points="{}"/>',
            ((name, polyline(run)) for run in _runs(values, x, y)),
        ),
    )


def _runs(values: Sequence[tuple[float, float | None]], x: Scale, y: Scale) -> Iterator[list[tuple[float, float]]]:
    """The line, broken where nothing was known. A lone point is as wide as a stroke."""
    run: list[tuple[float, float]] = []
    last = 0.0
    for at, value in values:
        place = x.at(at)
        if run and (value is None or (place - run[-1][0] > GAP * 2 and at - last > PAUSE)):
            yield run if len(run) > 1 else [run[0], (run[0][0] + 1, run[0][1])]
            run = []
        if value is not None:
            run.append((place, y.at(value)))
            last = at
    if run:
        yield run if len(run) > 1 else [run[0], (run[0][0] + 1, run[0][1])]


def _shades(points: Sequence[LinkPoint], x: Scale) -> SafeString:
    return format_html_join(
        "",
        '<rect class="link-shade link-{}" x="{}" y="{}" width="{}" height="{}"/>',
        (
            (state.value, px(left), px(frame.top), px(max(1.0, right - left)), px(frame.bottom - frame.top))
            for state, left, right in _spells(points, x)
            for frame in (DELAY, LAG)
        ),
    )


def _spells(points: Sequence[LinkPoint], x: Scale) -> Iterator[tuple[FreshnessState, float, float]]:
    """From when to when the region was not live."""
    places = [x.at(at) for at, _, _, _ in points]
    start = 0
    for state, same in groupby(points, key=lambda point: point[3]):
        stop = start + len(list(same))
        if state is not FreshnessState.LIVE:
            yield state, places[start], places[min(stop, len(places) - 1)]
        start = stop


def _thinned(points: Sequence[LinkPoint], width: float) -> list[LinkPoint]:
    """One point for each column of the picture, each figure the worst in it."""
    return [
        _worst(list(near)) for _, near in groupby(points, key=lambda point: point[0] // width if width else point[0])
    ]


def _worst(near: Sequence[LinkPoint]) -> LinkPoint:
    state = next((point[3] for point in near if point[3] is not FreshnessState.LIVE), FreshnessState.LIVE)
    return near[0][0], _most(near, lambda point: point[1]), _most(near, lambda point: point[2]), state


def _most(near: Sequence[LinkPoint], of: Callable[[LinkPoint], float | None]) -> float | None:
    return max((value for point in near if (value := of(point)) is not None), default=None)


def _words(points: Sequence[LinkPoint]) -> str:
    if not points:
        return "no samples yet"
    delays = sorted(delay for _, delay, _, _ in points if delay is not None)
    lag = max((lag for _, _, lag, _ in points if lag is not None), default=0.0)
    said = f"delay {short(delays[0])} to {short(delays[-1])}" if delays else "delay unknown"
    spells = sum(state is not FreshnessState.LIVE for state, _ in groupby(point[3] for point in points))
    away = f"{spells} {'time' if spells == 1 else 'times'} not live" if spells else "always live"
    return f"{said}, at most {short(lag)} behind, {away}"
