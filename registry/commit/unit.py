"""A unit: what one command reads and changes, all of it or nothing."""

from collections.abc import Callable

from catalog.change import Change, Record, encode
from catalog.digest import record_hash, to_hex
from catalog.errors import CatalogError
from catalog.records.instance import Instance, instance_key
from catalog.records.override import Override, override_key
from catalog.records.policy import Policy, policy_key
from registry.commit.staging import Entry, Staging

LONGEST_ACTOR = 200  # the column's width


class Unit:
    """What a verb's body gets. Reads see every earlier command of the transaction; writes wait until the body returns.

    A body that raises has done nothing. It may query other tables through the models; what it wants to write there it
    hands to `execute`.
    """

    __slots__ = (
        "_buried",
        "_changes",
        "_entries",
        "_epochs",
        "_ledger",
        "_renewed",
        "_staging",
        "_texts",
        "_work",
        "actor",
        "cause",
        "now",
        "region",
    )  # fmt: skip

    def __init__(self, staging: Staging, *, actor: str, cause: str, now: float) -> None:
        self.region = staging.region
        self.now = now
        self.actor = actor[:LONGEST_ACTOR]
        self.cause = cause
        self._staging = staging
        self._ledger = staging.ledger
        self._entries: dict[str, Entry | None] = {}
        self._changes: list[Change] = []
        self._texts: list[str | None] = []
        self._epochs: dict[str, int | None] = {}
        self._buried: dict[str, Change] = {}
        self._renewed: list[Instance] = []
        self._work: list[Callable[[], object]] = []

    def entry(self, key: str) -> Entry | None:
        """An instance's record with its index and hash; None when it is not registered."""
        return self._entries[key] if key in self._entries else self._staging.entry(key)

    def instance(self, namespace: str, service: str, id: str) -> Instance | None:
        """An instance's record; None when it is not registered."""
        entry = self.entry(instance_key(namespace, service, id))
        return _instance(entry) if entry else None

    def instances(self, namespace: str, service: str) -> list[Instance]:
        """All instances of a service, by id."""
        entries = self._staging.service(namespace, service)
        prefix = f"instance/{namespace}/{service}/"
        entries.update((key, entry) for key, entry in self._entries.items() if key.startswith(prefix))
        return [_instance(entry) for _, entry in sorted(entries.items()) if entry]

    def override(self, id: str) -> Override | None:
        """A standing override; None when there is none of this id."""
        key = override_key(id)
        entry = self._entries[key] if key in self._entries else self._staging.override(key)
        return _override(entry) if entry else None

    def overrides(self) -> list[Override]:
        """All standing overrides of the region, those past their expiry included."""
        entries = self._staging.overrides()
        entries.update((key, entry) for key, entry in self._entries.items() if key.startswith("override/"))
        return [_override(entry) for entry in entries.values() if entry]

    def policy(self, namespace: str, service: str) -> Policy | None:
        """A service's failover policy; None when it has none."""
        key = policy_key(namespace, service)
        entry = self._entries[key] if key in self._entries else self._staging.override(key)
        if entry is None:
            return None
        assert isinstance(entry.record, Policy)  # noqa: S101 - keys of policies lead to policies
        return entry.record

    def tombstone(self, key: str) -> int | None:
        """The epoch up to which registrations of this key were removed; None when none ever was."""
        return self._epochs[key] if key in self._epochs else self._staging.epoch(key)

    def put(self, record: Record, *, verb: str) -> int:
        """Write a record, new or in place of the one of the same key; returns the index of the change."""
        key = record.key
        old = self._previous(key)
        hash = record_hash(record)
        self._ledger = self._ledger.append(old.hash if old else 0, hash)
        change = self._append(key, record, verb)
        self._entries[key] = Entry(record, change.index, hash)
        return change.index

    def remove(self, record: Record, *, verb: str) -> int:
        """Remove a record; returns the index of the change. An instance leaves a tombstone with its epoch."""
        key = record.key
        old = self._previous(key)
        self._ledger = self._ledger.append(old.hash if old else 0, 0)
        change = self._append(key, None, verb)
        self._entries[key] = None
        if isinstance(record, Instance):
            self._epochs[key] = record.epoch
            self._buried[key] = change
        return change.index

    def renewed(self, instance: Instance) -> None:
        """Say that an instance was heard of, though nothing in its record changed: its lease counts from now."""
        self._renewed.append(instance)

    def execute(self, work: Callable[[], object]) -> None:
        """Run `work` in the same transaction once the body has returned. When it raises, the whole command fails."""
        self._work.append(work)

    def attempt(self, step: Callable[[], int | None]) -> int | CatalogError | None:
        """Run one step of many: what it returns, or the CatalogError that it raised before it wrote anything."""
        try:
            return step()
        except CatalogError as error:
            return error

    def keep(self) -> None:
        """Fold this unit into its transaction."""
        staging = self._staging
        staging.ledger = self._ledger
        staging.entries.update(self._entries)
        staging.written.update(self._entries)
        staging.changes += self._changes
        staging.texts += self._texts
        staging.epochs.update(self._epochs)
        staging.buried.update(self._buried)
        staging.renewed += self._renewed
        staging.work += self._work

    def _previous(self, key: str) -> Entry | None:
        if key in self._entries:
            return self._entries[key]
        return self._staging.entry(key) if key.startswith("instance/") else self._staging.override(key)

    def _append(self, key: str, record: Record | None, verb: str) -> Change:
        change = Change(
            region=self.region,
            index=self._ledger.index,
            key=key,
            record=record,
            at=self.now,
            verb=verb,
            actor=self.actor,
            cause=self.cause,
            digest=to_hex(self._ledger.digest),
        )
        self._changes.append(change)
        self._texts.append(None if record is None else encode(record).decode())
        return change


def _instance(entry: Entry) -> Instance:
    assert isinstance(entry.record, Instance)  # noqa: S101 - keys of instances lead to instances
    return entry.record


def _override(entry: Entry) -> Override:
    assert isinstance(entry.record, Override)  # noqa: S101 - keys of overrides lead to overrides
    return entry.record
