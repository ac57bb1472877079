"""The followers that the contract is held against."""

import time
from collections.abc import Sequence
from typing import Protocol

from catalog.change import Change, Position, Record
from catalog.digest import record_hash, to_hex
from catalog.errors import Unavailable
from catalog.follow import Follower
from catalog.ledger import Ledger, totalled
from catalog.log import Snapshot
from catalog.view import View


class Inspectable(Follower, Protocol):
    """A follower that a test can look into."""

    def records(self, region: str) -> dict[str, Record]:
        """What it holds of a region, by key."""
        ...

    def digest(self, region: str) -> str:
        """Its digest of a region, in hex."""
        ...


class ViewFollower(View):
    """The view that lookups read."""

    def __init__(self) -> None:
        super().__init__(clock=time.time)

    def records(self, region: str) -> dict[str, Record]:
        """See `Inspectable.records`; services and overrides must hold the same as the changes."""
        view = self.region(region)
        by_key = {key: change.record for key, change in view.changes.items() if change.record is not None}
        indexed: list[Record] = [instance for service in view.services.values() for instance in service.values()]
        indexed += view.overrides
        assert {record.key: record for record in indexed} == by_key
        return by_key

    def digest(self, region: str) -> str:
        """See `Inspectable.digest`."""
        return to_hex(self.region(region).digest)


class DictFollower:
    """The least that a follower can be: a dict. It compares digests at every single change."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._ledger: Ledger | None = None

    def position(self, region: str) -> Position | None:
        """See `Follower.position`."""
        return self._ledger.position if self._ledger else None

    async def reset(self, snapshot: Snapshot) -> None:
        """See `Follower.reset`; a snapshot must come in index order, one change per key."""
        records: dict[str, Record] = {}
        last = 0
        async for chunk in snapshot.chunks:
            for change in chunk:
                assert last < change.index <= snapshot.head.position.index
                assert change.record is not None
                assert change.key not in records
                records[change.key], last = change.record, change.index
        self._ledger = totalled(snapshot.region, snapshot.head, map(record_hash, records.values()))
        self._records = records

    async def apply(self, changes: Sequence[Change]) -> None:
        """See `Follower.apply`."""
        assert self._ledger is not None
        for change in self._ledger.unseen(changes):
            old, new = self._records.get(change.key), change.record
            ledger = self._ledger.step(change, record_hash(old), record_hash(new))
            ledger.compare(change)
            if new is None:
                del self._records[change.key]
            else:
                self._records[change.key] = new
            self._ledger = ledger

    def heard(self, region: str) -> None:
        """Nothing to note."""

    def lost(self, region: str, error: Unavailable) -> None:
        """Nothing here may be out of reach."""
        raise error

    def records(self, region: str) -> dict[str, Record]:
        """See `Inspectable.records`."""
        return dict(self._records)

    def digest(self, region: str) -> str:
        """See `Inspectable.digest`."""
        assert self._ledger is not None
        return to_hex(self._ledger.digest)


FOLLOWERS = [ViewFollower, DictFollower]
