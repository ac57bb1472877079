"""A unit: what one command reads and changes, all of it or nothing."""

from collections.abc import Callable
from typing import TypeVar

from catalog.change import Change, Record
from catalog.digest import record_hash, to_hex
from catalog.errors import CatalogError
from catalog.kinds import BY_STRUCT
from catalog.records.instance import Instance
from registry.commit.staging import Entry, Staging

LONGEST_ACTOR = 200  # the column's width
R = TypeVar("R", bound=Record)


class Unit:
    """What a verb's body gets. Reads see every earlier command of the transaction.

    A body that raises has done nothing. It may query other tables through the models; what it wants to write there it
    hands to `execute`.
    """

    __slots__ = ("_staging", "actor", "cause", "now", "region")

    def __init__(self, staging: Staging, *, actor: str, cause: str, now: float) -> None:
        self.region = staging.region
        self.now = now
        self.actor = actor[:LONGEST_ACTOR]
        self.cause = cause
        self._staging = staging

    def entry(self, key: str) -> Entry | None:
        """A record with its index and hash; None when there is none of this key."""
        return self._staging.entry(key)

    def record(self, struct: type[R], key: str) -> R | None:
        """The record of a key that leads to this kind; None when there is none."""
        entry = self._staging.entry(key)
        return _as(struct, entry) if entry else None

    def records(self, struct: type[R], *parts: str) -> list[R]:
        """All records of a kind whose keys begin with these parts, in order of their keys."""
        entries = self._staging.under(BY_STRUCT[struct], *parts)
        return [_as(struct, entry) for _, entry in sorted(entries.items())]

    def tombstone(self, key: str) -> int | None:
        """The epoch up to which records of this key were removed; None when none ever was."""
        return self._staging.tombstone(key)

    def put(self, record: Record, *, verb: str) -> int:
        """Write a record, new or in place of the one of the same key; returns the index of the change."""
        return self._write(record.key, record, verb)

    def remove(self, record: Record, *, verb: str) -> int:
        """Remove a record; returns the index of the change. A kind with epochs leaves a tombstone."""
        epoch = BY_STRUCT[type(record)].epoch
        return self._write(record.key, None, verb, epoch=epoch(record) if epoch else None)

    def renewed(self, instance: Instance) -> None:
        """Note a registration that changed nothing in the record: the lease counts from now."""
        self._staging.renewed.append(instance)

    def execute(self, work: Callable[[], object]) -> None:
        """Run `work` in the same transaction once the body has returned. When it raises, the whole command fails."""
        self._staging.work.append(work)

    def attempt(self, step: Callable[[], int | None]) -> int | CatalogError | None:
        """Run one step of many: what it returns, or the CatalogError that it raised before it wrote anything."""
        try:
            return step()
        except CatalogError as error:
            return error

    def _write(self, key: str, record: Record | None, verb: str, epoch: int | None = None) -> int:
        staging = self._staging
        before, hash = staging.entry(key), record_hash(record)
        ledger = staging.ledger.append(before.hash if before else 0, hash)
        change = Change(
            region=self.region,
            index=ledger.index,
            key=key,
            record=record,
            at=self.now,
            verb=verb,
            actor=self.actor,
            cause=self.cause,
            digest=to_hex(ledger.digest),
        )
        staging.write(change, ledger, before=before, hash=hash, epoch=epoch)
        return ledger.index


def _as(struct: type[R], entry: Entry) -> R:
    assert isinstance(entry.record, struct)  # noqa: S101 - a key leads to records of its kind alone
    return entry.record
