"""Staging: what one transaction has read of the region, and what it will write.

Commands run one after another against it. Each works on a `Unit` of its own, which is folded in when the command
succeeded and forgotten when it failed; only then does anything reach the database, in bulk.
"""

from collections.abc import Callable, Iterable

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.change import Change, Head, Record, decode_record
from catalog.digest import record_hash
from catalog.errors import Invalid
from catalog.ledger import Ledger
from catalog.records.instance import Instance
from registry.tables import statements

MOST_REMEMBERED = 50_000  # records kept decoded between transactions, some 100 MB


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A live record, the index of the change that made it so, and its hash."""

    record: Record
    index: int
    hash: int


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
        self.connection = connection
        self.region = region
        self.head = head
        self.ledger = Ledger.at(head)
        self.entries: dict[str, Entry | None] = {}
        self.changes: list[Change] = []
        self.texts: list[str | None] = []
        self.epochs: dict[str, int | None] = {}
        self.buried: dict[str, Change] = {}
        self.written: set[str] = set()
        self.absent: set[str] = set()  # keys of instances that had no row when the transaction began
        self.renewed: list[Instance] = []
        self.work: list[Callable[[], object]] = []
        self._known = known

    def fetch(self, keys: Iterable[str]) -> None:
        """Read the instances of these keys, and the tombstones of those that are not there, in two statements."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self.entries and key not in self._known]
        if not wanted:
            return
        self.entries.update(dict.fromkeys(wanted))
        for key, index, text in statements.read_instances(self.connection, self.region, wanted):
            self.entries[key] = _entry(text, index)
        absent = [key for key in wanted if self.entries[key] is None]
        if absent:
            self.absent.update(absent)
            self.epochs.update(dict.fromkeys(absent))
            self.epochs.update(statements.read_tombstones(self.connection, self.region, absent))

    def entry(self, key: str) -> Entry | None:
        """The instance's entry as the commands so far have left it."""
        if key in self.entries:
            return self.entries[key]
        if key in self._known:
            return self._known[key]
        self.fetch([key])
        return self.entries[key]

    def epoch(self, key: str) -> int | None:
        """The epoch of the key's tombstone, or None when there is none."""
        if key not in self.epochs:
            self.epochs[key] = statements.read_tombstones(self.connection, self.region, [key]).get(key)
        return self.epochs[key]

    def service(self, namespace: str, service: str) -> dict[str, Entry | None]:
        """Every entry of a service by key, those of commands so far included; None for one that was removed."""
        found: dict[str, Entry | None] = {
            key: self.entries[key] if key in self.entries else _entry(text, index)
            for key, index, text in statements.read_service(self.connection, self.region, namespace, service)
        }
        prefix = f"instance/{namespace}/{service}/"
        found.update((key, entry) for key, entry in self.entries.items() if key.startswith(prefix))
        return found

    def overrides(self) -> dict[str, Entry | None]:
        """Every standing override by key, those of commands so far included; None for one that was cleared."""
        entries = [_entry(text, index) for index, text in statements.read_overrides(self.connection, self.region)]
        found: dict[str, Entry | None] = {entry.record.key: entry for entry in entries}
        found.update((key, entry) for key, entry in self.entries.items() if key.startswith("override/"))
        return found

    def policies(self) -> dict[str, Entry | None]:
        """Every standing policy by key, those of commands so far included; None for one that was cleared."""
        entries = [_entry(text, index) for index, text in statements.read_policies(self.connection, self.region)]
        found: dict[str, Entry | None] = {entry.record.key: entry for entry in entries}
        found.update((key, entry) for key, entry in self.entries.items() if key.startswith("policy/"))
        return found

    def override(self, key: str) -> Entry | None:
        """The entry of one override, or of one policy: what operators say, of which there is little."""
        if key not in self.entries:
            entries = self.policies() if key.startswith("policy/") else self.overrides()
            self.entries[key] = entries.get(key)
        return self.entries[key]

    def flush(self) -> Head:
        """Write everything; returns the head after it."""
        for work in self.work:
            work()
        if not self.changes:
            return self.head
        self._write_records()
        rows = [statements.change_row(*pair) for pair in zip(self.changes, self.texts, strict=True)]
        statements.execute_many(self.connection, statements.INSERT_CHANGE, rows)
        head = self.ledger.head
        statements.write_head(self.connection, self.region, head)
        return head

    def _write_records(self) -> None:
        texts = {change.key: text for change, text in zip(self.changes, self.texts, strict=True)}
        standing, gone = list[tuple[Record, int, str]](), list[str]()
        for key in self.written:
            entry, text = self.entries[key], texts[key]
            if entry is None or text is None:
                gone.append(key)
            else:
                standing.append((entry.record, entry.index, text))
        statements.upsert_records(self.connection, standing, absent=self.absent)
        statements.delete_records(self.connection, self.region, gone)
        tombstones = [
            (self.region, key, self.epochs[key], change.at, change.index) for key, change in self.buried.items()
        ]
        statements.execute_many(self.connection, statements.UPSERT_TOMBSTONE, tombstones)


def _entry(text: str, index: int) -> Entry:
    try:
        record = decode_record(text)
    except Invalid as invalid:
        # A row that cannot be read is damage, not somebody's bad request.
        raise ValueError(f"the record written at index {index} is damaged: {invalid}") from invalid
    return Entry(record, index, record_hash(record))
