"""The dashboard as a follower: told everything that the logs tell the view, just before the view is.

It keeps what a person wants to see of it: what happened lately, with what was before, and how health went.
"""

from collections.abc import Sequence

from catalog.change import Change, Position, Record
from catalog.errors import Unavailable
from catalog.log import Snapshot
from catalog.view import View
from dashboard.memory.history import Histories
from dashboard.memory.recent import Entry, Recent


class DashboardFollower:
    """Beside the view of a process: see `catalog.follow.Follower`. What was before, it finds in the view."""

    def __init__(self, view: View, recent: Recent, histories: Histories) -> None:
        self._view, self._recent, self._histories = view, recent, histories

    def position(self, region: str) -> Position | None:
        """It is where the view is."""
        return self._view.position(region)

    async def reset(self, snapshot: Snapshot) -> None:
        """A snapshot says how things are, not what has happened. Its chunks are the view's to read."""

    async def apply(self, changes: Sequence[Change]) -> None:
        """Keep what is new; a batch may be delivered twice."""
        region = self._view.region(changes[0].region)
        standing: dict[str, Record | None] = {}
        entries = []
        known_to = region.index
        for change in changes:
            if change.index <= known_to:
                continue
            if change.key in standing:
                before = standing[change.key]
            else:
                known = region.changes.get(change.key)
                before = known.record if known else None
            standing[change.key] = change.record
            entries.append(Entry(change, before))
            self._histories.record(change, before)
        self._recent.add(entries)

    def heard(self, region: str) -> None:
        """Nothing is shown of it but by the view's freshness."""

    def lost(self, region: str, error: Unavailable) -> None:
        """As above."""
