"""The statements of the write path: bulk reads and writes in SQL that SQLite and PostgreSQL both speak.

The object-relational mapper does the same at a quarter of the speed, and this is the one place where that counts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from functools import lru_cache
from itertools import chain
from typing import Any, cast

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.change import Change, Head, Position, Record
from catalog.digest import EMPTY, to_hex
from catalog.records.instance import Instance, instance_key
from catalog.records.override import Override
from catalog.records.policy import Policy

Row = tuple[Any, ...]

INSTANCE_COLUMNS = (
    "region", "namespace", "service", "instance_id", "host", "port", "zone", "version", "status", "epoch", "index",
    "record",
)  # fmt: skip
OVERRIDE_COLUMNS = (
    "id", "region", "scope", "namespace", "service", "instance", "zone", "tag", "target", "status", "weight", "reason",
    "author", "created_at", "expires_at", "index", "record",
)  # fmt: skip
POLICY_COLUMNS = ("region", "namespace", "service", "index", "record")
CHANGE_COLUMNS = ("region", "index", "at", "key", "verb", "actor", "cause", "digest", "record")
TOMBSTONE_COLUMNS = ("region", "key", "epoch", "at", "index")
TYPES = {
    **dict.fromkeys(("index", "epoch", "port", "weight"), "bigint"),
    **dict.fromkeys(("at", "created_at", "expires_at"), "double precision"),
}  # PostgreSQL's types of the columns that are not text

SIZES = (256, 64, 16, 4, 1)  # rows of one statement of SQLite, which takes 32,766 values at most

encode = msgspec.json.Encoder().encode


class Insert:
    """An INSERT into a table; with `keyed_by` it replaces the row of the same key.

    One that fails has perhaps inserted some of its rows: its transaction must not be committed.
    """

    def __init__(self, table: str, columns: Sequence[str], *, keyed_by: Sequence[str] = ()) -> None:
        names = ", ".join(f'"{column}"' for column in columns)
        key = ", ".join(f'"{column}"' for column in keyed_by)
        rest = ", ".join(f'"{column}" = excluded."{column}"' for column in columns if column not in keyed_by)
        # Names come from this file alone.
        into = f'INSERT INTO "{table}" ({names})'
        conflict = f"ON CONFLICT ({key}) DO UPDATE SET {rest}" if keyed_by else ""
        # A statement of SQLite that fails takes itself back, for which it keeps a copy of each page that it changes.
        # OR FAIL leaves that to whoever began the transaction, and every one of ours is taken back as a whole.
        into_sqlite = into if keyed_by else into.replace("INSERT", "INSERT OR FAIL", 1)
        typed = ", ".join(f'"{column}" {TYPES.get(column, "text")}' for column in columns)
        row = f"({', '.join(['?'] * len(columns))})"
        self._sizes = {size: f"{into_sqlite} VALUES {', '.join([row] * size)} {conflict}" for size in SIZES}
        self._many = f"{into} SELECT * FROM json_to_recordset(%s) AS row ({typed}) {conflict}"  # noqa: S608 - as above
        self._columns = columns

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


INSERT_INSTANCE = Insert("registry_instance", INSTANCE_COLUMNS)
UPSERT_INSTANCE = Insert("registry_instance", INSTANCE_COLUMNS, keyed_by=INSTANCE_COLUMNS[:4])
UPSERT_OVERRIDE = Insert("registry_override", OVERRIDE_COLUMNS, keyed_by=("id",))
UPSERT_POLICY = Insert("registry_policy", POLICY_COLUMNS, keyed_by=POLICY_COLUMNS[:3])
UPSERT_TOMBSTONE = Insert("registry_tombstone", TOMBSTONE_COLUMNS, keyed_by=("region", "key"))
INSERT_CHANGE = Insert("registry_change", CHANGE_COLUMNS)
DELETE_INSTANCE = (
    'DELETE FROM "registry_instance" WHERE "region" = %s AND "namespace" = %s AND "service" = %s AND "instance_id" = %s'
)
DELETE_OVERRIDE = 'DELETE FROM "registry_override" WHERE "region" = %s AND "id" = %s'
DELETE_POLICY = 'DELETE FROM "registry_policy" WHERE "region" = %s AND "namespace" = %s AND "service" = %s'
READ_HEAD = 'SELECT "log_id", "index", "digest" FROM "registry_region" WHERE "name" = %s'
WRITE_HEAD = 'UPDATE "registry_region" SET "index" = %s, "digest" = %s WHERE "name" = %s'
CREATE_REGION = (
    'INSERT INTO "registry_region" ("name", "log_id", "index", "floor", "digest", "is_local") '
    "VALUES (%s, %s, 0, 0, %s, %s) ON CONFLICT DO NOTHING"
)
# CROSS JOIN makes SQLite take the wanted names one by one through the index. Left to itself, or asked with IN and
# tuples, it may read the whole region instead.
READ_INSTANCES = (
    'WITH wanted (a, b, c) AS (VALUES {}) SELECT "namespace", "service", "instance_id", "index", "record" '
    'FROM wanted CROSS JOIN "registry_instance" '
    'WHERE "namespace" = a AND "service" = b AND "instance_id" = c AND "region" = %s'
)
READ_SERVICE = (
    'SELECT "namespace", "service", "instance_id", "index", "record" FROM "registry_instance" '
    'WHERE "region" = %s AND "namespace" = %s AND "service" = %s'
)
READ_OVERRIDES = 'SELECT "index", "record" FROM "registry_override" WHERE "region" = %s'
READ_POLICIES = 'SELECT "index", "record" FROM "registry_policy" WHERE "region" = %s'
READ_TOMBSTONES = 'SELECT "key", "epoch" FROM "registry_tombstone" WHERE "region" = %s AND "key" IN ({})'
RECORDS = (
    'SELECT "kind", "index", "record" FROM ('
    'SELECT \'instance\' AS "kind", "region", "index", "record" FROM "registry_instance" UNION ALL '
    'SELECT \'override\', "region", "index", "record" FROM "registry_override" UNION ALL '
    'SELECT \'policy\', "region", "index", "record" FROM "registry_policy") AS records '
    'WHERE "region" = %s'
)  # every live record of a region
KEYED_RECORDS = (
    'SELECT \'instance/\' || "namespace" || \'/\' || "service" || \'/\' || "instance_id", "index", "record" '
    'FROM "registry_instance" WHERE "region" = %s UNION ALL '
    'SELECT \'override/\' || "id", "index", "record" FROM "registry_override" WHERE "region" = %s UNION ALL '
    'SELECT \'policy/\' || "namespace" || \'/\' || "service", "index", "record" FROM "registry_policy" '
    'WHERE "region" = %s'
)
NOBODY = instance_key("", "", "")
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


def read_instances(connection: BaseDatabaseWrapper, region: str, keys: Sequence[str]) -> list[tuple[str, int, str]]:
    """Key, index and record of each of these instances that exists, in no order."""
    rows: list[tuple[str, int, str]] = []
    with connection.cursor() as cursor:
        for part in _parts(keys):
            names = [key.split("/", 3)[1:] for key in part]
            cursor.execute(_wanted(READ_INSTANCES, "(%s, %s, %s)", len(part)), [*chain.from_iterable(names), region])
            rows += [(instance_key(*row[:3]), row[3], row[4]) for row in cursor.fetchall()]
    return rows


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """The keys in parts of a few sizes, filled up with the name of nobody: such statements are prepared already."""
    for start in range(0, len(keys), MOST_KEYS):
        part = list(keys[start : start + MOST_KEYS])
        size = next((size for size in reversed(SIZES) if size >= len(part)), MOST_KEYS)
        yield part + [NOBODY] * (size - len(part))


@lru_cache
def _wanted(statement: str, mark: str, number: int) -> str:
    return statement.format(", ".join([mark] * number))


def read_service(
    connection: BaseDatabaseWrapper, region: str, namespace: str, service: str
) -> list[tuple[str, int, str]]:
    """Key, index and record of every instance of a service."""
    with connection.cursor() as cursor:
        cursor.execute(READ_SERVICE, [region, namespace, service])
        return [(instance_key(*row[:3]), row[3], row[4]) for row in cursor.fetchall()]


def read_overrides(connection: BaseDatabaseWrapper, region: str) -> list[tuple[int, str]]:
    """Index and record of every override that stands."""
    with connection.cursor() as cursor:
        cursor.execute(READ_OVERRIDES, [region])
        return cast("list[tuple[int, str]]", cursor.fetchall())


def read_policies(connection: BaseDatabaseWrapper, region: str) -> list[tuple[int, str]]:
    """Index and record of every policy that stands."""
    with connection.cursor() as cursor:
        cursor.execute(READ_POLICIES, [region])
        return cast("list[tuple[int, str]]", cursor.fetchall())


def read_tombstones(connection: BaseDatabaseWrapper, region: str, keys: Sequence[str]) -> dict[str, int]:
    """The epoch of each of these keys that has a tombstone."""
    epochs: dict[str, int] = {}
    with connection.cursor() as cursor:
        for part in _parts(keys):
            cursor.execute(_wanted(READ_TOMBSTONES, "%s", len(part)), [region, *part])
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


def upsert_records(
    connection: BaseDatabaseWrapper, records: Sequence[tuple[Record, int, str]], *, absent: Set[str] = frozenset()
) -> None:
    """Write whole records, each with its index and its text. Instances whose keys are `absent` have no row yet."""
    added, instances = list[Row](), list[Row]()
    for record, index, text in records:
        if isinstance(record, Instance):
            rows = added if record.key in absent else instances
            rows.append(instance_row(record, index, text))
    overrides = [override_row(record, index, text) for record, index, text in records if isinstance(record, Override)]
    policies = [policy_row(record, index, text) for record, index, text in records if isinstance(record, Policy)]
    # In key order, so that neighbours in the table's index are written together.
    execute_many(connection, INSERT_INSTANCE, sorted(added))
    execute_many(connection, UPSERT_INSTANCE, sorted(instances))
    execute_many(connection, UPSERT_OVERRIDE, overrides)
    execute_many(connection, UPSERT_POLICY, policies)


def delete_records(connection: BaseDatabaseWrapper, region: str, keys: Iterable[str]) -> None:
    """Delete the records of these keys."""
    keys = list(keys)
    instances = [(region, *key.split("/", 3)[1:]) for key in keys if key.startswith("instance/")]
    overrides = [(region, key.removeprefix("override/")) for key in keys if key.startswith("override/")]
    execute_many(connection, DELETE_INSTANCE, instances)
    policies = [(region, *key.split("/", 2)[1:]) for key in keys if key.startswith("policy/")]
    execute_many(connection, DELETE_OVERRIDE, overrides)
    execute_many(connection, DELETE_POLICY, policies)


def instance_row(record: Instance, index: int, text: str) -> Row:
    """The values of INSTANCE_COLUMNS."""
    return (
        record.region, record.namespace, record.service, record.id, record.host, record.port, record.zone,
        record.version, record.status.value, record.epoch, index, text,
    )  # fmt: skip


def override_row(record: Override, index: int, text: str) -> Row:
    """The values of OVERRIDE_COLUMNS."""
    return (
        record.id, record.region, record.scope.value, record.namespace, record.service, record.instance, record.zone,
        record.tag, record.target, record.status.value if record.status else "", record.weight, record.reason,
        record.author, record.created_at, record.expires_at, index, text,
    )  # fmt: skip


def policy_row(record: Policy, index: int, text: str) -> Row:
    """The values of POLICY_COLUMNS."""
    return record.region, record.namespace, record.service, index, text


def change_row(change: Change, text: str | None) -> Row:
    """The values of CHANGE_COLUMNS."""
    return (
        change.region, change.index, change.at, change.key, change.verb, change.actor, change.cause, change.digest,
        text,
    )  # fmt: skip
