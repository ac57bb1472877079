"""Following a log: the one loop by which anything comes to know the catalog.

A view in memory, a mirror of another region, a browser page and a client's cache differ only in what they do with a
change. They are followers; this is the loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from catalog.change import Change, Position
from catalog.errors import Compacted, Diverged, Unavailable
from catalog.log import Log, Snapshot

BATCH = 1000  # changes in one read
POLL = 1.0  # seconds between looks when no doorbell rings
PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0)  # seconds before trying an unreachable log again
LARGEST_SHARE = 0.1  # of the time may go into snapshots that turn out to be of no use: lookups share the processor
LONGEST = 30.0  # seconds before the next one in any case, so that damage that was mended is over soon


class Follower(Protocol):
    """Something that folds a log into what it is for. Its methods are called one at a time, in order."""

    def position(self, region: str) -> Position | None:
        """The last position applied, or None before the first snapshot."""
        ...

    async def reset(self, snapshot: Snapshot) -> None:
        """Replace everything known of the region at once; readers never see a half, nor an empty moment.

        Raises Diverged when the snapshot does not add up to its own digest.
        """
        ...

    async def apply(self, changes: Sequence[Change]) -> None:
        """Fold in changes that follow the position without a gap. Raises Diverged when the digests differ."""
        ...

    def heard(self, region: str) -> None:
        """The log was reached and everything it had is applied."""
        ...

    def lost(self, region: str, error: Unavailable) -> None:
        """The log cannot be reached, or is damaged; what is known may be growing old."""
        ...


async def follow(
    log: Log,
    follower: Follower,
    *,
    poll: float = POLL,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Keep `follower` in step with `log` until cancelled.

    An unreachable log is tried again with growing pauses; a log that no longer holds the follower's position, and a
    follower whose digest differs, are both cured by a snapshot. What a snapshot does not cure is damage at the other
    end: the follower is told that it has lost the log, until a snapshot adds up again.
    """
    clock = asyncio.get_running_loop().time
    failures = 0
    must_reset = follower.position(log.region) is None
    has_diverged = False  # and has not been in step since
    while True:
        began = clock()
        try:
            if must_reset:
                await follower.reset(await log.snapshot())
                must_reset = False
            await _catch_up(log, follower, poll)
            failures, has_diverged = 0, False
        except Compacted:
            must_reset = True
        except Diverged as error:
            if must_reset or has_diverged:
                follower.lost(log.region, _damaged(log.region, error))
            must_reset = has_diverged = True
            # A snapshot that is itself at odds with its digest must not be fetched in a tight circle.
            await pause(max(PAUSES[-1], min((clock() - began) / LARGEST_SHARE, LONGEST)))
        except Unavailable as error:
            follower.lost(log.region, error)
            await pause(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1


def _damaged(region: str, error: Diverged) -> Unavailable:
    return Unavailable(f"{error}; `manage.py verify_log` in {region} names all that is damaged")


async def _catch_up(log: Log, follower: Follower, poll: float) -> None:
    position = follower.position(log.region)
    if position is None:
        raise Compacted("nothing is known yet")
    changes = await log.read(position, limit=BATCH)
    if changes:
        await follower.apply(changes)
        if len(changes) == BATCH:
            return
    follower.heard(log.region)
    await log.wait(follower.position(log.region) or position, timeout=poll)
