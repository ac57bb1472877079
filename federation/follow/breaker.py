"""The breaker of a mirror: a peer that suddenly loses most of its catalog is more likely broken than empty.

The peer has a breaker of its own, which holds what its leases and probes complain of. This one is for everything else:
an empty database that was started in its place, a script that deregistered the wrong half. What is held stays served
here as it was, and stale, until the peer has most of its instances back, a person decides, or time passes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from catalog.breaker import WINDOW, Limit, Scope, trips
from catalog.errors import Compacted, Held
from registry.breaker import holds
from registry.tables.held import State

LIMIT = Limit(Scope.REGION, 0.50, 20)  # "most"; a peer with fewer than twenty instances may lose them all


LOOK_EVERY = 1.0  # seconds between two looks at what was decided, and at whether the peer has recovered
logger = structlog.get_logger(__name__)


class Losses:
    """Watches how many instances the mirror of `region` has. `clock` gives seconds that only go up."""

    def __init__(self, region: str, *, clock: Callable[[], float]) -> None:
        self.region = region
        self._clock = clock
        self._counts: list[tuple[float, int]] = []
        self._foreseen: int | None = None
        self._lifted = False

    def __call__(self, before: int, after: int) -> None:
        """The guard of `registry.log.mirror`. Raises Held, with the comparison as a sentence."""
        now = self._clock()
        self._counts = [(at, count) for at, count in self._counts if now - at < WINDOW]
        self._counts.append((now, before))
        population = max(count for _, count in self._counts)
        left = after if self._foreseen is None else min(after, self._foreseen)
        if not self._lifted and trips(LIMIT, population - left, population):
            raise Held(formula(self.region, population - left, population))

    def foresee(self, count: int | None) -> None:
        """How many instances the peer says that it has by now: what the changes on their way will lead to."""
        self._foreseen = count

    def has_recovered(self, count: int, before: int) -> bool:
        """Whether a peer that has so many now may be believed again, when there were so many `before`."""
        return not trips(LIMIT, before - count, before)

    def lift(self) -> None:
        """Let everything pass until the mirror has caught up."""
        self._lifted = True

    def settle(self) -> None:
        """The mirror has caught up: what is there now is what may be lost next."""
        if self._lifted:
            self._counts = []
        self._lifted, self._foreseen = False, None


def formula(region: str, losing: int, population: int) -> str:
    """The comparison that tripped, as a sentence for a person."""
    return (
        f"{region} would lose {losing} of {population} instances ({100.0 * losing / population:.0f} %) within "
        f"{WINDOW:.0f} s; the limit is {100 * LIMIT.share:.0f} %"
    )


async def wait_while_held(
    losses: Losses,
    formula: str,
    *,
    ours: int,
    count_there: Callable[[], Awaitable[int | None]],
    note: Callable[..., None],
    run: Callable[..., Coroutine[Any, Any, Any]],
    clock: Callable[[], float],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Keep a mirror of `ours` instances as it is until what it would lose is decided; then everything may pass.

    Raises Compacted when the peer is to be read from a snapshot instead: it has recovered, or a rejection has expired.
    """
    region = losses.region
    row = await run(holds.hold_mirror, region, formula, population=ours, now=clock())
    try:
        while holds.is_kept(row, clock()):
            note(held=holds.reason_of(row))
            await pause(LOOK_EVERY)
            there = await count_there()
            if there is not None and losses.has_recovered(there, ours):
                await run(holds.end_mirror_hold, row, State.RECOVERED)
                logger.info("a held mirror recovered", region=region)
                raise Compacted(f"{region} has its instances back")
            row = await run(holds.find_hold, row.id)
        if row.state == State.REJECTED:
            raise Compacted(f"the rejection of what {region} would lose has expired")
        if row.state == State.OPEN:
            await run(holds.end_mirror_hold, row, State.EXPIRED)
        losses.lift()
    finally:
        losses.foresee(None)
        note(held="")
