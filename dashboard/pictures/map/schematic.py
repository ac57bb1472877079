"""Regions whose places are not all known: on an ellipse, in the order given. It claims no geography."""

import math
from collections.abc import Sequence

from dashboard.pictures.map.position import HEIGHT, WIDTH, Position
from dashboard.pictures.map.region import RegionNode

RADII = (270.0, 112.0)
MIDDLE = (WIDTH / 2, HEIGHT / 2 - 10)


def schematic(nodes: Sequence[RegionNode]) -> list[Position]:
    """One region in the middle, two side by side, more around."""
    if len(nodes) == 1:
        return [Position(*MIDDLE)]
    first = math.pi if len(nodes) == 2 else -math.pi / 2
    turns = [first + 2 * math.pi * number / len(nodes) for number in range(len(nodes))]
    return [Position(MIDDLE[0] + RADII[0] * math.cos(turn), MIDDLE[1] + RADII[1] * math.sin(turn)) for turn in turns]


def reason(nodes: Sequence[RegionNode]) -> str:
    """Why this is no map, for the caption."""
    missing = [node.name for node in nodes if node.place is None]
    display_name = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
    return f"Not a map: no coordinates for {display_name}."
