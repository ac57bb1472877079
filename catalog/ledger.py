"""The ledger: where a copy of a log stands, and the digest of the records that it has there.

Whatever writes, follows, mirrors or verifies a log steps a ledger through it; a step finds a gap, `compare` a digest
that differs. The owner of the records supplies their hashes: 0 stands for no record.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from catalog.change import Change, Head, Position
from catalog.digest import EMPTY, from_hex, moved, record_hash, to_hex, total
from catalog.errors import Diverged


class Ledger(msgspec.Struct, frozen=True, gc=False):
    """The state after the change of `index`: a step gives a new ledger, so a batch that fails leaves the old one."""

    log_id: str = ""
    index: int = 0
    digest: int = EMPTY

    @classmethod
    def at(cls, head: Head) -> "Ledger":
        """At the end of a log."""
        return cls(head.position.log_id, head.position.index, from_hex(head.digest))

    @property
    def position(self) -> Position:
        """The place in the log."""
        return Position(self.log_id, self.index)

    @property
    def head(self) -> Head:
        """The same as the end of a log tells it."""
        return Head(self.position, to_hex(self.digest))

    def unseen(self, changes: Sequence[Change]) -> Sequence[Change]:
        """The changes after this place: a batch may be delivered twice."""
        index = self.index
        return [change for change in changes if change.index > index]

    def append(self, old: int, new: int) -> "Ledger":
        """After one more change, in which a record of hash `old` gave way to one of hash `new`."""
        return Ledger(self.log_id, self.index + 1, moved(self.digest, old, new))

    def step(self, change: Change, old: int, new: int) -> "Ledger":
        """After a change that was read. Raises Diverged when it is not the next one."""
        if change.index != self.index + 1:
            raise Diverged(f"index {change.index} of {change.region} does not follow {self.index}")
        return Ledger(self.log_id, change.index, moved(self.digest, old, new))

    def follow(self, changes: Sequence[Change], known: Callable[[str], int]) -> "Ledger":
        """After a batch of changes; `known` gives the hash of the record that a key has before the batch.

        Raises Diverged on a gap, and when the digest after the last change differs.
        """
        ledger, hashes = self, dict[str, int]()
        for change in changes:
            key, new = change.key, record_hash(change.record)
            ledger = ledger.step(change, hashes[key] if key in hashes else known(key), new)
            hashes[key] = new
        if changes and changes[-1].digest:
            ledger.compare(changes[-1])
        return ledger

    def compare(self, change: Change) -> None:
        """Raise Diverged when the digest differs from that of the change, which was the last step."""
        if to_hex(self.digest) != change.digest:
            raise Diverged(f"the digest differs at index {change.index} of {change.region}")


def totalled(region: str, head: Head, hashes: Iterable[int]) -> Ledger:
    """At the head of a snapshot of records with these hashes. Raises Diverged when they do not add up to its digest."""
    ledger = Ledger.at(head)
    if total(hashes) != ledger.digest:
        raise Diverged(f"the snapshot of {region} does not add up to its digest")
    return ledger
