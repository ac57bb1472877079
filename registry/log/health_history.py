"""Steps: how many instances of a service had which status, and when that changed, as the log in the tables tells it.

The counts of now are in the tables of live records. From them the log leads back, entry by entry, to the counts at any
moment that the kept history reaches. Every function raises what those of `registry.history` do.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db.models import Count, Q, QuerySet

from catalog.errors import Invalid
from catalog.records.status import Status
from registry.database import consistent_read, unavailable
from registry.log.history import UNREADABLE, beginning, index_at, later_than, with_earlier
from registry.models import ChangeRow, InstanceRow, Region

MOST = 200_000  # entries in one pass over a region's log
AT_ONCE = 500  # entries whose earlier ones are looked up by one query

EARLIER: tuple[Any, ...] = ("pk", "earlier_index", "earlier_record")
NOTHING = dict.fromkeys(Status, 0)

ServiceName = tuple[str, str]  # namespace, service
Counts = dict[Status, int]  # every status is in it
Step = tuple[float, Counts]  # from then on it was so; seconds since the epoch


class _Brief(msgspec.Struct, tag_field="kind", tag="instance", gc=False):
    """What steps need of an instance's record."""

    status: Status = Status.PASSING
    since: float = 0.0
    recovered_at: float = 0.0
    registered_at: float = 0.0


class _Seen(NamedTuple):
    """An entry of an instance; without a record it was removed."""

    pk: int
    place: int  # in the log
    at: float
    key: str
    record: _Brief | None


class _Move(NamedTuple):
    """An instance went from one status to another. None stands for not being registered."""

    place: int  # in the log
    at: float
    service: ServiceName
    before: Status | None
    after: Status | None


_decode = msgspec.json.Decoder(_Brief).decode


@unavailable(UNREADABLE)
def service_steps(region: str, namespace: str, service: str, *, since: float, now: float) -> list[Step]:
    """A service's counts by status: at `since`, and then each time that they changed.

    When the kept history begins later than `since`, they are so far as they were when it began.
    """
    with consistent_read():
        present = _present(region, Q(namespace=namespace, service=service))
        rows = ChangeRow.objects.filter(beginning(f"instance/{namespace}/{service}/"), region=region)
        seen = _seen(later_than(rows, index_at(region, since)))
        moves = _moves(seen, whole=_is_whole(region))
    found = _steps(present, seen, moves, since, now)
    return found.get((namespace, service)) or [(since, NOTHING.copy())]


@unavailable(UNREADABLE)
def steps_of_all(region: str, *, since: float, now: float | None = None) -> dict[ServiceName, list[Step]]:
    """The same for every service of a region, those included that have gone since, in one pass over the log.

    Of a log with more than `MOST` entries since then only so many are read, and the steps begin with the first of them.
    """
    with consistent_read():
        present = _present(region, Q())
        rows = ChangeRow.objects.filter(region=region, index__gt=index_at(region, since), key__startswith="instance/")
        seen = _seen(rows)
        moves = _moves(seen, whole=_is_whole(region))
    return _steps(present, seen, moves, since, now)


def _steps(
    counts: dict[ServiceName, Counts], seen: Sequence[_Seen], moves: Sequence[_Move], since: float, now: float | None
) -> dict[ServiceName, list[Step]]:
    """The steps that lead to the present `counts`, which become those at the start."""
    start = max(since, seen[-1].at) if len(seen) == MOST else since
    for move in moves:
        held = _of(counts, move.service)
        if move.after is not None:
            held[move.after] -= 1
        if move.before is not None:
            held[move.before] += 1
    return _replayed(counts, moves, start, now)


def _present(region: str, present: Q) -> dict[ServiceName, Counts]:
    rows = InstanceRow.objects.filter(present, region=region).order_by()
    counts: dict[ServiceName, Counts] = {}
    for namespace, service, status, number in rows.values_list("namespace", "service", "status").annotate(Count("pk")):
        _of(counts, (namespace, service))[Status(status)] = number
    return counts


def _seen(rows: QuerySet[ChangeRow]) -> list[_Seen]:
    """Entries, newest first, read as they come."""
    columns = rows.order_by("-index").values_list("pk", "index", "at", "key", "record")[:MOST]
    return [_Seen(pk, place, at, key, _brief(text)) for pk, place, at, key, text in columns.iterator(chunk_size=2000)]


def _brief(text: str | None) -> _Brief | None:
    try:
        return None if text is None else _decode(text)
    except msgspec.DecodeError as error:
        raise Invalid(f"not an instance: {error}") from None


def _moves(seen: Iterable[_Seen], *, whole: bool) -> list[_Move]:
    """What the entries, newest first, changed, oldest first: each one's earlier one says what was before.

    In a log that is kept `whole`, without an earlier one there was nothing.
    """
    oldest: dict[str, _Seen] = {}
    moves: list[_Move] = []
    for entry in seen:
        later = oldest.get(entry.key)
        if later is not None:
            _add(moves, later, entry.record.status if entry.record else None)
        oldest[entry.key] = entry
    first = list(oldest.values())
    for start in range(0, len(first), AT_ONCE):
        some = first[start : start + AT_ONCE]
        earlier = _earlier([entry.pk for entry in some])
        for entry in some:
            record = earlier.get(entry.pk)
            known = record.status if record else None
            _add(moves, entry, known if whole or entry.pk in earlier else _inferred(entry))
    return sorted(moves)


def _is_whole(region: str) -> bool:
    return Region.objects.filter(name=region, floor=0).exists()


def _earlier(keys: Sequence[int]) -> dict[int, _Brief | None]:
    """What was before each of some entries, where it is kept."""
    rows = with_earlier(ChangeRow.objects.filter(pk__in=keys)).values_list(*EARLIER)
    return {pk: _brief(text) for pk, found, text in rows if found is not None}


def _add(moves: list[_Move], entry: _Seen, before: Status | None) -> None:
    after = entry.record.status if entry.record else None
    if before is not after:
        _, namespace, service, _ = entry.key.split("/", 3)
        moves.append(_Move(entry.place, entry.at, (namespace, service), before, after))


def _inferred(entry: _Seen) -> Status | None:
    """What an instance's status was before the first entry that is kept of it, as far as its record tells."""
    record = entry.record
    if record is None:
        return Status.UNKNOWN
    if record.registered_at >= entry.at:
        return None
    if record.since < entry.at:
        return record.status
    if record.status is not Status.PASSING:
        return Status.PASSING
    return Status.CRITICAL if record.recovered_at >= entry.at else Status.UNKNOWN


def _replayed(
    counts: Mapping[ServiceName, Counts], moves: Sequence[_Move], start: float, now: float | None
) -> dict[ServiceName, list[Step]]:
    """The steps that lead from the counts at `start` through the moves. A clock that jumped never leads back."""
    steps: dict[ServiceName, list[Step]] = {name: [(start, held)] for name, held in counts.items()}
    for move in moves:
        mine = steps.setdefault(move.service, [(start, NOTHING.copy())])
        last, held = mine[-1]
        held = held.copy()
        if move.before is not None:
            held[move.before] -= 1
        if move.after is not None:
            held[move.after] += 1
        at = max(last, move.at if now is None else min(move.at, now))
        if at == last:
            mine[-1] = (at, held)
        else:
            mine.append((at, held))
    return steps


def _of(counts: dict[ServiceName, Counts], name: ServiceName) -> Counts:
    held = counts.get(name)
    if held is None:
        held = counts[name] = NOTHING.copy()
    return held
