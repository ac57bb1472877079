"""Compaction: forgetting changes that are older than the history to keep. What they led to stays in the tables."""

import msgspec
from django.db.models import Min

from registry.models import ChangeRow, Region, Tombstone

TOMBSTONES = 30 * 86_400.0  # seconds: how late a write may come and still lose against a removal
AT_ONCE = 5_000  # rows deleted in one transaction, so that writers never wait long


class Compaction(msgspec.Struct, frozen=True):
    """What was forgotten, or would be: changes up to and including `floor`, and old tombstones."""

    region: str
    floor: int
    changes: int
    tombstones: int


def compact(region: str, *, keep: float, now: float, dry_run: bool = False) -> Compaction:
    """Forget the changes older than `keep` seconds, and the tombstones older than that and than thirty days.

    Only the oldest changes go, up to the first one young enough, so the log stays without gaps. A reader that asks for
    what was forgotten gets Compacted, and takes a snapshot.
    """
    changes, floor = _old_changes(region, now - keep)
    tombstones = Tombstone.objects.filter(region=region, at__lt=now - max(keep, TOMBSTONES))
    plan = Compaction(region, floor, changes, tombstones.count())
    if dry_run:
        return plan
    # First the floor, then the rows: a reader of the rows looks at the floor afterwards, and one that is interrupted
    # in between leaves rows below the floor, which the next compaction takes along.
    Region.objects.filter(name=region, floor__lt=floor).update(floor=floor)
    while _delete_some(region, floor):
        pass
    tombstones.delete()
    return plan


def _old_changes(region: str, before: float) -> tuple[int, int]:
    """How many changes are older than `before`, and the index of the last of them."""
    row = Region.objects.filter(name=region).values("index", "floor").first()
    if row is None:
        return 0, 0
    rows = ChangeRow.objects.filter(region=region)
    young = rows.filter(at__gte=before).aggregate(first=Min("index"))["first"]
    floor = max(row["floor"], row["index"] if young is None else young - 1)
    return rows.filter(index__lte=floor).count(), floor


def _delete_some(region: str, floor: int) -> int:
    """Delete the oldest changes up to the floor; returns how many."""
    rows = ChangeRow.objects.filter(region=region)
    first = rows.aggregate(first=Min("index"))["first"]
    if first is None or first > floor:
        return 0
    return rows.filter(index__lte=min(floor, first + AT_ONCE - 1)).delete()[0]
