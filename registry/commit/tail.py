"""The tail: the latest changes that this process committed, for its own followers to read without the database."""

from collections.abc import Callable, Sequence
from threading import Lock

from catalog.change import Change, Position

LONGEST = 8192  # changes that are kept at least, once there were so many; a follower further behind reads the database
Listener = Callable[[Position], None]


class Tail:
    """A run of changes without gaps. Commits of other processes make it start over; readers then use the database."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._log_id = ""
        self._changes: list[Change] = []
        self._listeners: list[Listener] = []

    @property
    def log_id(self) -> str:
        """The log that this process wrote to last; empty before the first commit."""
        return self._log_id

    def extend(self, log_id: str, changes: Sequence[Change]) -> None:
        """Add what was just committed, and tell the listeners.

        Two threads may report their commits in the wrong order; the tail then keeps the later ones.
        """
        with self._lock:
            last = self._changes[-1].index if self._changes else None
            if log_id != self._log_id or last is None or changes[0].index > last + 1:
                self._log_id, self._changes = log_id, list(changes)
            elif changes[0].index == last + 1:
                self._changes += changes
                if len(self._changes) > 2 * LONGEST:  # seldom, because it moves all that stays
                    del self._changes[:-LONGEST]
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(Position(log_id, changes[-1].index))

    def after(self, position: Position, limit: int) -> Sequence[Change]:
        """Up to `limit` changes after a position; empty when the tail has none or cannot tell."""
        with self._lock:
            changes = self._changes
            if self._log_id != position.log_id or not changes or position.index < changes[0].index - 1:
                return ()
            start = position.index - changes[0].index + 1
            return changes[start : start + limit]

    def forget(self) -> None:
        """Start over."""
        with self._lock:
            self._log_id, self._changes = "", []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each new end of the tail, on the committing thread; returns how to stop that."""
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return stop


_tails: dict[str, Tail] = {}


def tail(region: str) -> Tail:
    """This process's tail of a region's log."""
    return _tails.setdefault(region, Tail())
