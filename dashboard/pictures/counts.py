"""Counts of instances by status: their order in every picture, and in words."""

from collections.abc import Mapping

from catalog.records.status import Status

Counts = Mapping[Status, int]

# Trouble first: it stands nearest to the origin of every picture, where a little of it is easiest to see.
TROUBLE_FIRST = (Status.CRITICAL, Status.WARNING, Status.UNKNOWN, Status.PASSING)

GLYPHS = {Status.PASSING: "✓", Status.WARNING: "▲", Status.CRITICAL: "✕", Status.UNKNOWN: "?"}


def total(counts: Counts) -> int:
    """How many instances are counted."""
    return sum(counts.values())


def in_words(counts: Counts) -> str:
    """For instance `2 critical, 14 passing`; `no instances` when there are none."""
    said = [f"{counts[status]} {status.value}" for status in TROUBLE_FIRST if counts.get(status)]
    return ", ".join(said) or "no instances"


def severity(counts: Counts) -> tuple[int, ...]:
    """Sorts counts by how bad they are: most critical last."""
    return tuple(counts.get(status, 0) for status in TROUBLE_FIRST[:-1])
