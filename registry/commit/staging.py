"""Staging: what one transaction has read of the region, and the journal of what it will write.

Commands run one after another against it, and each sees what those before it wrote. One that fails is rolled back to
where it began. Only in the end does anything reach the database, in bulk.
"""

from collections.abc import Callable, Iterable

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.change import Change, Head, Record, decode_record, encode
from catalog.digest import record_hash
from catalog.errors import Invalid
from catalog.kinds import Kind, kind_of_key
from catalog.ledger import Ledger
from catalog.records.instance import Instance
from registry.tables import records, statements

MOST_REMEMBERED = 50_000  # records kept decoded between transactions, some 100 MB


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A live record, the index of the change that made it so, and its hash."""

    record: Record
    index: int
    hash: int


class Write(msgspec.Struct, frozen=True, gc=False):
    """One change in the journal: the record's text, what it replaced, and the epoch of the tombstone that it leaves."""

    change: Change
    text: str | None
    before: Entry | None
    epoch: int | None


class Mark(msgspec.Struct, frozen=True, gc=False):
    """Where a command began."""

    ledger: Ledger
    writes: int
    renewed: int
    work: int


class Memory:
    """Live records that this process wrote last, so that the next transaction need not read and decode them.

    They are true as long as the region's head is exactly where this process left it; any other writer moves it.
    """

    def __init__(self) -> None:
        self._head: Head | None = None
        self._entries: dict[str, Entry] = {}

    def at(self, head: Head) -> dict[str, Entry]:
        """What is known at `head`."""
        if head != self._head:
            self._entries = {}
        return self._entries

    def learn(self, head: Head, entries: dict[str, Entry | None]) -> None:
        """Remember what a transaction that ended at `head` read and wrote."""
        if len(self._entries) + len(entries) > MOST_REMEMBERED:
            self._entries = {}
        for key, entry in entries.items():
            if entry is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = entry
        self._head = head


class Staging:
    """The state of one transaction, which holds the region's lock. Its `flush` is the only writer of these tables."""

    def __init__(self, connection: BaseDatabaseWrapper, region: str, head: Head, known: dict[str, Entry]) -> None:
        self.region = region
        self.ledger = Ledger.at(head)
        self.entries: dict[str, Entry | None] = {}  # what was read or written; None for what is not there
        self.writes: list[Write] = []
        self.renewed: list[Instance] = []
        self.work: list[Callable[[], object]] = []
        self._connection = connection
        self._head = head
        self._known = known
        self._absent: set[str] = set()  # keys that had no row when the transaction began
        self._epochs: dict[str, int | None] = {}  # of the tombstones in the tables
        self._buried: dict[str, Write] = {}  # by key, the latest write that leaves a tombstone

    @property
    def changes(self) -> list[Change]:
        """What is written, in order."""
        return [write.change for write in self.writes]

    def fetch(self, keys: Iterable[str]) -> None:
        """Read the records of these keys, and the tombstones of those that are not there, with a statement for each."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self.entries and key not in self._known]
        if not wanted:
            return
        self.entries.update(dict.fromkeys(wanted))
        for key, index, text in records.read_records(self._connection, self.region, wanted):
            self.entries[key] = _entry(text, index)
        absent = [key for key in wanted if self.entries[key] is None]
        self._absent.update(absent)
        mortal = [key for key in absent if (kind := kind_of_key(key)) and kind.epoch]
        if mortal:
            self._epochs.update(dict.fromkeys(mortal))
            self._epochs.update(statements.read_tombstones(self._connection, self.region, mortal))

    def entry(self, key: str) -> Entry | None:
        """The record of a key as the commands so far have left it; None when there is none."""
        if key in self.entries:
            return self.entries[key]
        if key in self._known:
            return self._known[key]
        self.fetch([key])
        return self.entries[key]

    def under(self, kind: Kind, *parts: str) -> dict[str, Entry]:
        """Every record of a kind whose key begins with these parts, by key, as the commands so far have left it."""
        found: dict[str, Entry | None] = {
            key: self.entries[key] if key in self.entries else _entry(text, index)
            for key, index, text in records.read_records_under(self._connection, self.region, kind, *parts)
        }
        beginning = kind.beginning(*parts)
        found.update((key, entry) for key, entry in self.entries.items() if key.startswith(beginning))
        return {key: entry for key, entry in found.items() if entry is not None}

    def tombstone(self, key: str) -> int | None:
        """The epoch of the key's tombstone, or None when there is none."""
        if key in self._buried:
            return self._buried[key].epoch
        if key not in self._epochs:
            self._epochs[key] = statements.read_tombstones(self._connection, self.region, [key]).get(key)
        return self._epochs[key]

    def write(
        self, change: Change, ledger: Ledger, *, before: Entry | None, hash: int, epoch: int | None = None
    ) -> None:
        """Note a change that replaces `before` and leads to `ledger`; with an `epoch` it leaves a tombstone."""
        key, record = change.key, change.record
        write = Write(change, None if record is None else encode(record).decode(), before, epoch)
        self.ledger = ledger
        self.writes.append(write)
        self.entries[key] = None if record is None else Entry(record, change.index, hash)
        if epoch is not None:
            self._buried[key] = write

    def mark(self) -> Mark:
        """Where `roll_back` may return to."""
        return Mark(self.ledger, len(self.writes), len(self.renewed), len(self.work))

    def roll_back(self, mark: Mark) -> None:
        """Take back everything since the mark."""
        for write in reversed(self.writes[mark.writes :]):
            self.entries[write.change.key] = write.before
        del self.writes[mark.writes :], self.renewed[mark.renewed :], self.work[mark.work :]
        self.ledger = mark.ledger
        self._buried = {write.change.key: write for write in self.writes if write.epoch is not None}

    def flush(self) -> Head:
        """Write everything; returns the head after it."""
        for work in self.work:
            work()
        if not self.writes:
            return self._head
        self._write_records()
        rows = [statements.change_row(write.change, write.text) for write in self.writes]
        statements.execute_many(self._connection, statements.INSERT_CHANGE, rows)
        head = self.ledger.head
        statements.write_head(self._connection, self.region, head)
        return head

    def _write_records(self) -> None:
        latest = {write.change.key: write for write in self.writes}
        standing, gone = list[tuple[Record, int, str]](), list[str]()
        for key, write in latest.items():
            if write.change.record is None or write.text is None:
                gone.append(key)
            else:
                standing.append((write.change.record, write.change.index, write.text))
        records.upsert_records(self._connection, standing, absent=self._absent)
        records.delete_records(self._connection, self.region, gone)
        tombstones = [
            (self.region, key, write.epoch, write.change.at, write.change.index) for key, write in self._buried.items()
        ]
        statements.execute_many(self._connection, statements.UPSERT_TOMBSTONE, tombstones)


def _entry(text: str, index: int) -> Entry:
    try:
        record = decode_record(text)
    except Invalid as invalid:
        # A row that cannot be read is damage, not a bad request.
        raise ValueError(f"the record written at index {index} is damaged: {invalid}") from invalid
    return Entry(record, index, record_hash(record))
