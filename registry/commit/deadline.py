"""Patience: how long a coroutine waits for a commit.

A database that hangs says nothing, and a caller should hear something. There is one timer for all who wait on a loop,
because a timer for each would cost more than what it watches.
"""

import asyncio
from typing import Protocol
from weakref import WeakKeyDictionary

from catalog.errors import Unavailable

WITHIN = 10.0  # seconds that a commit may take
LOOKS = 1.0  # seconds between two looks at who waits for too long


class Waiting(Protocol):
    """What waits: a future, or what behaves like one."""

    def done(self) -> bool:
        """Whether it has come to something."""
        ...

    def set_exception(self, error: Exception, /) -> None:
        """Come to nothing."""
        ...


class Patience:
    """Who waits on one loop, in the order in which they began to."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._since: dict[Waiting, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, waiting: Waiting) -> None:
        """Tell `waiting` that nobody knows, when it has come to nothing in time."""
        self._since[waiting] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(LOOKS, self._look)

    def forget(self, waiting: Waiting) -> None:
        """It has come to something, or is about to."""
        self._since.pop(waiting, None)

    def _look(self) -> None:
        late = self._loop.time() - WITHIN
        for waiting in [waiting for waiting, since in self._since.items() if since <= late]:
            del self._since[waiting]
            if not waiting.done():
                waiting.set_exception(_nobody_knows())
        self._timer = self._loop.call_later(LOOKS, self._look) if self._since else None


def _nobody_knows() -> Unavailable:
    return Unavailable(
        f"the database has not answered within {WITHIN:g} s: whether this was done is not known yet",
        retry_after=WITHIN / 2,
    )


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Patience] = WeakKeyDictionary()


def patience(loop: asyncio.AbstractEventLoop) -> Patience:
    """The patience of a loop."""
    known = _by_loop.get(loop)
    if known is None:
        known = _by_loop[loop] = Patience(loop)
    return known
