"""The dashboard as a follower of the logs: it keeps recent changes and the history of health.

It receives every change just before the view does, so that the view still has the record before it.
"""

from collections.abc import Sequence

from catalog.change import Change, Position, Record
from catalog.errors import Unavailable
from catalog.log import Snapshot
from catalog.view import View
from dashboard.memory.history import Histories
from dashboard.memory.recent import Recent
from registry.log.history import Entry


class DashboardFollower:
    """A `catalog.follow.Follower` beside the view of a process."""

    def __init__(self, view: View, recent: Recent, histories: Histories) -> None:
        self._view, self._recent, self._histories = view, recent, histories

    def position(self, region: str) -> Position | None:
        """The view's position."""
        return self._view.position(region)

    async def reset(self, snapshot: Snapshot) -> None:
        """A snapshot has no changes to keep; `Backfill` takes in the view that comes of it."""

    async def apply(self, changes: Sequence[Change]) -> None:
        """Keep what is new; a batch may be delivered twice."""
        region = self._view.region(changes[0].region)
        current: dict[str, Record | None] = {}
        entries = []
        known_to = region.index
        for change in changes:
            if change.index <= known_to:
                continue
            if change.key in current:
                before = current[change.key]
            else:
                known = region.changes.get(change.key)
                before = known.record if known else None
            current[change.key] = change.record
            entries.append(Entry(change, before))
            self._histories.record(change, before)
        self._recent.add(entries)

    def heard(self, region: str) -> None:
        """Pages show the view's freshness."""

    def lost(self, region: str, error: Unavailable) -> None:
        """As above."""
