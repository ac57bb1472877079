"""The follower that writes a mirror: everything goes through the one door of `registry.log.mirror`, on its own thread.

What is known of the mirror is gathered here in one value, `MirrorStatus`.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import IO, Any, TypeVar

import msgspec
import structlog
from django.conf import settings

from catalog.change import Change, Head, Position, decode_change, encode_lines
from catalog.errors import Compacted, Diverged, Held, Unavailable
from catalog.log import Snapshot
from federation.follow.breaker import LIMIT, Losses
from federation.waits import CONTACT_LASTS
from federation.wire import Beat
from registry.database import DatabaseThread
from registry.freshness import MirrorStatus
from registry.log.mirror import Mirror

CHUNK = 1000
logger = structlog.get_logger(__name__)
T = TypeVar("T")
OnHeld = Callable[[str], Awaitable[None]]  # returns when it may go on; raises Compacted to begin again
OnDiverged = Callable[[Diverged], Awaitable[None]]


class Mirroring:
    """Folds a region's log into its mirror; see `catalog.follow.Follower`.

    `count_there` asks how many instances the region has by now, None when it cannot be asked. `on_held` and
    `on_diverged` are called when that happens. `clock` gives wall time.
    """

    def __init__(
        self,
        region: str,
        *,
        count_there: Callable[[], Awaitable[int | None]],
        on_held: OnHeld,
        on_diverged: OnDiverged,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.region = region
        self.status = MirrorStatus(region=region)
        self.losses = Losses(region, clock=time.monotonic)
        self.resets = 0
        self.changes = 0
        self.changed = asyncio.Event()
        self._mirror = Mirror(region)
        self._thread = DatabaseThread(f"mirror-{region}")
        self._position: Position | None = None
        self._count_there, self._on_held, self._on_diverged = count_there, on_held, on_diverged
        self._clock = clock
        self._ago: tuple[float, float | None] = (
            0.0,
            None,
        )  # when a beat came, and how old the sender's contact was then

    async def load(self) -> None:
        """Find out where the mirror stands. Raises Unavailable."""
        head = await self._in_thread(self._mirror.head)
        self._stand(head)

    def position(self, region: str) -> Position | None:
        """See `Follower.position`."""
        return self._position

    async def reset(self, snapshot: Snapshot) -> None:
        """See `Follower.reset`. The snapshot rests on disk until all of it is there; the swap is one transaction."""
        with tempfile.TemporaryFile(prefix="snapshot-", dir=settings.MERIDIAN.data) as spool:
            await _spool(snapshot.chunks, spool)
            await self._carefully(partial(self._swap, snapshot.head, spool))
        self.resets += 1
        self._stand(snapshot.head)
        logger.info("mirror replaced", region=self.region, index=snapshot.head.position.index)

    async def apply(self, changes: Sequence[Change]) -> None:
        """See `Follower.apply`."""
        if self._position is None:
            raise Compacted(f"the mirror of {self.region} is to be made again from a snapshot")
        if sum(1 for change in changes if change.record is None) >= LIMIT.least:
            self.losses.foresee(await self._count_there())
        write = partial(self._mirror.append, self._position.log_id, changes, guard=self.losses)
        self._position = await self._carefully(write)
        self.changes += len(changes)
        self._note(index=self._position.index, digest=changes[-1].digest, equal=True)

    def heard(self, region: str) -> None:
        """See `Follower.heard`. For as long as the sender was without contact to the origin, so is this region."""
        at, ago = self._ago
        if self.status.known > self.status.index:
            return  # there is more, of which the peer has said so and this follower has only not taken it yet
        self.losses.settle()
        if ago is not None and self._clock() - at < CONTACT_LASTS:
            self._note(last_contact=at - ago, reason="", held="")

    def lost(self, region: str, error: Unavailable) -> None:
        """See `Follower.lost`."""
        if not self.status.reason:
            logger.warning("a region cannot be followed", region=self.region, reason=str(error))
        self._note(reason=str(error))

    def on_beat(self, beat: Beat) -> None:
        """How far the log goes, and how fresh the sender's copy is."""
        self._ago = (self._clock(), beat.ago)
        self._note(known=beat.index, path=beat.path)

    def since_contact(self) -> float | None:
        """Seconds since the last contact with the region; None when there never was one."""
        last_contact = self.status.last_contact
        return None if last_contact is None else max(0.0, self._clock() - last_contact)

    async def close(self) -> None:
        """Give the thread and its connection back."""
        await self._thread.close()

    def begin_again(self) -> None:
        """Have the mirror made again from a snapshot: what it holds is not to be trusted."""
        self._position = None

    def note(self, **values: Any) -> None:
        """Say something more of the mirror."""
        self._note(**values)

    async def _carefully(self, write: Callable[[], T]) -> T:
        """Write; wait where the breaker holds, and tell where the digests differ."""
        while True:
            try:
                return await self._in_thread(write)
            except Held as held:
                await self._on_held(str(held))
            except Diverged as error:
                self._note(equal=False)
                await self._on_diverged(error)
                raise

    def _swap(self, head: Head, spool: IO[bytes]) -> None:
        spool.seek(0)
        self._mirror.replace(head, _chunks_of(spool), guard=self.losses)

    def _stand(self, head: Head | None) -> None:
        self._position = head.position if head else None
        if head is not None:
            self._note(
                log_id=head.position.log_id, index=head.position.index, digest=head.digest,
                known=max(self.status.known if self.status.log_id == head.position.log_id else 0,
                          head.position.index),
            )  # fmt: skip

    def _note(self, **values: Any) -> None:
        after = msgspec.structs.replace(self.status, **values)
        if after != self.status:
            self.status = after
            self.changed.set()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        working = asyncio.ensure_future(self._thread.run(work))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            # A thread cannot be stopped; so it may finish what it is writing before the mirror is let go.
            await asyncio.wait({working})
            raise


async def _spool(chunks: AsyncIterator[Sequence[Change]], spool: IO[bytes]) -> None:
    async for chunk in chunks:
        spool.write(encode_lines(chunk))


def _chunks_of(spool: IO[bytes]) -> Iterator[list[Change]]:
    chunk: list[Change] = []
    for line in spool:
        chunk.append(decode_change(line))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
