"""Regions whose places are all known: where they are on a map of the world."""

from collections.abc import Sequence

from dashboard.pictures.map.outlines import placed
from dashboard.pictures.map.position import Position, apart
from dashboard.pictures.map.projection import projected
from dashboard.pictures.map.region import RegionNode


def world(nodes: Sequence[RegionNode]) -> list[Position]:
    """A spot for each of `nodes`, which all have a place; those too near each other are moved aside."""
    return apart([Position(*placed(*projected(*node.place))) for node in nodes if node.place is not None])
