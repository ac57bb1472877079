"""Parts of an instance's page: overrides that cover it, what lookups in each region say of it, and its history."""

from collections.abc import Iterator, Sequence

import msgspec

from catalog.change import Change
from catalog.query import overrides_about
from catalog.query_types import Decision, Query
from catalog.records.instance import Instance
from catalog.records.override import Override, ruling
from catalog.view import View
from dashboard.memory.board import Board
from dashboard.pages.instance.facts import MOST_ENTRIES, is_about
from dashboard.pages.service.decisions import judge_everywhere
from registry.log.history import Entry


class CoveringOverride(msgspec.Struct, frozen=True, kw_only=True):
    """An override that covers the instance. `counts`: it decides for lookups in the region where it was set."""

    override: Override
    counts: bool
    is_over: bool


class LookupResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a plain lookup in one region says of the instance."""

    home: str
    decision: Decision | None
    returned: int
    step: str


class Removal(msgspec.Struct, frozen=True):
    """The end of a registration: its entry, and the last record; None when that is no longer known."""

    change: Change
    last: Instance | None


def covering_overrides(view: View, instance: Instance, now: float) -> list[CoveringOverride]:
    """Every override about the instance, wherever it was set; those that count first."""
    found: list[CoveringOverride] = []
    for region, part in sorted(view.regions.items()):
        deciding = ruling(overrides_about(view, instance.region, region), instance, now)
        found += [
            CoveringOverride(override=override, counts=override in deciding, is_over=not override.is_live(now))
            for override in part.overrides
            if override.covers(instance) and (override.is_opinion or region == instance.region)
        ]
    return sorted(found, key=lambda one: (not one.counts, one.is_over, -one.override.created_at))


def lookups_everywhere(board: Board, instance: Instance, now: float) -> list[LookupResult]:
    """What a plain lookup from each region says of the instance, its own region first."""
    homes = sorted(board.regions, key=lambda region: (region != instance.region, region != board.home, region))
    return [_look_up(board.view, home, instance, now) for home in homes]


def removal(board: Board, region: str, key: str, entries: Sequence[Entry]) -> Removal | None:
    """How the instance was removed, by memory or the log's tables; None when it is registered or never was."""
    newest = next(_of_key(board, region, key), None) or next(
        (entry for entry in entries if entry.change.region == region and entry.change.key == key), None
    )
    if newest is None or newest.change.record is not None:
        return None
    return Removal(newest.change, newest.before if isinstance(newest.before, Instance) else None)


def history(board: Board, region: str, key: str, instance: Instance | None, entries: Sequence[Entry]) -> list[Entry]:
    """The entries of the instance and of overrides about it, newest first, from the tables and from memory."""
    found = {(entry.change.region, entry.change.index): entry for entry in entries}
    for entry in board.recent.newest():
        change = entry.change
        if (change.region == region and change.key == key) or (instance is not None and is_about(entry, instance)):
            found[change.region, change.index] = entry
    newest = sorted(found.values(), key=lambda entry: (entry.change.at, entry.change.index), reverse=True)
    return newest[:MOST_ENTRIES]


def _look_up(view: View, home: str, instance: Instance, now: float) -> LookupResult:
    query = Query(region=home, namespace=instance.namespace, service=instance.service)
    found = judge_everywhere(view, query, now)
    return LookupResult(
        home=home,
        decision=found.of(instance.region, instance.id),
        returned=sum(decision.returned for decision in found.answer.decisions),
        step=found.step(instance.region),
    )


def _of_key(board: Board, region: str, key: str) -> Iterator[Entry]:
    return (entry for entry in board.recent.newest() if entry.change.region == region and entry.change.key == key)
