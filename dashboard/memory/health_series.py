"""A service's health over time: the steps of several regions added up, thinned for a picture."""

from collections.abc import Iterable, Sequence

from catalog.records.status import Status
from dashboard.pictures.chart.steps import Point, thinned

COLUMNS = 400  # of a picture; steps that share one are shown as the worst of them


def combined(parts: Iterable[Sequence[Point]]) -> list[Point]:
    """The sum of several regions' counts: a step whenever one of them has one. Each begins with its first counts."""
    events = sorted(
        ((at, number, counts) for number, points in enumerate(parts) for at, counts in points),
        key=lambda event: event[:2],
    )
    standing: dict[int, Point] = {}
    steps: list[Point] = []
    for at, number, counts in events:
        standing[number] = (at, counts)
        total = {status: sum(held.get(status, 0) for _, held in standing.values()) for status in Status}
        if steps and steps[-1][0] == at:
            steps[-1] = (at, total)
        else:
            steps.append((at, total))
    return steps


def thin(steps: Sequence[Point], length: float) -> list[Point]:
    """The steps of `length` seconds, not more than a picture has columns."""
    return thinned(steps, length / COLUMNS)


def joined(before: Sequence[Point], after: Sequence[Point]) -> list[Point]:
    """The steps from the tables, then the newer ones from memory."""
    last = before[-1][0] if before else float("-inf")
    return [*before, *((at, counts) for at, counts in after if at > last)]
