"""The statements of the write path: bulk reads and writes in SQL that SQLite and PostgreSQL both speak.

The object-relational mapper does the same at a quarter of the speed, and this is the one place where that counts.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.change import Change
from catalog.digest import EMPTY, to_hex
from catalog.instance import Instance
from catalog.override import Override

Row = tuple[Any, ...]

INSTANCE_COLUMNS = (
    "region", "key", "namespace", "service", "instance_id", "host", "port", "zone", "version", "status", "epoch",
    "index", "record",
)  # fmt: skip
OVERRIDE_COLUMNS = (
    "id", "region", "scope", "namespace", "service", "instance", "zone", "tag", "status", "weight", "reason", "author",
    "created_at", "expires_at", "index", "record",
)  # fmt: skip
CHANGE_COLUMNS = ("region", "index", "at", "key", "verb", "actor", "cause", "digest", "record")
TOMBSTONE_COLUMNS = ("region", "key", "epoch", "at", "index")


class Head(msgspec.Struct, frozen=True):
    """A region's row as it was read under its lock."""

    log_id: str
    index: int
    digest: str


def _insert(table: str, columns: Sequence[str], *, keyed_by: Sequence[str] = ()) -> str:
    """An INSERT; with `keyed_by` it replaces the row of the same key."""
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(["%s"] * len(columns))
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({values})'  # noqa: S608 - names from this file alone
    if not keyed_by:
        return statement
    key = ", ".join(f'"{column}"' for column in keyed_by)
    rest = ", ".join(f'"{column}" = excluded."{column}"' for column in columns if column not in keyed_by)
    return f"{statement} ON CONFLICT ({key}) DO UPDATE SET {rest}"


UPSERT_INSTANCE = _insert("registry_instance", INSTANCE_COLUMNS, keyed_by=("region", "key"))
UPSERT_OVERRIDE = _insert("registry_override", OVERRIDE_COLUMNS, keyed_by=("id",))
UPSERT_TOMBSTONE = _insert("registry_tombstone", TOMBSTONE_COLUMNS, keyed_by=("region", "key"))
INSERT_CHANGE = _insert("registry_change", CHANGE_COLUMNS)
DELETE_INSTANCE = 'DELETE FROM "registry_instance" WHERE "region" = %s AND "key" = %s'
DELETE_OVERRIDE = 'DELETE FROM "registry_override" WHERE "region" = %s AND "id" = %s'
READ_HEAD = 'SELECT "log_id", "index", "digest" FROM "registry_region" WHERE "name" = %s'
WRITE_HEAD = 'UPDATE "registry_region" SET "index" = %s, "digest" = %s WHERE "name" = %s'
CREATE_REGION = (
    'INSERT INTO "registry_region" ("name", "log_id", "index", "floor", "digest", "is_local") '
    "VALUES (%s, %s, 0, 0, %s, %s) ON CONFLICT DO NOTHING"
)
MOST_PARAMETERS = 10_000  # in one statement; SQLite allows 32,766, PostgreSQL 65,535


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
    return Head(*row)


def write_head(connection: BaseDatabaseWrapper, region: str, index: int, digest: str) -> None:
    """Move the region's head."""
    with connection.cursor() as cursor:
        cursor.execute(WRITE_HEAD, [index, digest, region])


def read_keys(
    connection: BaseDatabaseWrapper, table: str, columns: Sequence[str], region: str, keys: Sequence[str]
) -> list[Row]:
    """The rows of these keys, in no order; keys without a row are left out."""
    names = ", ".join(f'"{column}"' for column in columns)
    rows: list[Row] = []
    with connection.cursor() as cursor:
        for start in range(0, len(keys), MOST_PARAMETERS):
            part = keys[start : start + MOST_PARAMETERS]
            marks = ", ".join(["%s"] * len(part))
            statement = f'SELECT {names} FROM "{table}" WHERE "region" = %s AND "key" IN ({marks})'  # noqa: S608 - as above
            cursor.execute(statement, [region, *part])
            rows += cursor.fetchall()
    return rows


def execute_many(connection: BaseDatabaseWrapper, statement: str, rows: Iterable[Row]) -> None:
    """One statement for many rows; nothing at all for none."""
    rows = list(rows)
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def instance_row(record: Instance, index: int, text: str) -> Row:
    """The values of INSTANCE_COLUMNS."""
    return (
        record.region, record.key, record.namespace, record.service, record.id, record.host, record.port, record.zone,
        record.version, record.status.value, record.epoch, index, text,
    )  # fmt: skip


def override_row(record: Override, index: int, text: str) -> Row:
    """The values of OVERRIDE_COLUMNS."""
    return (
        record.id, record.region, record.scope.value, record.namespace, record.service, record.instance, record.zone,
        record.tag, record.status.value if record.status else "", record.weight, record.reason, record.author,
        record.created_at, record.expires_at, index, text,
    )  # fmt: skip


def change_row(change: Change, text: str | None) -> Row:
    """The values of CHANGE_COLUMNS."""
    return (
        change.region, change.index, change.at, change.key, change.verb, change.actor, change.cause, change.digest,
        text,
    )  # fmt: skip
