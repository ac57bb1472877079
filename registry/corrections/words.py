"""Corrections in words, the same on the dashboard, in the admin site and in the log."""

from catalog.breaker import Kind
from registry.tables.held import HeldRow

HELD = {Kind.EXPIRY: "expired lease", Kind.PROBE: "failed check", Kind.REMOVAL: "removal"}


def hold_words(row: HeldRow) -> str:
    """What a hold keeps from happening: `13 failed checks in zone a`, `the mirror of eu-west`."""
    kind = Kind(row.kind)
    if kind is Kind.MIRROR:
        return f"the mirror of {row.name}"
    return f"{number(len(row.held), HELD[kind])} in {row.scope} {row.name}"


def number(count: int, noun: str) -> str:
    """`1 lookup`, `3 lookups`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
