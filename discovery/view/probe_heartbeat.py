"""Whether anybody probes: a region whose workers are silent stops trusting what they last said.

The workers note each round in Valkey. What counts is that the note *changes*, judged by this process's own clock, so
that workers with a clock that is off do not look dead. When Valkey cannot be reached the note does not change either,
and rightly so: checks are claimed there, so no worker can probe. A verdict without confirmation becomes `unknown` after
some intervals, which still serves; no instance is taken away for lack of a verdict.
"""

import asyncio
from collections.abc import Awaitable, Callable

from catalog.errors import Unavailable
from catalog.view import View
from registry.waits import PROBING_STOPPED_AFTER

LOOK_EVERY = 1.0  # seconds


class Pulse:
    """Tells a view when its region's probes went blind. `last_round` may raise Unavailable."""

    def __init__(
        self,
        view: View,
        region: str,
        last_round: Callable[[], Awaitable[float | None]],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._view, self._region = view, region
        self._last_round, self._clock = last_round, clock
        self._noted: float | None = None
        self._changed_at = clock()

    @property
    def silent_for(self) -> float:
        """Seconds since a round of probes was last seen to be new."""
        return max(0.0, self._clock() - self._changed_at)

    @property
    def beats(self) -> bool:
        """Whether workers probe, as far as is known."""
        return self._noted is not None and self.silent_for < PROBING_STOPPED_AFTER

    async def watch(self) -> None:
        """Look every second until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Look once."""
        try:
            async with asyncio.timeout(LOOK_EVERY):
                noted = await self._last_round()
        except (Unavailable, TimeoutError):
            noted = self._noted
        if noted != self._noted:
            self._noted, self._changed_at = noted, self._clock()
        silent = self.silent_for >= PROBING_STOPPED_AFTER
        self._view.blind(self._region, self._changed_at if silent else None)
