"""A log over HTTP: what a follower reads of another region, from the region itself or from one that mirrors it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from catalog.change import Change, Head, Position
from catalog.errors import Compacted, Invalid, Unavailable
from catalog.log import Snapshot
from federation import wire
from federation.client import Client, reaching
from federation.waits import SILENT
from federation.wire import Beat

STREAM = 30  # seconds that one stream is asked to last
MOST_WAITING = 4000  # changes received and not yet taken; the network then waits
PIECE = 65536

OnBeat = Callable[[Beat], None]


def _deaf(_beat: Beat) -> None:
    """Ignore the beat."""


class RemoteLog:
    """The log of `region` as the peer behind `client` serves it. Belongs to one event loop; end it with `close`.

    It keeps one stream open and reads it ahead: `wait` ends when something has come in. `on_beat` gets how far the
    log goes and how fresh the peer's copy is.
    """

    def __init__(self, region: str, client: Client, *, on_beat: OnBeat = _deaf) -> None:
        self._region = region
        self._client = client
        self._on_beat = on_beat
        self._stream: Stream | None = None

    @property
    def region(self) -> str:
        """See `Log.region`."""
        return self._region

    async def read(self, after: Position, *, limit: int) -> Sequence[Change]:
        """See `Log.read`."""
        stream = self._stream
        if stream is None or stream.position != after or stream.is_over:
            await self.close()
            stream = self._stream = Stream(self._region, self._client, after, self._on_beat)
        try:
            await stream.opened()
        except (Compacted, Unavailable):
            await self.close()  # the next attempt is a new question
            raise
        return stream.take(limit)

    async def wait(self, after: Position, *, timeout: float) -> None:
        """See `Log.wait`."""
        stream = self._stream
        if stream is not None and stream.position == after:
            await stream.wait(timeout)

    async def snapshot(self) -> Snapshot:
        """See `Log.snapshot`."""
        lines = self._lines()
        try:
            opening = wire.decode_opening(await anext(lines))
        except (Invalid, StopAsyncIteration) as error:
            raise Unavailable(f"{self._client.region} gives no snapshot: {error}") from error
        head = Head(Position(opening.log_id, opening.index), opening.digest)
        return Snapshot(self._region, head, _chunks(lines))

    async def close(self) -> None:
        """End the stream."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _lines(self) -> AsyncIterator[bytes]:
        unpacking = wire.Unpacking()
        async with self._client.open(f"/federation/v1/logs/{self._region}/snapshot") as answer:
            async for piece in answer.content.iter_chunked(PIECE):
                for line in unpacking.feed(piece):
                    yield line
        if not unpacking.complete:
            raise Unavailable(f"{self._client.region} broke off a snapshot of {self._region}")


async def _chunks(lines: AsyncIterator[bytes]) -> AsyncIterator[Sequence[Change]]:
    """The changes of a snapshot, a thousand at a time. Raises Unavailable."""
    batch: list[bytes] = []
    try:
        async for line in lines:
            batch.append(line)
            if len(batch) == 1000:
                yield wire.decode_changes(batch)
                batch = []
        if batch:
            yield wire.decode_changes(batch)
    except Invalid as error:
        raise Unavailable(f"a snapshot cannot be read: {error}") from error
    finally:
        await lines.aclose()  # type: ignore[attr-defined]


class Stream:
    """The changes of a log after a position, read ahead by a task of its own."""

    def __init__(self, region: str, client: Client, after: Position, on_beat: OnBeat) -> None:
        self.position = after  # of the last change taken
        self._region, self._client, self._on_beat = region, client, on_beat
        self._waiting: deque[Change] = deque()
        self._end = after.index  # of the last change received
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error: Exception | None = None
        self._beat: Beat | None = None
        self._reading = asyncio.create_task(self._run(), name=f"stream of {region}")

    @property
    def is_over(self) -> bool:
        """Whether it ended as it should and all of it was taken."""
        return self._reading.done() and self._error is None and not self._waiting

    async def opened(self) -> None:
        """Return once the peer has answered. Raises what it answered, or what became of the stream since."""
        await asyncio.shield(self._open)
        if not self._waiting and self._error is not None:
            raise self._error

    def take(self, limit: int) -> list[Change]:
        """Up to so many of the changes that have come in."""
        taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        if taken:
            self.position = Position(self.position.log_id, taken[-1].index)
        if len(self._waiting) < MOST_WAITING:
            self._room.set()
        return taken

    async def wait(self, timeout: float) -> None:
        """Return when something has come in, when the stream is over, or after so many seconds."""
        self._news.clear()
        if self._waiting or self._reading.done():
            return
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        """End it."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        if self._open.done() and not self._open.cancelled():
            self._open.exception()  # retrieved, so that asyncio does not log it

    async def _run(self) -> None:
        try:
            await self._read()
        except (Compacted, Unavailable) as error:
            self._error = error
        except Invalid as error:
            self._error = Unavailable(f"{self._client.region} says what cannot be read: {error}")
        finally:
            if not self._open.done():
                if self._error is not None:
                    self._open.set_exception(self._error)
                else:
                    self._open.set_result(None)
            self._news.set()

    async def _read(self) -> None:
        path = f"/federation/v1/logs/{self._region}/changes"
        position = self.position
        asked = {"log_id": position.log_id, "after": str(position.index), "wait": str(STREAM)}
        unpacking = wire.Unpacking()
        async with self._client.open(path, parameters=asked) as answer, reaching(self._client.region):
            while True:
                await self._room.wait()
                async with asyncio.timeout(SILENT):
                    piece = await answer.content.readany()
                if not piece:
                    break
                self._take_in(unpacking.feed(piece))
        if not unpacking.complete:
            raise Unavailable(f"{self._client.region} broke off the log of {self._region}")

    def _take_in(self, lines: list[bytes]) -> None:
        for line in lines:
            said = wire.decode_line(line)
            if isinstance(said, Beat):
                self._beat = said
                self._on_beat(said)
                continue
            if said.index != self._end + 1 or said.region != self._region:
                raise Unavailable(f"{self._client.region} skips from {self._end} to {said.index} of {said.region}")
            self._end = said.index
            self._waiting.append(said)
        if len(self._waiting) >= MOST_WAITING:
            self._room.clear()
        if lines:
            # The origin needs no beat beside its changes: they prove contact themselves.
            if self._beat is not None and self._end > self._beat.index and len(self._beat.path) == 1:
                self._on_beat(msgspec.structs.replace(self._beat, index=self._end))
            if not self._open.done():
                self._open.set_result(None)
            self._news.set()
