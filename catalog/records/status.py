"""Status: one word for how an instance or a check is doing."""

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """`unknown` is no verdict, or one too old to trust; it is neither health nor illness."""

    PASSING = "passing"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"


SEVERITY = {Status.PASSING: 0, Status.UNKNOWN: 1, Status.WARNING: 2, Status.CRITICAL: 3}

# Absence of a verdict is no reason to take capacity away, so `unknown` serves; only `critical` does not.
SERVING = frozenset({Status.PASSING, Status.UNKNOWN, Status.WARNING})


def worst(statuses: Iterable[Status]) -> Status:
    """The gravest of the given; passing when there are none, as every registry has it."""
    return max(statuses, key=SEVERITY.__getitem__, default=Status.PASSING)
