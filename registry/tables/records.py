"""The statements for live records: one table for each kind, all of the same form. See `catalog.kinds`."""

from collections import defaultdict
from collections.abc import Iterable, Set
from itertools import chain

from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.change import Record
from catalog.kinds import BY_STRUCT, KINDS, NUMBER, TEXT, Kind
from registry.tables.statements import Insert, Row, execute_many, in_parts, repeated

Stored = tuple[str, int, str]  # key, index and text of a record


class RecordTable:
    """The statements for one kind. Every name in them is a constant of `catalog.kinds`."""

    def __init__(self, kind: Kind) -> None:
        columns = {**kind.columns, "index": NUMBER, "record": TEXT}
        names, table = kind.key_columns, kind.table
        aliases = [chr(ord("a") + number) for number in range(len(names))]
        chosen = ", ".join(f'"{name}"' for name in (*names, "index", "record"))
        self.kind = kind
        self.names = ", ".join(f'"{name}"' for name in names)
        self.columns = ", ".join(f'"{column}"' for column in columns)
        self.upsert = Insert(table, columns, keyed_by=kind.unique)
        # A record that its region does not have may still clash with another region's, when keys are of all regions.
        self.insert = Insert(table, columns) if "region" in kind.unique else self.upsert
        self.delete = f'DELETE FROM "{table}" WHERE "region" = %s' + "".join(f' AND "{name}" = %s' for name in names)  # noqa: S608
        self.mark = f"({', '.join(['%s'] * len(names))})"
        # CROSS JOIN makes SQLite take the wanted names one by one through the index. Left to itself, or asked with IN
        # and tuples, it may read the whole region instead.
        self.wanted = (
            f"WITH wanted ({', '.join(aliases)}) AS (VALUES {{}}) SELECT {chosen} "  # noqa: S608
            f'FROM wanted CROSS JOIN "{table}" WHERE '
            + " AND ".join(f'"{name}" = {alias}' for name, alias in zip(names, aliases, strict=True))
            + ' AND "region" = %s'
        )
        self.under = f'SELECT {chosen} FROM "{table}" WHERE "region" = %s'  # noqa: S608
        self.keyed = (
            f"SELECT '{kind.tag}/' || " + " || '/' || ".join(f'"{name}"' for name in names) + ', "index", "record" '
            f'FROM "{table}" WHERE "region" = %s'
        )

    def key(self, row: Row) -> str:
        """The key of a row that begins with the columns of the key."""
        return "/".join((self.kind.tag, *row[: len(self.kind.key_columns)]))

    def stored(self, row: Row) -> Stored:
        """A row of `wanted` or `under`, its names put together as a key."""
        return self.key(row), row[-2], row[-1]


TABLES = {kind.tag: RecordTable(kind) for kind in KINDS.values()}
# All live records of a region: each takes the region as many times as there are kinds.
RECORDS = " UNION ALL ".join(
    f'SELECT "index", "record" FROM "{kind.table}" WHERE "region" = %s'  # noqa: S608
    for kind in KINDS.values()
)
RECORDS_BY_INDEX = f"{RECORDS} ORDER BY 1"
KEYED_RECORDS = " UNION ALL ".join(table.keyed for table in TABLES.values())


def read_records(connection: BaseDatabaseWrapper, region: str, keys: Iterable[str]) -> list[Stored]:
    """Each of these records that exists, in no order."""
    wanted = defaultdict[str, list[list[str]]](list)
    for key in filter(_can_be_stored, keys):
        kind = KINDS[key.partition("/")[0]]
        wanted[kind.tag].append(kind.parts(key))
    found = list[Stored]()
    with connection.cursor() as cursor:
        for tag, names in wanted.items():
            table = TABLES[tag]
            for part in in_parts(names, [""] * len(table.kind.key_columns)):
                statement = repeated(table.wanted, table.mark, len(part))
                cursor.execute(statement, [*chain.from_iterable(part), region])
                found += map(table.stored, cursor.fetchall())
    return found


def read_records_under(connection: BaseDatabaseWrapper, region: str, kind: Kind, *parts: str) -> list[Stored]:
    """Every record of a kind whose key begins with these parts."""
    table = TABLES[kind.tag]
    narrowed = "".join(f' AND "{name}" = %s' for name in kind.key_columns[: len(parts)])
    with connection.cursor() as cursor:
        cursor.execute(table.under + narrowed, [region, *parts])
        return [table.stored(row) for row in cursor.fetchall()]


def upsert_records(
    connection: BaseDatabaseWrapper, records: Iterable[tuple[Record, int, str]], *, absent: Set[str] = frozenset()
) -> None:
    """Write whole records, each with its index and its text. Those whose keys are `absent` have no row yet."""
    added, others = defaultdict[str, list[Row]](list), defaultdict[str, list[Row]](list)
    for record, index, text in records:
        kind = BY_STRUCT[type(record)]
        rows = added if record.key in absent else others
        rows[kind.tag].append((*kind.values(record), index, text))
    for tag, table in TABLES.items():
        # In key order, so that neighbours in the table's index are written together.
        execute_many(connection, table.insert, sorted(added[tag]))
        execute_many(connection, table.upsert, sorted(others[tag]))


def delete_records(connection: BaseDatabaseWrapper, region: str, keys: Iterable[str]) -> None:
    """Delete the records of these keys."""
    rows = defaultdict[str, list[Row]](list)
    for key in keys:
        kind = KINDS[key.partition("/")[0]]
        rows[kind.tag].append((region, *kind.parts(key)))
    for tag, table in TABLES.items():
        execute_many(connection, table.delete, rows[tag])


def _can_be_stored(key: str) -> bool:
    """Whether a database can even look for the key: one that it refuses would spoil the statement for all others."""
    try:
        return b"\0" not in key.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
