"""The small history of health in a row of the services list."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from catalog.status import SEVERITY

Sample = tuple[int, int, int, int]  # passing, unknown, warning, critical: in the order of severity

HEIGHT = 20
LAYERS = tuple(sorted(SEVERITY, key=SEVERITY.__getitem__))


def sparkline(samples: Sequence[Sample], *, label: str) -> SafeString:
    """Counts by status in equal steps of time, oldest first, trouble at the foot.

    It is made to be cheap: a services page holds hundreds. Neighbours that are equal are one step, each status is one
    path, and a status behind the worse ones is covered by them, so that a step costs five characters.
    """
    runs = [(sample, len(list(same))) for sample, same in groupby(samples)]
    highest = max(map(sum, samples), default=0)
    return format_html(
        '<svg class="picture sparkline" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">'
        "<title>{}</title>{}</svg>",
        len(samples) or 1,
        HEIGHT,
        f"{label}: {_words(samples)}",
        # Digits, letters and the names of statuses alone; nothing in it comes from outside.
        mark_safe("".join(_layers(runs, highest))) if highest else "",  # noqa: S308
    )


def _words(samples: Sequence[Sample]) -> str:
    if not samples:
        return "no history yet"
    worst = max(sample[3] for sample in samples)
    last = samples[-1]
    counted = [f"{last[place]} {LAYERS[place].value}" for place in (3, 2, 1, 0) if last[place]]
    return f"now {', '.join(counted) or 'no instances'}{f'; at most {worst} critical' if worst > last[3] else ''}"


def _layers(runs: list[tuple[Sample, int]], highest: int) -> Iterator[str]:
    """From the back: passing as high as all counts together, critical last, as high as itself."""
    for severity, status in enumerate(LAYERS):
        if any(sample[severity] for sample, _ in runs):
            heights = [(_height(sum(sample[severity:]), highest), width) for sample, width in runs]
            yield f'<path class="fill-{status.value}" d="{_steps(heights)}"/>'


def _height(count: int, highest: int) -> int:
    """Never less than two units when there is anything: one critical among hundreds must be seen."""
    return max(2, count * HEIGHT // highest) if count else 0


def _steps(heights: list[tuple[int, int]]) -> str:
    parts = [f"M0 {HEIGHT}"]
    now = along = 0
    for height, width in heights:
        if height != now:
            parts.append(f"{f'h{along}' if along else ''}v{now - height}")
            now, along = height, 0
        along += width
    return f"{''.join(parts)}h{along}V{HEIGHT}z"
