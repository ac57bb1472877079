"""The kinds of records: one row for each.

A row says what the log, its followers, the mirrors, the tables, the history and the dashboard must know of a kind, so
that they treat all kinds alike. A new kind takes its struct, its row, its verbs and a migration for its table. Only a
kind by which lookups are answered takes a place in the view besides; the view keeps any other by its key.

Tags, columns and groups are part of what rests on disk and travels between regions: they never change.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from catalog.records.instance import Instance, without_volatile
from catalog.records.override import Override
from catalog.records.policy import Policy
from catalog.records.record import Record
from catalog.touched import names_of_service, service_name

TEXT, NUMBER, TIME = "text", "bigint", "double precision"  # the types of columns, as PostgreSQL calls them


class Kind(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One kind of record.

    `table` has a row for each live record: the `columns` with their types, filled with `values` of the record for
    searching, then the change's index and the record itself. `unique` are the columns that tell rows apart; those
    of them that are not the region make up the key, after the tag.
    """

    struct: type[Record]
    table: str
    columns: Mapping[str, str]
    unique: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    verbs: tuple[str, ...]  # what stands in the log as done to such records
    touches: Callable[[Any], tuple[str, ...]] = lambda record: (record.key,)  # see `catalog.touched`
    group: Callable[[Any], str]  # where its digest is added up when two copies of a region are compared
    stable: Callable[[Any], Any] = lambda record: record  # the part of it that counts in the digest
    epoch: Callable[[Any], int] | None = None  # when its removal leaves a tombstone: up to which epoch it counts
    began: Callable[[Any], float] | None = None  # when the record itself says when it was made

    @property
    def tag(self) -> str:
        """What the kind is called in JSON and at the beginning of keys."""
        return str(self.struct.__struct_config__.tag)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that a key is made of, after the tag."""
        return tuple(column for column in self.unique if column != "region")

    @property
    def has_namespace(self) -> bool:
        """Whether keys begin with a namespace."""
        return self.key_columns[0] == "namespace"

    def beginning(self, *parts: str) -> str:
        """How the keys begin of which the first parts are known."""
        return "/".join((self.tag, *parts, ""))

    def parts(self, key: str) -> list[str]:
        """The values of `key_columns` in a key. Only the last may hold a slash."""
        return key.split("/", len(self.key_columns))[1:]


INSTANCE = Kind(
    struct=Instance,
    table="registry_instance",
    columns={
        "region": TEXT, "namespace": TEXT, "service": TEXT, "instance_id": TEXT, "host": TEXT, "port": NUMBER,
        "zone": TEXT, "version": TEXT, "status": TEXT, "epoch": NUMBER,
    },
    unique=("region", "namespace", "service", "instance_id"),
    values=lambda record: (
        record.region, record.namespace, record.service, record.id, record.host, record.port, record.zone,
        record.version, record.status.value, record.epoch,
    ),
    verbs=("register", "deregister", "report", "expire", "revive"),
    touches=lambda record: names_of_service(record.namespace, record.service),
    group=lambda record: service_name(record.namespace, record.service),
    stable=without_volatile,
    epoch=lambda record: record.epoch,
    began=lambda record: record.registered_at,
)  # fmt: skip

OVERRIDE = Kind(
    struct=Override,
    table="registry_override",
    columns={
        "id": TEXT, "region": TEXT, "scope": TEXT, "namespace": TEXT, "service": TEXT, "instance": TEXT, "zone": TEXT,
        "tag": TEXT, "target": TEXT, "status": TEXT, "weight": NUMBER, "reason": TEXT, "author": TEXT,
        "created_at": TIME, "expires_at": TIME,
    },
    unique=("id",),
    values=lambda record: (
        record.id, record.region, record.scope.value, record.namespace, record.service, record.instance, record.zone,
        record.tag, record.target, record.status.value if record.status else "", record.weight, record.reason,
        record.author, record.created_at, record.expires_at,
    ),
    verbs=("set_override", "clear_override", "expire_override"),
    touches=lambda record: (),  # the services in its scope, which the view knows
    group=lambda record: "overrides",
    began=lambda record: record.created_at,
)  # fmt: skip

POLICY = Kind(
    struct=Policy,
    table="registry_policy",
    columns={"region": TEXT, "namespace": TEXT, "service": TEXT},
    unique=("region", "namespace", "service"),
    values=lambda record: (record.region, record.namespace, record.service),
    verbs=("set_policy", "clear_policy"),
    touches=lambda record: names_of_service(record.namespace, record.service),
    group=lambda record: "policies",
)

KINDS: dict[str, Kind] = {}  # by tag
BY_STRUCT: dict[type[Record], Kind] = {}


def add(kind: Kind) -> None:
    """Add a row, before anything is imported that reads the table."""
    KINDS[kind.tag] = BY_STRUCT[kind.struct] = kind


for _kind in (INSTANCE, OVERRIDE, POLICY):
    add(_kind)


def kind_of(record: Record) -> Kind:
    """The record's row."""
    return BY_STRUCT[type(record)]


def kind_of_key(key: str) -> Kind | None:
    """The row of the records with such keys; None when it is no key of any."""
    kind = KINDS.get(key.partition("/")[0])
    return kind if kind is not None and len(kind.parts(key)) == len(kind.key_columns) else None


def in_namespace(namespace: str) -> tuple[str, ...]:
    """How the keys of everything in a namespace begin."""
    return tuple(kind.beginning(namespace) for kind in KINDS.values() if kind.has_namespace)
