"""Verification: does the log lead to what the tables hold, and do both have the digest that the region claims?"""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from catalog.change import decode_record
from catalog.digest import from_hex, record_hash, to_hex, total
from catalog.errors import Invalid
from catalog.ledger import Ledger
from registry.database import chunks, consistent_read
from registry.models import Region
from registry.tables.records import TABLES, RecordTable

MOST_PROBLEMS = 100  # named one by one; damage beyond that is damage all the same

CHANGES = (
    'SELECT "index", "key", "digest", "record" FROM "registry_change" '
    'WHERE "region" = %s AND "index" > %s ORDER BY "index"'
)


class Verification(msgspec.Struct, frozen=True):
    """The result: whether everything agrees, and a sentence for each thing that does not."""

    region: str
    log_id: str
    index: int
    floor: int
    changes: int
    records: int
    digest: str
    problems: tuple[str, ...]


class Fact(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of a record: enough to tell whether two are the same, without keeping either."""

    index: int
    hash: int
    bytes: bytes


def verify(region: str) -> Verification:
    """Replay the log of a region that is kept here, and compare. Raises Invalid when the region is not kept here.

    Everything is read in one consistent state; writers go on meanwhile.
    """
    with consistent_read():
        row = Region.objects.filter(name=region).first()
        if row is None:
            raise Invalid(f"the region {region!r} is not kept in this database")
        problems = Problems()
        replayed = Replay(row, problems)
        held = dict(_held(region, problems))
    replayed.compare(held)
    digest = to_hex(total(fact.hash for fact in held.values()))
    if digest != row.digest:
        problems.add(f"the tables' digest is {digest[:16]}…, the region says {row.digest[:16]}…")
    return Verification(
        region, row.log_id, row.index, row.floor, replayed.count, len(held), digest, tuple(problems.named)
    )


class Problems:
    """Sentences, up to a limit."""

    def __init__(self) -> None:
        self.named: list[str] = []

    def add(self, sentence: str) -> None:
        """Note one more thing that is wrong."""
        if len(self.named) < MOST_PROBLEMS:
            self.named.append(sentence)


class Replay:
    """The log from its floor to its head, and where it leads: the last fact of each key, None for a removal.

    Below the floor the log is forgotten. The digest of a step can be checked when the record that it replaced is
    known, which it always is when nothing was forgotten yet.
    """

    def __init__(self, row: Region, problems: Problems) -> None:
        self.facts: dict[str, Fact | None] = {}
        self._row = row
        self._problems = problems
        self._ledger = Ledger(row.log_id, row.floor)
        self._is_digest_known = row.floor == 0
        for rows in chunks(CHANGES, [row.name, row.floor]):
            for index, key, digest, text in rows:
                self._step(index, key, digest, text)
        if self.count != row.index - row.floor:
            problems.add(f"the log ends at index {row.floor + self.count}, the region says {row.index}")
        digest = self._ledger.head.digest
        if self._is_digest_known and digest != row.digest:
            problems.add(f"the log's last digest is {digest[:16]}…, the region says {row.digest[:16]}…")

    @property
    def count(self) -> int:
        """How many changes there are from the floor on."""
        return self._ledger.index - self._row.floor

    def _step(self, index: int, key: str, digest: str, text: str | None) -> None:
        fact = None if text is None else _fact(f"the log at index {index}", key, index, text, self._problems)
        old = self.facts.get(key)
        ledger = self._ledger.append(old.hash if old else 0, fact.hash if fact else 0)
        if index != ledger.index:
            self._problems.add(f"index {ledger.index} is missing from the log")
        is_old_known = self._row.floor == 0 or key in self.facts
        if self._is_digest_known and is_old_known and ledger.head.digest != digest:
            self._problems.add(f"{key}: the digest at index {index} is not that of the step")
        self.facts[key] = fact
        # The next step is measured against what the log says, so that each fault is named once.
        self._ledger, self._is_digest_known = Ledger(ledger.log_id, index, from_hex(digest)), True

    def compare(self, held: dict[str, Fact]) -> None:
        """Name every key at which the tables differ from the log."""
        for key, fact in self.facts.items():
            there = held.get(key)
            if fact is None and there is not None:
                self._problems.add(f"{key}: the log removed it, the tables still hold it")
            elif fact is not None and there is None:
                self._problems.add(f"{key}: missing from the tables, the log has it at index {fact.index}")
            elif fact is not None and there is not None and (fact.index, fact.bytes) != (there.index, there.bytes):
                self._problems.add(f"{key}: the tables differ from the log at index {fact.index}")
        for key in held.keys() - self.facts.keys():
            if held[key].index > self._row.floor:
                self._problems.add(f"{key}: the tables hold it from index {held[key].index}, the log does not")


def _held(region: str, problems: Problems) -> Iterator[tuple[str, Fact]]:
    """The facts of the tables' records; columns that repeat a record are compared with it on the way."""
    for table in TABLES.values():
        statement = f'SELECT {table.names}, {table.columns} FROM "{table.kind.table}" WHERE "region" = %s'  # noqa: S608
        for rows in chunks(statement, [region]):
            for row in rows:
                yield from _row_fact(table, row, problems)


def _row_fact(table: RecordTable, row: tuple[Any, ...], problems: Problems) -> Iterator[tuple[str, Fact]]:
    key, columns, (index, text) = table.key(row), row[len(table.kind.key_columns) : -2], row[-2:]
    fact = _fact("the tables", key, index, text, problems)
    if fact is None:
        return
    record = decode_record(text)
    if type(record) is not table.kind.struct or table.kind.values(record) != columns:
        problems.add(f"{key}: a column differs from the record beside it")
    yield key, fact


def _fact(where: str, key: str, index: int, text: str, problems: Problems) -> Fact | None:
    try:
        record = decode_record(text)
    except Invalid as invalid:
        problems.add(f"{key}: cannot be read in {where}: {invalid}")
        return None
    if record.key != key:
        problems.add(f"{key}: holds the record of {record.key} in {where}")
    return Fact(index, record_hash(record), hashlib.blake2b(text.encode(), digest_size=16).digest())
