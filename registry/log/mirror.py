"""The mirror: the one door by which another region's log enters this region's tables, exactly as its origin wrote it.

A mirrored entry keeps its region, index, log id, record, actor, cause and digest. The digest of every entry is computed
here and compared before anything is kept, so that a mirror is either right or not written. After each commit the
region's tail and doorbell wake the same followers as this region's own changes.

The region's row is the lock here too: two writers of one mirror, a worker that was taken for dead and its successor,
queue for it, and what the second one brings again is passed over.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
from django.conf import settings
from django.db import connection, transaction

from catalog.change import Change, Head, Position, Record, decode_record, encode
from catalog.digest import EMPTY, record_hash, to_hex, total
from catalog.errors import Compacted, Diverged, Invalid
from catalog.kinds import INSTANCE, KINDS, kind_of, kind_of_key
from catalog.ledger import totalled
from catalog.records.instance import Instance
from registry.commit.doorbell import ring_for
from registry.commit.staging import Entry, Memory, Staging
from registry.commit.tail import tail
from registry.database import chunks, consistent_read, unavailable
from registry.tables.records import KEYED_RECORDS, RECORDS, delete_records, upsert_records

UNUSABLE = "the database cannot be used"
Guard = Callable[[int, int], None]  # how many instances there are, and how many there would be; may raise Held

CREATE = (
    'INSERT INTO "registry_region" ("name", "log_id", "index", "floor", "digest", "is_local") '
    "VALUES (%s, %s, 0, 0, %s, %s) ON CONFLICT DO NOTHING"
)
READ = 'SELECT "log_id", "index", "digest" FROM "registry_region" WHERE "name" = %s AND NOT "is_local"'
REPLACE = 'UPDATE "registry_region" SET "log_id" = %s, "index" = %s, "floor" = %s, "digest" = %s WHERE "name" = %s'
FORGET_CHANGES = 'DELETE FROM "registry_change" WHERE "region" = %s'
FORGET_TOMBSTONES = 'DELETE FROM "registry_tombstone" WHERE "region" = %s'
COUNT = 'SELECT COUNT(*) FROM "registry_instance" WHERE "region" = %s'
HEADS = (
    'SELECT "name", "log_id", "index", "floor", "digest", "is_local", '
    '(SELECT COUNT(*) FROM "registry_instance" WHERE "region" = "name") FROM "registry_region" ORDER BY "name"'
)


class Kept(msgspec.Struct, frozen=True):
    """A region whose log is kept in these tables: its own, or a mirror."""

    region: str
    log_id: str
    index: int
    floor: int
    digest: str
    is_local: bool
    instances: int


def allow(_before: int, _after: int) -> None:
    """The guard that holds nothing."""


class Mirror:
    """The mirror of one other region, written by one thread at a time. Raises Unavailable when the database is away."""

    def __init__(self, region: str) -> None:
        if region == settings.MERIDIAN.region:
            raise Invalid(f"{region} is this region: it writes its own log", field="region")
        self.region = region
        self._memory = Memory()

    @unavailable(UNUSABLE)
    def head(self) -> Head | None:
        """Where the mirror stands; None before the first snapshot."""
        return self._head()

    @unavailable(UNUSABLE)
    def append(self, log_id: str, changes: Sequence[Change], *, guard: Guard = allow) -> Position:
        """Write changes that follow the mirror's head, as they are; those that it holds already are passed over.

        Raises Compacted when the mirror is of another log, Diverged on a gap, on a wrong digest and on what no log of
        this region holds, and what `guard` raises. Then nothing was written.
        """
        with transaction.atomic():
            head = self._head(lock=True)
            if head is None or head.position.log_id != log_id:
                raise Compacted(f"the mirror of {self.region} is not of log {log_id}")
            staging = Staging(connection, self.region, head, self._memory.at(head))
            changes = staging.ledger.unseen(changes)
            if not changes:
                return head.position
            for change in changes:
                self._require_own(change)
            staging.fetch(change.key for change in changes)
            before = {change.key: staging.entry(change.key) for change in changes}
            for change in changes:
                _stage(staging, change)
            self._guard(staging, before, guard)
            after = staging.flush()
        self._memory.learn(after, staging.entries)
        tail(self.region).extend(log_id, changes)
        ring_for(self.region, log_id, after.position.index)
        return after.position

    @unavailable(UNUSABLE)
    def replace(self, head: Head, snapshot: Iterable[Sequence[Change]], *, guard: Guard = allow) -> None:
        """Make the mirror what the snapshot says, in one transaction: readers see the old state, then the new one.

        Only what differs is written, so that a mirror that was nearly right is reset quickly. The history that was kept
        is forgotten: readers of it get Compacted. Raises Diverged when the snapshot does not add up to its digest, and
        what `guard` raises.
        """
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(CREATE, [self.region, "", to_hex(EMPTY), False])
            if self._head(lock=True) is None:
                raise Invalid(f"{self.region} is kept here as this region's own log", field="region")
            count = self._count()
            hashes, after = self._write_difference(snapshot)
            totalled(self.region, head, [hashes])
            guard(count, after)
            index = head.position.index
            with connection.cursor() as cursor:
                cursor.execute(FORGET_CHANGES, [self.region])
                cursor.execute(FORGET_TOMBSTONES, [self.region])
                cursor.execute(REPLACE, [head.position.log_id, index, index, head.digest, self.region])
        self._memory = Memory()
        tail(self.region).forget()
        ring_for(self.region, head.position.log_id, head.position.index)

    def _head(self, *, lock: bool = False) -> Head | None:
        suffix = " FOR UPDATE" if lock and connection.features.has_select_for_update else ""
        with connection.cursor() as cursor:
            cursor.execute(READ + suffix, [self.region])
            row = cursor.fetchone()
        if row is None:
            return None
        log_id, index, digest = row
        return Head(Position(log_id, index), digest)

    def _count(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(COUNT, [self.region])
            return int(cursor.fetchone()[0])

    def _require_own(self, change: Change) -> None:
        """Raise Diverged on what no log of the region holds."""
        record, key = change.record, change.key
        is_its_record = kind_of_key(key) if record is None else (record.key, record.region) == (key, self.region)
        if change.region != self.region or not is_its_record:
            raise Diverged(f"index {change.index} is no entry of the log of {self.region}")

    def _guard(self, staging: Staging, before: Mapping[str, Entry | None], guard: Guard) -> None:
        keys = [key for key in before if key.startswith(INSTANCE.beginning())]
        gained = sum(1 for key in keys if before[key] is None and staging.entries[key] is not None)
        lost = sum(1 for key in keys if before[key] is not None and staging.entries[key] is None)
        if lost > gained:
            count = self._count()
            guard(count, count + gained - lost)

    def _write_difference(self, snapshot: Iterable[Sequence[Change]]) -> tuple[int, int]:
        """Write what differs from the snapshot; returns the sum of its hashes and how many instances it has."""
        there = dict(_fingerprints(self.region))
        hashes, instances, last = 0, 0, 0
        for chunk in snapshot:
            changed: list[tuple[Record, int, str]] = []
            for change in chunk:
                record = change.record
                if record is None or change.index <= last or (record.key, record.region) != (change.key, self.region):
                    raise Diverged(f"index {change.index} is no entry of a snapshot of {self.region}")
                last = change.index
                hashes += record_hash(record)
                instances += isinstance(record, Instance)
                text = encode(record).decode()
                if there.pop(change.key, None) != _fingerprint(change.index, text):
                    changed.append((record, change.index, text))
            upsert_records(connection, changed)
        delete_records(connection, self.region, there)
        return hashes, instances


def _stage(staging: Staging, change: Change) -> None:
    before, hash = staging.entry(change.key), record_hash(change.record)
    ledger = staging.ledger.step(change, before.hash if before else 0, hash)
    ledger.compare(change)
    staging.write(change, ledger, before=before, hash=hash)


def _fingerprint(index: int, text: str) -> bytes:
    return hashlib.blake2b(b"%d %s" % (index, text.encode()), digest_size=12).digest()


def _fingerprints(region: str) -> Iterator[tuple[str, bytes]]:
    """The key of every record kept of a region, and enough to tell whether it is the same as another."""
    for rows in chunks(KEYED_RECORDS, [region] * len(KINDS)):
        for key, index, text in rows:
            yield key, _fingerprint(index, text)


@unavailable(UNUSABLE)
def heads() -> list[Kept]:
    """Every region kept in these tables. Raises Unavailable."""
    with connection.cursor() as cursor:
        cursor.execute(HEADS)
        return [
            Kept(name, log, index, floor, digest, bool(ours), n) for name, log, index, floor, digest, ours, n in cursor
        ]


class Sums(msgspec.Struct, frozen=True):
    """The digests of a region recomputed from its records: of the whole, and of each service, in hex."""

    head: Head
    digest: str
    services: dict[str, str]


@unavailable(UNUSABLE)
def sums(region: str) -> Sums | None:
    """Add up every record kept of a region in one consistent state; None when the region is not kept here.

    A row that cannot be read counts as none, so that the sum shows it. Raises Unavailable.
    """
    with consistent_read():
        kept = next((kept for kept in heads() if kept.region == region), None)
        if kept is None:
            return None
        services: dict[str, int] = {}
        for rows in chunks(RECORDS, [region] * len(KINDS)):
            for _, text in rows:
                try:
                    record = decode_record(text)
                except Invalid:
                    continue
                name = kind_of(record).group(record)
                services[name] = services.get(name, 0) + record_hash(record)
    head = Head(Position(kept.log_id, kept.index), kept.digest)
    return Sums(
        head, to_hex(total(services.values())), {name: to_hex(total([hashes])) for name, hashes in services.items()}
    )
