"""The newest entries of all logs, each with the record before it."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from registry.log.history import Entry

KEPT = 5_000  # entries of all regions


class Recent:
    """The newest entries in the order in which this process read them."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add entries, oldest first."""
        self._entries.extend(entries)

    def newest(self, number: int | None = None) -> Iterator[Entry]:
        """The newest first. A copy: other threads may add meanwhile."""
        return islice(reversed(self._entries.copy()), number)

    def find(self, region: str, index: int) -> Entry | None:
        """The entry at an index of a region's log, if it is still kept."""
        return next(
            (entry for entry in self.newest() if entry.change.region == region and entry.change.index == index), None
        )
