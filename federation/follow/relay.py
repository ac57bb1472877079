"""The relay: a region that cannot be reached is followed through one that can reach it.

Every region that mirrors a log serves it as it serves its own, entry for entry, so a follower need not know
where it comes from. Two rules keep a relay from doing harm. It is used only if its last contact with the origin is
*later* than this region's: two regions that both lost the origin can never feed each other, and an old copy never
replaces a newer one. And its path, which names every region that the log came through, must not lead through here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog

from catalog.change import Change, Position
from catalog.errors import Compacted, Unavailable
from catalog.log import Snapshot
from federation.client import Client, Refused
from federation.follow.remote_log import OnBeat, RemoteLog
from federation.waits import RELAY_AFTER
from federation.wire import Beat, LogEntry, Row

LOOK_AGAIN = 2.0  # seconds between two looks whether the region itself can be reached again
ANSWER_WITHIN = 2.0

log = structlog.get_logger(__name__)
Clients = Callable[[], Awaitable[Sequence[Client]]]


def choose(
    rows: Iterable[Row], region: str, *, here: str, position: Position | None, since_contact: float | None
) -> str | None:
    """The region through which `region` is best followed, or None when there is no usable relay.

    `position` and `since_contact` are what is held here, and the seconds since the last contact with the origin.
    """
    usable = [
        (entry.ago or 0.0, len(entry.path), row.region)
        for row in rows
        for entry in row.logs
        if entry.region == region and row.region != here and _is_of_use(entry, here, position, since_contact)
    ]
    return min(usable)[2] if usable else None


def _is_of_use(entry: LogEntry, here: str, position: Position | None, since_contact: float | None) -> bool:
    if entry.ago is None or here in entry.path:
        return False
    if since_contact is not None and entry.ago >= since_contact:
        return False
    return position is None or entry.log_id != position.log_id or entry.index >= position.index


class Routed:
    """The log of a region, from itself when it can be reached and through a relay when not. See `Log`.

    `others` gives clients of the other peers; the caller closes them. `since_contact` gives the seconds since
    the last contact with the region.
    """

    def __init__(
        self, direct: Client, *, here: str, others: Clients, since_contact: Callable[[], float | None], on_beat: OnBeat
    ) -> None:
        self._direct, self._here = direct, here
        self._others, self._since_contact, self._on_beat = others, since_contact, on_beat
        self._log = RemoteLog(direct.region, direct, on_beat=self._hear)
        self._through = direct
        self._failing_since: float | None = None
        self._position: Position | None = None
        self._looking: asyncio.Task[None] | None = None
        self._loops = False
        self.relays = 0  # how often a relay was needed

    @property
    def region(self) -> str:
        """See `Log.region`."""
        return self._direct.region

    @property
    def through(self) -> Client:
        """Who is asked just now."""
        return self._through

    async def read(self, after: Position, *, limit: int) -> Sequence[Change]:
        """See `Log.read`."""
        self._position = after
        try:
            changes = await self._log.read(after, limit=limit)
            self._require_no_loop()
        except Unavailable as error:
            if not await self._reroute(error):
                raise
            changes = await self._log.read(after, limit=limit)
        self._failing_since = None
        return changes

    async def snapshot(self) -> Snapshot:
        """See `Log.snapshot`."""
        try:
            taken = await self._log.snapshot()
        except Unavailable as error:
            if not await self._reroute(error):
                raise
            taken = await self._log.snapshot()
        head, held = taken.head.position, self._position
        if self._through is not self._direct and held and head.log_id == held.log_id and head.index < held.index:
            await self._go(self._direct)
            raise Unavailable(f"the copy of {self.region} that could be had is older than the one held here")
        self._failing_since = None
        return taken

    async def wait(self, after: Position, *, timeout: float) -> None:
        """See `Log.wait`."""
        await self._log.wait(after, timeout=timeout)

    async def close(self) -> None:
        """End the stream."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._log.close()

    def _hear(self, beat: Beat) -> None:
        self._loops = self._here in beat.path
        if not self._loops:
            self._on_beat(beat)

    def _require_no_loop(self) -> None:
        if self._loops:
            self._loops = False
            raise Unavailable(f"{self._through.region} has {self.region} from here by now")

    async def _reroute(self, error: Unavailable) -> bool:
        """Look for another way; False when there is none, or when it is too early to look."""
        now = asyncio.get_running_loop().time()
        self._failing_since = self._failing_since or now
        if isinstance(error, Refused):
            return False  # a region that will not have us is not to be followed behind its back
        if self._through is not self._direct:
            log.warning("relay lost", region=self.region, through=self._through.region, reason=str(error))
            await self._go(self._direct)
            return False
        if now - self._failing_since < RELAY_AFTER:
            return False
        relay = await self._find()
        if relay is None:
            return False
        log.warning("followed through a relay", region=self.region, through=relay.region, reason=str(error))
        await self._go(relay)
        self.relays += 1
        self._looking = asyncio.create_task(self._look_out(), name=f"look out for {self.region}")
        return True

    async def _find(self) -> Client | None:
        clients = {client.region: client for client in await self._others() if client.region != self.region}
        rows = await asyncio.gather(*map(_row, clients.values()))
        chosen = choose(
            [row for row in rows if row is not None and row.region in clients],
            self.region, here=self._here, position=self._position, since_contact=self._since_contact(),
        )  # fmt: skip
        return clients.get(chosen) if chosen else None

    async def _go(self, client: Client) -> None:
        if self._looking is not None and self._looking is not asyncio.current_task():
            self._looking.cancel()
        self._looking = None
        await self._log.close()
        self._through, self._loops = client, False
        self._log = RemoteLog(self.region, client, on_beat=self._hear)

    async def _look_out(self) -> None:
        """Go back to the region itself as soon as it answers."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            if await _row(self._direct) is not None:
                log.info("followed directly again", region=self.region, was=self._through.region)
                await self._go(self._direct)
                return


async def _row(client: Client) -> Row | None:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            return await client.row()
    except (Unavailable, Compacted, TimeoutError):
        return None
