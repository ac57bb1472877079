"""Counts by status over time, as steps: each point holds until the next."""

from collections.abc import Iterator, Sequence

from dashboard.pictures.counts import Counts, severity

Point = tuple[float, Counts]


def within(points: Sequence[Point], start: float, end: float) -> list[Point]:
    """The steps from `start` to `end`, the one that holds at `start` moved to it. Points are in order of time."""
    before = [counts for at, counts in points if at <= start]
    inside = [(at, counts) for at, counts in points if start < at < end]
    return [(start, before[-1]), *inside] if before else inside


def thinned(points: Sequence[Point], gap: float) -> list[Point]:
    """No two steps nearer than `gap` seconds: the worst of those that share one is shown in it, the last after it.

    A chart has only so many columns; a short failure must not fall between them.
    """
    kept: list[Point] = []
    for near in _neighbours(points, gap):
        worst = max(near, key=lambda point: severity(point[1]))
        kept.append((near[0][0], worst[1]))
        if worst is not near[-1]:
            kept.append((near[0][0] + gap / 2, near[-1][1]))
    return kept


def _neighbours(points: Sequence[Point], gap: float) -> Iterator[list[Point]]:
    near: list[Point] = []
    for point in points:
        if near and point[0] - near[0][0] >= gap:
            yield near
            near = []
        near.append(point)
    if near:
        yield near
