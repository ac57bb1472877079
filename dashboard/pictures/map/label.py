"""Room for words in a picture: boxes that do not cover each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dashboard.pictures.map.position import Position

LETTER, LINE = 5.7, 13.0  # the size of words in a label, in units
SHARES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8)  # where along a line its words may stand, best first
ASIDE = (0.0, -13.0, 13.0, -26.0, 26.0)  # how far above or below it

Curve = Callable[[float], tuple[float, float]]  # from the share of the way to the place


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the picture that words or a ring fill."""

    left: float
    top: float
    right: float
    bottom: float

    def shared(self, other: "Box") -> float:
        """The area that both cover."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, across) * max(0.0, down)


def around_region(position: Position) -> list[Box]:
    """What the mark of a region fills: its ring, and its words below."""
    return [
        Box(position.x - 30, position.y - 30, position.x + 30, position.y + 30),
        Box(position.x - 58, position.y + 28, position.x + 58, position.y + 58),
    ]


def box(lines: Sequence[str], x: float, y: float) -> Box:
    """What these lines fill when their middle is there."""
    wide, high = max(map(len, lines)) * LETTER / 2, len(lines) * LINE / 2
    return Box(x - wide, y - high, x + wide, y + high)


def free_place(lines: Sequence[str], curve: Curve, taken: Sequence[Box]) -> tuple[float, float, float]:
    """Where along the curve, or beside it, the lines cover least of what is taken, and how much of them that is."""
    best, least = curve(SHARES[0]), float("inf")
    for aside in ASIDE:
        for x, y in map(curve, SHARES):
            covered = sum(map(box(lines, x, y + aside).shared, taken))
            if covered < least:
                best, least = (x, y + aside), covered
            if not covered:
                return *best, 0.0
    whole = box(lines, *best)
    return *best, least / ((whole.right - whole.left) * (whole.bottom - whole.top))
