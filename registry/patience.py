"""Patience: how long a coroutine waits for a commit. A database that hangs says nothing, and a caller should hear something.

There is one timer for all who wait on a loop, because a timer for each would cost more than the wait.
"""

import asyncio
from weakref import WeakKeyDictionary

from catalog.errors import Unavailable

WITHIN = 10.0  # seconds that a commit may take
LOOKS = 1.0  # seconds between two looks at who waits for too long


class Patience:
    """The futures of one loop, in the order in which they began to wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._since: dict[asyncio.Future[object], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def until(self, future: "asyncio.Future[object]") -> object:
        """What the future comes to. Raises Unavailable when it comes to nothing in time: then nobody knows."""
        self._since[future] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(LOOKS, self._look)
        try:
            return await future
        finally:
            del self._since[future]

    def _look(self) -> None:
        late = self._loop.time() - WITHIN
        for future, since in self._since.items():
            if since > late:
                break
            if not future.done():
                future.set_exception(_nobody_knows())
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
