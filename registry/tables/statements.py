"""The statements of the write path: bulk reads and writes in SQL that SQLite and PostgreSQL both speak.

The object-relational mapper does the same at a quarter of the speed, and this is the one place where that counts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.change import Change, Head, Position
from catalog.digest import EMPTY, to_hex
from catalog.kinds import NUMBER, TEXT, TIME

Row = tuple[Any, ...]
T = TypeVar("T")

CHANGE_COLUMNS = {
    "region": TEXT, "index": NUMBER, "at": TIME, "key": TEXT, "verb": TEXT, "actor": TEXT, "cause": TEXT,
    "digest": TEXT, "record": TEXT,
}  # fmt: skip
TOMBSTONE_COLUMNS = {"region": TEXT, "key": TEXT, "epoch": NUMBER, "at": TIME, "index": NUMBER}

SIZES = (256, 64, 16, 4, 1)  # rows of one statement of SQLite, which takes 32,766 values at most

encode = msgspec.json.Encoder().encode


class Insert:
    """An INSERT into a table of these columns and types; with `keyed_by` it replaces the row of the same key.

    One that fails has perhaps inserted some of its rows: its transaction must not be committed.
    """

    def __init__(self, table: str, columns: Mapping[str, str], *, keyed_by: Sequence[str] = ()) -> None:
        names = ", ".join(f'"{column}"' for column in columns)
        key = ", ".join(f'"{column}"' for column in keyed_by)
        rest = ", ".join(f'"{column}" = excluded."{column}"' for column in columns if column not in keyed_by)
        # Names are constants of the code alone.
        into = f'INSERT INTO "{table}" ({names})'
        conflict = f"ON CONFLICT ({key}) DO UPDATE SET {rest}" if keyed_by else ""
        # A statement of SQLite that fails takes itself back, for which it keeps a copy of each page that it changes.
        # OR FAIL leaves that to the transaction, and every one of ours is taken back as a whole.
        into_sqlite = into if keyed_by else into.replace("INSERT", "INSERT OR FAIL", 1)
        typed = ", ".join(f'"{column}" {type}' for column, type in columns.items())
        row = f"({', '.join(['?'] * len(columns))})"
        self._sizes = {size: f"{into_sqlite} VALUES {', '.join([row] * size)} {conflict}" for size in SIZES}
        self._many = f"{into} SELECT * FROM json_to_recordset(%s) AS row ({typed}) {conflict}"  # noqa: S608 - as above
        self._columns = tuple(columns)

    def execute(self, connection: BaseDatabaseWrapper, rows: Sequence[Row]) -> None:
        """Insert the rows, of which no two may have the same key.

        To PostgreSQL every statement is a message to be parsed and planned, so it gets all rows in one, as JSON, which
        is quickly written and quickly read. SQLite is quickest with statements that it has prepared, and this process
        with few: each is a moment in which its other threads may take the interpreter, and keep it. So there is one for
        each of some sizes.
        """
        if connection.vendor != "sqlite":
            objects = [dict(zip(self._columns, row, strict=True)) for row in rows]
            with connection.cursor() as cursor:
                cursor.execute(self._many, [encode(objects).decode()])
            return
        connection.ensure_connection()
        start = 0
        with connection.wrap_database_errors:
            for size, statement in self._sizes.items():
                while len(rows) - start >= size:
                    connection.connection.execute(statement, [*chain.from_iterable(rows[start : start + size])])
                    start += size


UPSERT_TOMBSTONE = Insert("registry_tombstone", TOMBSTONE_COLUMNS, keyed_by=("region", "key"))
INSERT_CHANGE = Insert("registry_change", CHANGE_COLUMNS)
READ_HEAD = 'SELECT "log_id", "index", "digest" FROM "registry_region" WHERE "name" = %s'
WRITE_HEAD = 'UPDATE "registry_region" SET "index" = %s, "digest" = %s WHERE "name" = %s'
CREATE_REGION = (
    'INSERT INTO "registry_region" ("name", "log_id", "index", "floor", "digest", "is_local") '
    "VALUES (%s, %s, 0, 0, %s, %s) ON CONFLICT DO NOTHING"
)
READ_TOMBSTONES = 'SELECT "key", "epoch" FROM "registry_tombstone" WHERE "region" = %s AND "key" IN ({})'
MOST_KEYS = 4_096  # in one statement; SQLite allows 32,766 parameters, PostgreSQL 65,535


def lock_region(connection: BaseDatabaseWrapper, region: str, *, new_log_id: Callable[[], str]) -> Head:
    """The region's head, locked until the transaction ends; the row is made when there is none.

    SQLite has no row locks and needs none: its transactions begin with the database's one write lock.
    """
    suffix = " FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(READ_HEAD + suffix, [region])
        row = cursor.fetchone()
        if row is None:
            cursor.execute(CREATE_REGION, [region, new_log_id(), to_hex(EMPTY), True])
            cursor.execute(READ_HEAD + suffix, [region])
            row = cursor.fetchone()
    log_id, index, digest = row
    return Head(Position(log_id, index), digest)


def write_head(connection: BaseDatabaseWrapper, region: str, head: Head) -> None:
    """Move the region's head."""
    with connection.cursor() as cursor:
        cursor.execute(WRITE_HEAD, [head.position.index, head.digest, region])


def in_parts(wanted: Sequence[T], nothing: T) -> Iterator[Sequence[T]]:
    """What is wanted in parts of a few sizes, filled up with `nothing`: such statements are prepared already."""
    for start in range(0, len(wanted), MOST_KEYS):
        part = list(wanted[start : start + MOST_KEYS])
        size = next((size for size in reversed(SIZES) if size >= len(part)), MOST_KEYS)
        yield part + [nothing] * (size - len(part))


@lru_cache
def repeated(statement: str, mark: str, number: int) -> str:
    """The statement with so many marks in its place for them."""
    return statement.format(", ".join([mark] * number))


def read_tombstones(connection: BaseDatabaseWrapper, region: str, keys: Sequence[str]) -> dict[str, int]:
    """The epoch of each of these keys that has a tombstone."""
    epochs: dict[str, int] = {}
    with connection.cursor() as cursor:
        for part in in_parts(keys, ""):
            cursor.execute(repeated(READ_TOMBSTONES, "%s", len(part)), [region, *part])
            epochs.update(cursor.fetchall())
    return epochs


def execute_many(connection: BaseDatabaseWrapper, statement: str | Insert, rows: Iterable[Row]) -> None:
    """One statement for many rows; nothing at all for none."""
    rows = list(rows)
    if not rows:
        return
    if isinstance(statement, Insert):
        statement.execute(connection, rows)
        return
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def change_row(change: Change, text: str | None) -> Row:
    """The values of CHANGE_COLUMNS."""
    return (
        change.region, change.index, change.at, change.key, change.verb, change.actor, change.cause, change.digest,
        text,
    )  # fmt: skip
