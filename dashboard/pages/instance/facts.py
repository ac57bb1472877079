"""What an instance's page reads from the database and from Valkey: probe results, holds, its entries in the log."""

from collections.abc import Sequence

import msgspec

from catalog.records.instance import Instance
from catalog.records.override import Override
from dashboard.memory.board import Board
from dashboard.memory.tolerant import TolerantReads, held_formulas
from registry.checks.results import CheckResult, check_keys, last_results
from registry.log import history

MOST_ENTRIES = 50
MOST_OVERRIDES = 200  # entries of overrides that are searched for those about the instance


class InstanceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`held` is the formula by which the breaker holds the instance, empty when it does not; `entries` newest first."""

    results: dict[str, CheckResult] = {}
    held: str = ""
    entries: Sequence[history.Entry] = ()
    problems: tuple[str, ...] = ()


def read_facts(board: Board, region: str, key: str, instance: Instance | None, now: float) -> InstanceFacts:
    """The facts; what cannot be read is missing, and `problems` say why. Only this region's probes are known here."""
    reads, here = TolerantReads(), region == board.home
    keys = check_keys(instance) if instance is not None and here else []
    held: dict[str, str] = reads.read(held_formulas, {}) if here else {}
    return InstanceFacts(
        results=reads.read(lambda: last_results(keys, now=now), {}) if keys else {},
        held=held.get(key, ""),
        entries=reads.read(lambda: _entries(region, key, instance), ()),
        problems=tuple(reads.problems),
    )


def is_about(entry: history.Entry, instance: Instance) -> bool:
    """Whether an entry is of an override that covers the instance."""
    subject = entry.change.record if entry.change.record is not None else entry.before
    return isinstance(subject, Override) and subject.covers(instance)


def _entries(region: str, key: str, instance: Instance | None) -> list[history.Entry]:
    own = history.history_of(key, region, limit=MOST_ENTRIES)
    if instance is None:
        return own
    overrides = history.entries(kinds=["override"], limit=MOST_OVERRIDES)
    return own + [entry for entry in overrides if is_about(entry, instance)]
