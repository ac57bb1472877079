"""Where a region stands in the picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

WIDTH = 760.0
HEIGHT = 340.0
ROOM = (134.0, 90.0)  # the ring of a region and its words need so much, across and down
EDGE = (62.0, 36.0, 54.0)  # beside, above and below a spot
ROUNDS = 60  # of pushing apart; a dozen regions settle in fewer


@dataclass(frozen=True, slots=True)
class Position:
    """The middle of a region's ring, and the place it belongs to when it was moved aside to make room."""

    x: float
    y: float
    place: tuple[float, float] | None = None


def apart(positions: Sequence[Position]) -> list[Position]:
    """Spots pushed aside, as little as that goes, until none covers another; each keeps its place."""
    moved = [replace(position, place=(position.x, position.y)) for position in positions]
    for _ in range(ROUNDS):
        if not _push(moved):
            break
    return [_inside(position) for position in moved]


def _push(positions: list[Position]) -> bool:
    """One round: each pair that is too near parts along the axis where less is missing."""
    pushed = False
    for first in range(len(positions)):
        for second in range(first + 1, len(positions)):
            one, other = positions[first], positions[second]
            lacking_x, lacking_y = ROOM[0] - abs(other.x - one.x), ROOM[1] - abs(other.y - one.y)
            if lacking_x < 0.5 or lacking_y < 0.5:
                continue
            pushed = True
            x, y = (lacking_x / 2, 0.0) if lacking_x <= lacking_y else (0.0, lacking_y / 2)
            x, y = (-x if other.x < one.x else x), (-y if other.y < one.y else y)
            positions[first], positions[second] = _shift(one, -x, -y), _shift(other, x, y)
    return pushed


def _shift(position: Position, x: float, y: float) -> Position:
    return _inside(replace(position, x=position.x + x, y=position.y + y))


def _inside(position: Position) -> Position:
    beside, above, below = EDGE
    return replace(
        position, x=min(max(position.x, beside), WIDTH - beside), y=min(max(position.y, above), HEIGHT - below)
    )
