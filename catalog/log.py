"""A log: a region's ordered history, as anyone may read it.

Three kinds exist: the region's own tables (`registry`), a peer's log over HTTP (`federation`), and `MemoryLog` here.
One contract suite holds them all.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

import msgspec

from catalog.change import Change, Head, Position, Record
from catalog.digest import record_hash, to_hex
from catalog.errors import Compacted
from catalog.ledger import Ledger


class Snapshot(msgspec.Struct, frozen=True):
    """The shortest log with the same result: one change per live record, in index order, in chunks."""

    region: str
    head: Head
    chunks: AsyncIterator[Sequence[Change]]


class Log(Protocol):
    """What a follower needs of a log. All three raise Unavailable when the log cannot be reached."""

    @property
    def region(self) -> str:
        """Whose history it is."""
        ...

    async def read(self, after: Position, *, limit: int) -> Sequence[Change]:
        """Up to `limit` changes after a position, in order without gaps; empty at the head.

        Raises Compacted when the position is not in this log.
        """
        ...

    async def snapshot(self) -> Snapshot:
        """The whole state at one index."""
        ...

    async def wait(self, after: Position, *, timeout: float) -> None:
        """Return when there may be something after the position, or after `timeout` seconds; never too late."""
        ...


class MemoryLog:
    """A log in memory: the reference implementation, for tests and for programs without a database."""

    def __init__(self, region: str, *, log_id: str = "memory") -> None:
        self.region = region
        self.log_id = log_id
        self._changes: list[Change] = []
        self._floor = 0  # the index of the last change compacted away
        self._ledger = Ledger(log_id)
        self._live: dict[str, Change] = {}
        self._rung = asyncio.Event()

    @property
    def head(self) -> Head:
        """The end of the log."""
        return self._ledger.head

    def append(
        self, key: str, record: Record | None, *, at: float = 0.0, verb: str = "", actor: str = "", cause: str = ""
    ) -> Change:
        """Add one change, and wake those who wait."""
        old = self._live.get(key)
        self._ledger = self._ledger.append(record_hash(old.record if old else None), record_hash(record))
        change = Change(
            region=self.region,
            index=self._ledger.index,
            key=key,
            record=record,
            at=at,
            verb=verb,
            actor=actor,
            cause=cause,
            digest=to_hex(self._ledger.digest),
        )
        self._changes.append(change)
        if record is None:
            self._live.pop(key, None)
        else:
            self._live[key] = change
        self._rung.set()
        self._rung = asyncio.Event()
        return change

    def compact(self, through: int) -> None:
        """Forget the changes up to and including `through`; what they led to stays in the snapshot."""
        through = min(through, self._ledger.index)
        self._changes = self._changes[max(0, through - self._floor) :]
        self._floor = max(self._floor, through)

    async def read(self, after: Position, *, limit: int) -> Sequence[Change]:
        """See `Log.read`."""
        self._require(after)
        start = after.index - self._floor
        return self._changes[start : start + limit]

    async def snapshot(self) -> Snapshot:
        """See `Log.snapshot`."""
        return Snapshot(self.region, self.head, _chunks(sorted(self._live.values(), key=lambda change: change.index)))

    async def wait(self, after: Position, *, timeout: float) -> None:
        """See `Log.wait`."""
        rung = self._rung
        if after != self._ledger.position:
            return
        try:
            async with asyncio.timeout(timeout):
                await rung.wait()
        except TimeoutError:
            return

    def _require(self, position: Position) -> None:
        if position.log_id != self.log_id:
            raise Compacted(f"this is log {self.log_id}, not {position.log_id}")
        if not self._floor <= position.index <= self._ledger.index:
            raise Compacted(f"index {position.index} is not among {self._floor} to {self._ledger.index}")


async def _chunks(changes: Iterable[Change], *, size: int = 1000) -> AsyncIterator[Sequence[Change]]:
    whole = list(changes)
    for start in range(0, len(whole), size):
        yield [msgspec.structs.replace(change, digest="") for change in whole[start : start + size]]
