"""History: what the log in the tables says of the past, for people.

It reads the logs of all regions that are kept here, this region's own and the mirrors, as far back as they go. Every
function raises Unavailable when the database is away, and Invalid when a record was tampered with.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from django.db import connection
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from catalog.change import Change, Record, decode_record
from catalog.kinds import INSTANCE, KINDS, in_namespace, kind_of
from registry.database import unavailable
from registry.models import ChangeRow, Region

PAGE = 50  # entries
UNREADABLE = "the history cannot be read"
MOST_WORDS = 8  # of a search

# A place in several logs at once: an index for each region. Where a region is not named, it is the end of its log.
Cursor = Mapping[str, int]


class Entry(msgspec.Struct, frozen=True):
    """A change, and the record that it replaced or removed: None when there was none.

    Without `before_known` the record before is unknown: the history that is kept begins later.
    """

    change: Change
    before: Record | None = None
    before_known: bool = True


@unavailable(UNREADABLE)
def entries(
    *,
    regions: Collection[str] | None = None,
    services: Collection[tuple[str, str]] | None = None,
    namespace: str | None = None,
    key: str | None = None,
    actor: str | None = None,
    verbs: Collection[str] | None = None,
    kinds: Collection[str] | None = None,
    text: str | None = None,
    before: Cursor | None = None,
    after: Cursor | None = None,
    limit: int = PAGE,
) -> list[Entry]:
    """Up to `limit` entries, newest first, of which all that is asked for is true.

    `services` are (namespace, service) of instances, `namespace` is that of all kinds that have one, `kinds` are
    tags of `catalog.kinds`, `actor` is a part of who did it, and `text` words that all occur in key, verb,
    actor or cause. `before` leads to older entries, see `older_than`; with `after` alone they are the first that
    follow it. Between regions the origins' clocks decide the order, and within one the log does.
    """
    wanted = _wanted(services, namespace, key, actor, verbs, kinds, text)
    rising = after is not None and before is None
    found = []
    for region in sorted(set(regions)) if regions is not None else _kept():
        rows = ChangeRow.objects.filter(wanted, region=region)
        rows = rows.filter(index__lt=before[region]) if before and region in before else rows
        rows = rows.filter(index__gt=after[region]) if after and region in after else rows
        found.append(_read(rows, limit, rising=rising))
    merged = list(heapq.merge(*found, key=attrgetter("at"), reverse=not rising))[:limit]
    return _entries(reversed(merged) if rising else merged)


def older_than(page: Iterable[Entry], before: Cursor | None = None) -> dict[str, int]:
    """The cursor that leads from a page to the next older one; `before` is the one that led to the page."""
    cursor = dict(before or {})
    for entry in page:
        change = entry.change
        cursor[change.region] = min(change.index, cursor.get(change.region, change.index))
    return cursor


@unavailable(UNREADABLE)
def one_entry(region: str, index: int) -> Entry | None:
    """One entry of a region's log; None when the log has none at this index, or no longer."""
    return next(iter(_entries(_read(ChangeRow.objects.filter(region=region, index=index), 1))), None)


@unavailable(UNREADABLE)
def history_of(key: str, region: str, limit: int = PAGE) -> list[Entry]:
    """What became of one record, newest first."""
    return _entries(_read(ChangeRow.objects.filter(region=region, key=key), limit))


@unavailable(UNREADABLE)
def index_at(region: str, at: float) -> int:
    """The index of the last change made before `at`, or of the one that the kept history begins after.

    It halves the log, so it asks some twenty times for one row. Around a jump of the origin's clock it may be off.
    """
    row = Region.objects.filter(name=region).values("floor", "index").first()
    low, high = (row["floor"], row["index"]) if row else (0, 0)
    while low < high:
        middle = (low + high + 1) // 2
        moment = ChangeRow.objects.filter(region=region, index=middle).values_list("at", flat=True).first()
        if moment is None or moment < at:  # without a row: compacted away meanwhile
            low = middle
        else:
            high = middle - 1
    return low


def beginning(prefix: str) -> Q:
    """Keys that begin so. SQLite searches by index only for a range, PostgreSQL only for a beginning."""
    starts = Q(key__startswith=prefix)
    if connection.vendor != "sqlite":
        return starts
    return Q(key__gte=prefix, key__lt=prefix[:-1] + chr(ord(prefix[-1]) + 1))


def later_than(rows: QuerySet[ChangeRow], index: int) -> QuerySet[ChangeRow]:
    """The rows of one service after a place in the log. SQLite would search by place and go through all services', so
    the place is hidden from it; PostgreSQL knows how many there are of each."""
    if connection.vendor != "sqlite":
        return rows.filter(index__gt=index)
    return rows.annotate(place=F("index") + 0).filter(place__gt=index)


def with_earlier(rows: QuerySet[ChangeRow]) -> QuerySet[ChangeRow, Any]:
    """The rows, each with index and record of the one before it of the same key, None when none is kept."""
    same = ChangeRow.objects.filter(region=OuterRef("region"), key=OuterRef("key"), index__lt=OuterRef("index"))
    newest = same.order_by("-index")
    return rows.annotate(
        earlier_index=Subquery(newest.values("index")[:1]), earlier_record=Subquery(newest.values("record")[:1])
    )


def _kept() -> Sequence[str]:
    return list(Region.objects.order_by("name").values_list("name", flat=True))


def _wanted(
    services: Collection[tuple[str, str]] | None,
    namespace: str | None,
    key: str | None,
    actor: str | None,
    verbs: Collection[str] | None,
    kinds: Collection[str] | None,
    text: str | None,
) -> Q:
    wanted = Q()
    if services is not None:
        wanted &= _any(beginning(INSTANCE.beginning(*service)) for service in services)
    if namespace is not None:
        wanted &= _any(Q(key__startswith=beginning) for beginning in in_namespace(namespace))
    if kinds is not None:
        wanted &= _any(_of_kind(kind) for kind in kinds)
    if key is not None:
        wanted &= Q(key=key)
    if verbs is not None:
        wanted &= Q(verb__in=list(verbs))
    if actor is not None:
        wanted &= Q(actor__icontains=actor)
    for word in (text or "").split()[:MOST_WORDS]:
        wanted &= _any(Q(**{f"{column}__icontains": word}) for column in ("key", "verb", "actor", "cause"))
    return wanted


def _of_kind(kind: str) -> Q:
    # Nearly all entries are of instances: the newest are found by looking, and an index would sort them all.
    start = KINDS[kind].beginning()
    return Q(key__startswith=start) if kind == INSTANCE.tag else beginning(start)


def _any(conditions: Iterable[Q]) -> Q:
    """Any of the conditions; without one, nothing."""
    whole = Q(pk__in=[])
    for condition in conditions:
        whole |= condition
    return whole


def _read(rows: QuerySet[ChangeRow], limit: int, *, rising: bool = False) -> list[Any]:
    """The first rows, each with what was before. Their places come first: an index finds them without any record."""
    order = "index" if rising else "-index"
    chosen = list(rows.order_by(order).values_list("pk", flat=True)[:limit])
    return list(with_earlier(ChangeRow.objects.filter(pk__in=chosen)).order_by(order))


def _entries(rows: Iterable[Any]) -> list[Entry]:
    rows = list(rows)
    # The floors are read after the rows: had something been compacted away in between, they show it.
    floors = dict(Region.objects.filter(name__in={row.region for row in rows}).values_list("name", "floor"))
    return [_entry(row, row.change, floors.get(row.region, 0)) for row in rows]


def _entry(row: Any, change: Change, floor: int) -> Entry:
    if row.earlier_index is not None:
        before = decode_record(row.earlier_record) if row.earlier_record is not None else None
        return Entry(change, before)
    return Entry(change, None, floor == 0 or _is_new(change))


def _is_new(change: Change) -> bool:
    """Whether the record itself says that it began with this change."""
    began = kind_of(change.record).began if change.record is not None else None
    return began is not None and began(change.record) >= change.at
