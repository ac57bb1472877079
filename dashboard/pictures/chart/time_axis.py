"""The axis of time: round moments of UTC, and how they are written."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400

# Steps that fall on moments people know.
STEPS = (1, 2, 5, 10, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
         HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A marked moment: seconds since 1970, and its words."""

    at: float
    words: str


def time_ticks(start: float, end: float, *, most: int = 6) -> list[TimeTick]:
    """At most about `most` moments in the time from `start` to `end`, the ends included."""
    step = next((step for step in STEPS if (end - start) / step <= most), STEPS[-1])
    first, last = math.ceil(start / step), math.floor(end / step)
    return [TimeTick(number * step, words(number * step, step)) for number in range(first, last + 1)]


def words(at: float, step: float = MINUTE) -> str:
    """`14:05`, or with seconds for steps below a minute, or `23 Nov` for steps of days; UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    if step >= DAY:
        return f"{moment.day} {moment:%b}"
    return f"{moment:%H:%M:%S}" if step < MINUTE else f"{moment:%H:%M}"
