"""The region's log as its tables hold it: the `Log` that followers in this region's processes read.

Reads that the tail can answer touch no database; all others run on the log's own thread, one at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any
from uuid import uuid4
from weakref import finalize

import structlog
from django.conf import settings
from django.db import connection

from catalog.change import Change, Head, Position, decode_record
from catalog.digest import EMPTY, to_hex
from catalog.errors import Compacted, Diverged, Invalid, Unavailable
from catalog.kinds import KINDS
from catalog.log import Snapshot
from registry.commit.doorbell import Listening
from registry.commit.tail import Tail, tail
from registry.database import DatabaseThread, chunks, consistent_read, disconnect, unavailable
from registry.models import ChangeRow, Region
from registry.tables.records import RECORDS_BY_INDEX
from registry.valkey import cancel_all

POLL = 0.25  # seconds between looks while the doorbell is not connected
UNREADABLE = "the database cannot be read"
ENDS_AT = (
    'SELECT 1 FROM "registry_region" WHERE "name" = %s AND "log_id" = %s AND "index" = %s '
    'AND NOT EXISTS (SELECT 1 FROM "registry_change" WHERE "region" = %s AND "index" > %s)'
)
logger = structlog.get_logger(__name__)


class Damaged(Compacted):
    """The log no longer holds the change of `index` as it was written; where it led, the tables say.

    So a reader passes over it like over what was compacted: by a snapshot, of which the digest proves that it is right.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


class DatabaseLog:
    """One region's log; used on one event loop, and closed with `close`.

    `wait` returns early while the doorbell is not connected, so that a follower polls.
    """

    def __init__(self, region: str, *, recent: Tail | None = None) -> None:
        self._region = region
        self._tail = recent if recent is not None else tail(region)
        self._thread = DatabaseThread("log", complaint=UNREADABLE)
        self._rung = asyncio.Event()
        self._ends: dict[str, int] = {}  # the furthest index known of, by log id
        self._missed = 0  # how often rings may have been missed
        self._named = set[int]()  # the changes of which it was said that they are damaged
        self._listening: Listening | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._stop: list[Callable[[], object]] = []

    @property
    def region(self) -> str:
        """See `Log.region`."""
        return self._region

    async def read(self, after: Position, *, limit: int) -> Sequence[Change]:
        """See `Log.read`."""
        recent = self._tail.after(after, limit)
        if recent:
            return recent
        ends = self._ends
        try:
            changes = await self._thread.run(lambda: _read(self._region, after, limit))
        except Damaged as damage:
            self._name(damage)
            raise
        if not changes and self._ends is ends:
            self._ends = {}  # nothing is there after all: a ring is only a rumour, and must not be waited on for ever
        return changes

    async def snapshot(self) -> Snapshot:
        """See `Log.snapshot`. It holds a database connection until its chunks are read, or its reader is gone.

        Reading the chunks raises Diverged when a record in the tables cannot be read, and names it.
        """
        reader = _Reader(self._region)
        head = await reader.open()
        return Snapshot(self._region, head, reader.chunks())

    async def wait(self, after: Position, *, timeout: float) -> None:
        """See `Log.wait`."""
        listening = self._listening or self._listen()
        missed = self._missed
        try:
            async with asyncio.timeout(timeout if listening.connected else min(timeout, POLL)):
                while missed == self._missed and not self._is_news(after):
                    await self._rung.wait()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Stop listening and give the connection back; nothing can be read any more."""
        for stop in self._stop:
            stop()
        self._stop, self._listening = [], None
        if self._hearing is not None:
            await cancel_all([self._hearing])
        await self._thread.close()

    def _name(self, damage: Damaged) -> None:
        if damage.index in self._named:
            return
        self._named.add(damage.index)
        logger.error(
            "the log is damaged: it is passed over by a snapshot of the tables",
            region=self._region,
            index=damage.index,
            reason=str(damage),
            remedy="manage.py verify_log names all that is damaged",
        )

    def _listen(self) -> Listening:
        loop = asyncio.get_running_loop()
        self._listening = listening = Listening(self._region, self._heard)
        task = loop.create_task(listening.run(), name=f"doorbell of {self._region}")
        self._hearing = task
        self._stop = [self._tail.listen(lambda end: _call_soon(loop, self._heard, end))]
        return listening

    def _heard(self, end: Position | None) -> None:
        if end is not None:
            if self._ends.get(end.log_id, -1) >= end.index:
                return  # the doorbell rings in this process too, for what the tail has told already
            self._ends = {end.log_id: end.index}
        else:
            self._missed += 1
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    def _is_news(self, after: Position) -> bool:
        """Whether more is known of than what `after` is the end of: of this log, or of another in its place."""
        return any(
            end > after.index if log_id == after.log_id else end > 0 for log_id, end in self._ends.items()
        ) or bool(self._tail.after(after, 1))


class _Reader:
    """A snapshot on its way: one thread with one connection, from the first statement to the last row.

    However the reader ends, read to the end, abandoned half-way or dropped before the first chunk, its transaction
    must end too, and on the thread that it began on; hence the finalizer.

    The garbage collector may run the finalizer in the midst of anything, also while its own thread holds the lock with
    which executors take work: an executor here could wait for itself. `SimpleQueue.put` is made for this.
    """

    def __init__(self, region: str) -> None:
        self._wanted = SimpleQueue[Future[Any] | None]()
        self._release = finalize(self, self._wanted.put, None)
        self._release.atexit = False  # a process that ends takes the transaction with it
        Thread(target=_hand_out, args=(region, self._wanted), name="meridian-snapshot", daemon=True).start()

    async def open(self) -> Head:
        head = await self._next()
        assert isinstance(head, Head)  # noqa: S101 - the first step of _read_all
        return head

    async def chunks(self) -> AsyncIterator[Sequence[Change]]:
        try:
            while isinstance(step := await self._next(), list):
                yield step
        finally:
            self._release()

    async def _next(self) -> Head | list[Change] | None:
        future = Future[Head | list[Change] | None]()
        self._wanted.put(future)
        return await asyncio.wrap_future(future)


def _hand_out(region: str, wanted: "SimpleQueue[Future[Any] | None]") -> None:
    """Give each future the next step, until none wants another one."""
    steps = _read_all(region)
    while (future := wanted.get()) is not None:
        if future.set_running_or_notify_cancel():
            _settle(future, partial(next, steps, None))
        del future
    steps.close()


def _settle(future: Future[Any], step: Callable[[], Any]) -> None:
    try:
        with unavailable(UNREADABLE):
            future.set_result(step())
    except Exception as error:  # noqa: BLE001 - the future's awaiter handles it
        future.set_exception(error)


def _read_all(region: str) -> Generator[Head | list[Change], None, None]:
    """The head, then the live records in chunks, all of one state."""
    try:
        _require_region(region)
        with consistent_read():
            row = Region.objects.get(name=region)
            yield Head(Position(row.log_id, row.index), row.digest)
            for rows in chunks(RECORDS_BY_INDEX, [region] * len(KINDS)):
                yield [_live(region, index, text) for index, text in rows]
    finally:
        disconnect()


def _read(region: str, after: Position, limit: int) -> list[Change]:
    if _is_end(region, after):
        return []
    changes = _sound(region, after, limit)
    # The region is read after its changes: had some been compacted away in between, its floor shows that.
    end = _require(region, after)
    return changes if changes or end == after.index else _read_closely(region, after, limit)


def _is_end(region: str, after: Position) -> bool:
    """Whether the log ends at the position, as it does at nearly every look: one row, of which no object is made."""
    with connection.cursor() as cursor:
        cursor.execute(ENDS_AT, [region, after.log_id, after.index, region, after.index])
        return cursor.fetchone() is not None


def _read_closely(region: str, after: Position, limit: int) -> list[Change]:
    """There should be more after the position: committed while it was read, or damaged. One state tells which."""
    with consistent_read():
        end = _require(region, after)
        changes = _sound(region, after, limit)
        if not changes and end > after.index:
            raise Damaged(after.index + 1, f"index {after.index + 1} is missing from the log of {region}")
    return changes


def _sound(region: str, after: Position, limit: int) -> list[Change]:
    """The changes after a position, up to the first that is missing or cannot be read.

    Raises Damaged when the very next one cannot be read.
    """
    changes: list[Change] = []
    for row in ChangeRow.objects.filter(region=region, index__gt=after.index).order_by("index")[:limit]:
        if row.index != after.index + len(changes) + 1:
            break
        try:
            changes.append(row.change)
        except Invalid as error:
            if changes:
                break
            raise Damaged(row.index, f"index {row.index} of {region}, {row.key}, cannot be read: {error}") from error
    return changes


def _require(region: str, position: Position) -> int:
    """The index at which the region's log ends. Raises Compacted when the position is not in it."""
    row = _require_region(region)
    if row.log_id != position.log_id:
        raise Compacted(f"this is log {row.log_id}, not {position.log_id}")
    if not row.floor <= position.index <= row.index:
        raise Compacted(f"index {position.index} is not among {row.floor} to {row.index}")
    return row.index


def _require_region(name: str) -> Region:
    """The region's row; a region without a write yet gets its log now, so that it can be followed.

    Raises Unavailable for another region of which there is no mirror, or no longer.
    """
    if name != settings.MERIDIAN.region:
        mirror = Region.objects.filter(name=name).first()
        if mirror is None:
            raise Unavailable(f"no mirror of {name} is kept here")
        return mirror
    made = {"log_id": uuid4().hex, "digest": to_hex(EMPTY)}
    return Region.objects.filter(name=name).first() or Region.objects.get_or_create(name=name, defaults=made)[0]


def _live(region: str, index: int, text: str) -> Change:
    try:
        record = decode_record(text)
    except Invalid as error:
        name = ChangeRow.objects.filter(region=region, index=index).values_list("key", flat=True).first()
        raise Diverged(
            f"a record in the tables of {region}, {name or 'one'} of index {index}, cannot be read: {error}"
        ) from error
    return Change(region=region, index=index, key=record.key, record=record)


def _call_soon(loop: asyncio.AbstractEventLoop, on_ring: Callable[[Position | None], None], end: Position) -> None:
    try:
        loop.call_soon_threadsafe(on_ring, end)
    except RuntimeError:
        return  # the loop is closed, and its follower with it
