"""A link between two regions: a TCP relay on loopback whose character can change while connections are open.

`out` is the direction from the client to the target, `in` the way back. The relay runs on an event loop in a
thread of its own and ends with its `with` block.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Self, TypeVar

Direction = Literal["out", "in"]
DIRECTIONS: tuple[Direction, Direction] = ("out", "in")
T = TypeVar("T")

HOST = "127.0.0.1"
CHUNK = 65536
IN_FLIGHT = 64  # chunks of one connection and direction on their way: 4 MiB, 50 MB/s at 80 ms
SLICES = 50  # a limited link sends at least so many chunks a second, so that a limit can change between two
BACKLOG = 1000
WITHIN = 10.0  # seconds in which the relay starts, obeys and ends
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: closing sends RST


@dataclass(slots=True)
class Character:
    """What the link does to bytes, now. Durations in seconds, `limit` in bytes a second each way."""

    delay: float = 0.0
    jitter: float = 0.0
    limit: float | None = None
    swallowed: set[Direction] = field(default_factory=set)


class Lane:
    """One direction of one connection: reads, holds back, writes. Order is kept whatever the jitter."""

    def __init__(self, link: "Link", direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._link = link
        self._direction = direction
        self._reader = reader
        self._writer = writer
        self._waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT)
        self.torn = False

    async def read(self) -> None:
        """Take bytes in until the end of the stream, which travels like bytes do."""
        due, data = 0.0, b"-"
        while data:
            data = await self._reader.read(self._link.chunk())
            due = max(due, asyncio.get_running_loop().time() + self._link.travel())
            await self._waiting.put((due, data))

    async def write(self) -> None:
        """Give bytes out when they are due, as fast as the link lets them."""
        loop = asyncio.get_running_loop()
        data = b"-"
        while data:
            due, data = await self._waiting.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await asyncio.sleep(self._link.queue(self._direction, len(data)))
            await self._link.flowing.wait()
            if self._direction in self._link.character.swallowed:
                self.torn = True
            elif data:
                self._link.count(self._direction, len(data))  # first: no byte arrives that is not counted
                self._writer.write(data)
                await self._writer.drain()
            elif self._writer.can_write_eof():
                self._writer.write_eof()


class Connection:
    """One relayed connection: a socket to each side and a lane each way."""

    def __init__(self, link: "Link", near: socket.socket) -> None:
        self._link = link
        self._raw = [near]  # sockets that are not streams yet
        self._writers: list[asyncio.StreamWriter] = []
        self._lanes: list[Lane] = []
        self.task = asyncio.create_task(self._run())

    @property
    def torn(self) -> bool:
        """True when bytes were lost from the middle of it."""
        return any(lane.torn for lane in self._lanes)

    def reset(self) -> None:
        """Have it end with RST on both sides as soon as its task ends."""
        for raw in self._raw:
            _on_close(raw, RESET)
        for writer in self._writers:
            if not writer.transport.is_closing():
                _on_close(writer.get_extra_info("socket"), RESET)
            writer.transport.abort()

    def close(self) -> None:
        """Let go of both sides."""
        for raw in self._raw:
            raw.close()
        for writer in self._writers:
            writer.close()

    async def _run(self) -> None:
        """Relay until both directions have ended, or either side is gone."""
        try:
            await self._connect()
            async with asyncio.TaskGroup() as group:
                for lane in self._lanes:
                    group.create_task(lane.read())
                    group.create_task(lane.write())
        except* OSError:
            self.reset()  # one side has broken off: so has the other

    async def _connect(self) -> None:
        # The kernel has accepted at once what on a real link takes a round trip.
        await asyncio.sleep(self._link.travel() + self._link.travel())
        await self._link.flowing.wait()
        far = _bound(0)
        self._raw.append(far)
        await asyncio.get_running_loop().sock_connect(far, (HOST, self._link.target))
        (near_reader, near_writer), (far_reader, far_writer) = [await self._streams(raw) for raw in tuple(self._raw)]
        self._lanes = [
            Lane(self._link, "out", near_reader, far_writer),
            Lane(self._link, "in", far_reader, near_writer),
        ]

    async def _streams(self, raw: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(sock=raw)
        self._raw.remove(raw)
        self._writers.append(writer)
        return reader, writer


class Link:
    """A relay from `port` to `target`, both on loopback. Every method takes effect before it returns."""

    def __init__(self, target: int, *, seed: int = 0) -> None:
        self.target = target
        self.character = Character()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._random = random.Random(seed)
        self._bytes: dict[Direction, int] = dict.fromkeys(DIRECTIONS, 0)
        self._free_at: dict[Direction, float] = dict.fromkeys(DIRECTIONS, 0.0)
        self._connections: set[Connection] = set()
        self._listener: socket.socket | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        # Bound but not listening, it refuses connections and keeps the port ours while the link is cut.
        self._reservation = _bound(0)
        self.port: int = self._reservation.getsockname()[1]

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._call(self._listen)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every connection and the relay itself; doing it twice is harmless."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            self._call(self._refuse)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WITHIN)
        self._loop.close()
        self._reservation.close()

    @property
    def url(self) -> str:
        """How an HTTP client names the near end."""
        return f"http://{HOST}:{self.port}"

    @property
    def bytes_sent(self) -> int:
        """Bytes given to the target."""
        return self._bytes["out"]

    @property
    def bytes_received(self) -> int:
        """Bytes given to those who connected."""
        return self._bytes["in"]

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def delay(self, seconds: float, *, jitter: float = 0.0) -> None:
        """Hold bytes back for `seconds`, give or take `jitter`, each way. Bytes on their way are not held longer."""
        self._change(lambda: _assign(self.character, delay=seconds, jitter=jitter))

    def limit(self, bytes_per_second: float | None) -> None:
        """Let no more bytes through a second, each way, over all connections together; None lifts the limit."""
        self._change(lambda: _assign(self.character, limit=bytes_per_second))

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        self._call(self._refuse)

    def cut_one_way(self, direction: Direction) -> None:
        """Lose every byte of one direction, ends of streams included. Connections stay, and new ones can be made."""
        self._change(lambda: self.character.swallowed.add(direction))

    def hang(self) -> None:
        """Forward nothing and close nothing: the other side is there and says no more. New connections hang too."""
        self._change(self.flowing.clear)

    def heal(self) -> None:
        """End cut, one-way cut and hang; delay and limit stay.

        What a hang held back flows on, as TCP would send it again. A connection that lost bytes is reset: no network
        delivers a stream with a hole in it.
        """
        self._call(self._mend)

    def chunk(self) -> int:
        """How many bytes to take at once."""
        return CHUNK if self.character.limit is None else max(1, min(CHUNK, int(self.character.limit / SLICES)))

    def travel(self) -> float:
        """How many seconds the next bytes are on their way."""
        spread = self._random.uniform(-self.character.jitter, self.character.jitter)
        return max(0.0, self.character.delay + spread)

    def queue(self, direction: Direction, size: int) -> float:
        """Take a place for `size` bytes behind those before them; returns the seconds until they are through."""
        if self.character.limit is None:
            return 0.0
        now = self._loop.time()
        self._free_at[direction] = max(now, self._free_at[direction]) + size / self.character.limit
        return self._free_at[direction] - now

    def count(self, direction: Direction, size: int) -> None:
        """Note bytes that went through."""
        self._bytes[direction] += size

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = _bound(self.port)
            self._listener.listen(BACKLOG)
            self._loop.add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        """Relay a new connection.

        A callback, because whatever awaits `accept` loses the connection that it has just accepted when a cut comes.
        """
        try:
            near, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # the client has left already
        near.setblocking(False)
        connection = Connection(self, near)
        self._connections.add(connection)
        connection.task.add_done_callback(partial(self._ended, connection))

    def _ended(self, connection: Connection, _: asyncio.Task[None]) -> None:
        self._connections.discard(connection)
        connection.close()

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        await self._reset(self._connections)

    async def _mend(self) -> None:
        self.character.swallowed.clear()
        await self._reset({connection for connection in self._connections if connection.torn})
        self.flowing.set()
        await self._listen()

    async def _reset(self, connections: Iterable[Connection]) -> None:
        tasks = [connection.task for connection in connections]
        for connection in tuple(connections):
            connection.reset()
            connection.task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(2):
            await asyncio.sleep(0)  # the loop closes connections in its next round, and their sockets in the one after

    def _change(self, change: Callable[[], object]) -> None:
        async def changed() -> None:
            change()

        self._call(changed)

    def _call(self, action: Callable[[], Awaitable[T]]) -> T:
        """Run `action` on the relay's loop and wait for its end."""

        async def run() -> T:
            return await action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(WITHIN)


def _assign(character: Character, **values: float | None) -> None:
    for name, value in values.items():
        setattr(character, name, value)


def _on_close(connection: socket.socket, manner: bytes) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, manner)


def _bound(port: int) -> socket.socket:
    """A TCP socket on `port` of loopback. Linux lets a listener share the port with a socket that does not listen."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    bound.bind((HOST, port))
    return bound
