"""Scales: from values to places in a picture, and the round values worth a line across it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

ROUND = (1.0, 2.0, 5.0, 10.0)


class Scale(Protocol):
    """Where a value stands, and which values are marked."""

    def at(self, value: float) -> float: ...

    def ticks(self) -> list[float]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Equal steps are equally far apart. `step` lies between two marked values; values outside are held to the edge."""

    low: float
    high: float
    start: float
    stop: float
    step: float

    def at(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        return [number * self.step for number in range(first, last + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logarithmic:
    """Equal ratios are equally far apart; `low` and `high` are above zero."""

    low: float
    high: float
    start: float
    stop: float

    def at(self, value: float) -> float:
        held = min(max(value, self.low), self.high)
        share = math.log(held / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [10.0**decade for decade in decades if self.low * 0.999 <= 10.0**decade <= self.high * 1.001]


def from_zero(high: float, *, start: float, stop: float, marks: int = 4, whole: bool = False) -> Linear:
    """A linear scale from zero to a round value at or above `high`, with about `marks` marked values."""
    step = round_up(max(high, 1e-9) / marks)
    if whole:
        step = max(1.0, step)
    return Linear(low=0.0, high=step * max(1, math.ceil(high / step - 1e-9)), start=start, stop=stop, step=step)


def round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... at or above `value`, which is above zero."""
    decade = 10.0 ** math.floor(math.log10(value))
    return decade * next(factor for factor in ROUND if value <= decade * factor * (1 + 1e-9))


def round_down(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... at or below `value`, which is above zero."""
    decade = 10.0 ** math.floor(math.log10(value))
    return decade * max((factor for factor in ROUND if value >= decade * factor * (1 - 1e-9)), default=1.0)


def px(value: float) -> str:
    """A place in a picture, to a tenth of a unit and no longer than needed."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")  # adding zero takes the sign from a negative one


def polyline(points: Iterable[tuple[float, float]]) -> str:
    """The `points` attribute of a line through these places."""
    return " ".join(f"{px(x)},{px(y)}" for x, y in points)
