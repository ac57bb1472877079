"""The small history of health in a row of the services list."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from catalog.records.status import SEVERITY

Bucket = tuple[int, int, int, int]  # passing, unknown, warning, critical: in the order of severity

HEIGHT = 20
NAMES = tuple(status.value for status in sorted(SEVERITY, key=SEVERITY.__getitem__))


def sparkline(samples: Sequence[Bucket], *, label: str) -> SafeString:
    """Counts by status in equal steps of time, oldest first, trouble at the foot.

    It is made to be cheap: a services page holds hundreds. Neighbours that are equal are one step, each status is one
    path, and a status behind the worse ones is covered by them, so that a step costs five characters.
    """
    runs = [(sample, len(list(same))) for sample, same in groupby(samples)]
    return format_html(
        '<svg class="picture sparkline" viewBox="0 0 {} 20" preserveAspectRatio="none" role="img">'
        "<title>{}</title>{}</svg>",
        len(samples) or 1,
        f"{label}: {_words(samples)}",
        # Digits, letters and the names of statuses alone; nothing in it comes from outside.
        mark_safe("".join(_layers(runs))),  # noqa: S308
    )


def _words(samples: Sequence[Bucket]) -> str:
    if not samples:
        return "no history yet"
    last = samples[-1]
    worst = max([sample[3] for sample in samples])
    said = ", ".join([f"{last[place]} {NAMES[place]}" for place in (3, 2, 1, 0) if last[place]])
    return f"now {said or 'no instances'}{f'; at most {worst} critical' if worst > last[3] else ''}"


def _layers(runs: list[tuple[Bucket, int]]) -> Iterator[str]:
    """From the back: passing as high as all counts together, critical last, as high as itself."""
    widths = [width for _, width in runs]
    own = list(zip(*[sample for sample, _ in runs], strict=True))
    stacked = list(zip(*[(p + u + w + c, u + w + c, w + c, c) for (p, u, w, c), _ in runs], strict=True))
    highest = max(stacked[0]) if stacked else 0
    for name, counts, heights in zip(NAMES, own, stacked, strict=False):
        if any(counts):
            yield f'<path class="fill-{name}" d="{_steps(heights, widths, highest)}"/>'


def _steps(counts: tuple[int, ...], widths: list[int], highest: int) -> str:
    """An outline; two units high at least when there is anything: one critical among hundreds must be seen."""
    outline = "M0 20"
    now = along = 0
    for count, width in zip(counts, widths, strict=True):
        height = max(2, count * HEIGHT // highest) if count else 0
        if height != now:
            outline += f"h{along}v{now - height}" if along else f"v{now - height}"
            now, along = height, 0
        along += width
    return f"{outline}h{along}V20z"
