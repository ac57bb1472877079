"""The health of every service over the last hour, in memory, for sparklines and charts.

For each service of each region they hold the steps of its counts by status, to the second. A change costs no search,
and a step 24 bytes. `resync` sets the counts after a region's view was read whole; `backfill` puts the time before that
in front, once it was read from the tables.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from catalog.change import Change, Record
from catalog.records.instance import Instance
from catalog.records.status import SEVERITY, Status

KEPT = 3600.0  # seconds
MOST = 140  # steps of one service: 5,000 services that keep changing then cost less than 20 MB
CELL = KEPT / 40  # seconds; of steps that are too many the worst and the last of each cell are kept
PRUNING = 20_000  # changes between two searches for services that have long gone
FLAPPING = 600.0  # seconds in which transitions count as flapping

ServiceName = tuple[str, str]  # namespace, service
Bucket = tuple[int, int, int, int]  # passing, unknown, warning, critical
Step = tuple[float, dict[Status, int]]  # the counts from that time on

STATUSES = tuple(sorted(Status, key=SEVERITY.__getitem__))
COLUMN = {status: column for column, status in enumerate(STATUSES)}
NOTHING: Bucket = (0, 0, 0, 0)
WIDTH = 6  # numbers in a step: seconds since the epoch, four counts, transitions that led to it
LARGEST = (1 << 32) - 1


class _History:
    """One service's steps, oldest first, packed. They are replaced or added to, so that a reader may go on reading."""

    __slots__ = ("counts", "packed")

    def __init__(self) -> None:
        self.counts = NOTHING
        self.packed = array("I")

    def add(self, at: int, counts: Bucket, transitions: int) -> None:
        """Add the counts from `at` on. A clock that jumps back changes the last step; so do two steps at once."""
        packed = self.packed
        self.counts = counts
        if packed and at <= packed[-WIDTH]:
            packed[-5:] = array("I", (*counts, packed[-1] + transitions))
            return
        packed.fromlist([at, *counts, transitions])
        if len(packed) > MOST * WIDTH:
            self.packed = _pack(_thinned(list(_unpack(packed)), at))

    @property
    def last(self) -> int:
        """The time of the last step."""
        return self.packed[-WIDTH] if self.packed else 0


_Packed = tuple[int, Bucket, int]  # seconds, counts, transitions


class Histories:
    """The histories of all regions. Written on one thread, read on any."""

    def __init__(self) -> None:
        self._regions: dict[str, dict[ServiceName, _History]] = {}
        self._unpruned = 0

    def record(self, change: Change, before: Record | None) -> None:
        """One change, as it is applied; `before` is the record that it replaces."""
        record = change.record
        subject = record if record is not None else before
        if not isinstance(subject, Instance):
            return
        old = before.status if isinstance(before, Instance) else None
        new = record.status if isinstance(record, Instance) else None
        if old is new:
            return
        history = self._history(change.region, (subject.namespace, subject.service))
        counts = list(history.counts)
        if old is not None:
            counts[COLUMN[old]] = max(0, counts[COLUMN[old]] - 1)
        if new is not None:
            counts[COLUMN[new]] += 1
        history.add(_second(change.at), _bucket(counts), int(old is not None and new is not None))
        self._unpruned += 1
        if self._unpruned >= PRUNING:
            self._prune(change.at)

    def resync(self, region: str, services: Mapping[ServiceName, Mapping[str, Instance]], *, at: float) -> None:
        """Set the counts of a region whose view was read whole: at the start, and after a reset."""
        known = self._regions.setdefault(region, {})
        second = _second(at)
        for name in known.keys() - services.keys():
            if known[name].counts != NOTHING:
                known[name].add(second, NOTHING, 0)
        for name, instances in services.items():
            counts = [0, 0, 0, 0]
            for instance in instances.values():
                counts[COLUMN[instance.status]] += 1
            history = self._history(region, name)
            if not history.packed or history.counts != tuple(counts):
                history.add(second, _bucket(counts), 0)
        self._prune(at)

    def backfill(self, region: str, past: Mapping[ServiceName, Sequence[Step]]) -> None:
        """Put the past, oldest first, in front of what is known already, which is newer and stays."""
        for name, steps in past.items():
            history = self._history(region, name)
            first = history.packed[0] if history.packed else None
            found = [(_second(at), _bucket([held[status] for status in STATUSES])) for at, held in steps]
            found = [step for step in found if first is None or step[0] < first]
            if not found:
                continue
            packed = [
                (at, held, _transitions(earlier, held))
                for (at, held), earlier in zip(found, _before(found), strict=True)
            ]
            packed = _without_repetition(packed) + list(_unpack(history.packed))
            if first is None:
                history.counts = found[-1][1]
            history.packed = _pack(packed if len(packed) <= MOST else _thinned(packed, packed[-1][0]))

    def forget(self, region: str) -> None:
        """The region is no longer known."""
        self._regions.pop(region, None)

    def buckets(
        self, region: str | None, namespace: str, service: str, *, now: float, number: int = 30, length: float = 120.0
    ) -> list[Bucket]:
        """The counts in equal spans of `length` seconds, oldest first; the last one is not over yet. Without a region
        those of all regions together. Empty when the service is unknown.

        A span is shown by its worst moment: the most critical, then warning, then unknown, and the latest of equals.
        The spans begin at multiples of their length, so that the picture moves once in a span and not at every call.
        """
        found = self._found(region, (namespace, service))
        if not found:
            return []
        first = (now // length - number + 1) * length
        if all(history.last < first for history in found):
            return [_sum([history.counts for history in found])] * number
        return _worst(_merged([_unpack(history.packed) for history in found]), first, number, length)

    def steps(self, region: str | None, namespace: str, service: str, *, now: float) -> list[Step]:
        """The counts by status of the last hour, each from its time on; the first one is not before the hour began."""
        found = self._found(region, (namespace, service))
        steps: list[Step] = []
        for at, counts, _ in _merged([_unpack(history.packed) for history in found]):
            since = max(now - KEPT, float(at))
            if steps and steps[-1][0] == since:
                steps.pop()
            steps.append((since, dict(zip(STATUSES, counts, strict=True))))
        return steps

    def flaps(self, region: str | None, namespace: str, service: str, now: float, *, within: float = FLAPPING) -> int:
        """How often an instance of the service went from one status to another in the last `within` seconds."""
        found = self._found(region, (namespace, service))
        first = now - within
        return sum(
            number
            for history in found
            if history.last >= first
            for at, _, number in _unpack(history.packed)
            if at >= first
        )

    def _found(self, region: str | None, name: ServiceName) -> list[_History]:
        regions = list(self._regions.values()) if region is None else [self._regions.get(region, {})]
        found = [known.get(name) for known in regions]
        return [history for history in found if history is not None and history.packed]

    def _history(self, region: str, name: ServiceName) -> _History:
        known = self._regions.setdefault(region, {})
        history = known.get(name)
        if history is None:
            history = known[name] = _History()
        return history

    def _prune(self, now: float) -> None:
        """Forget services that have had no instance for as long as steps are kept."""
        self._unpruned = 0
        horizon = _second(now - KEPT)
        for region, known in self._regions.items():
            kept = {name: one for name, one in known.items() if one.counts != NOTHING or one.last >= horizon}
            if len(kept) < len(known):
                self._regions[region] = kept


def _second(at: float) -> int:
    """A time as it is packed. The clock of another region may say anything."""
    return int(max(0.0, min(at, LARGEST)))


def _bucket(counts: Sequence[int]) -> Bucket:
    passing, unknown, warning, critical = counts
    return passing, unknown, warning, critical


def _severity(counts: Bucket) -> tuple[int, ...]:
    return counts[:0:-1]  # critical, warning, unknown


def _sum(several: Sequence[Bucket]) -> Bucket:
    return several[0] if len(several) == 1 else _bucket([sum(column) for column in zip(*several, strict=True)])


def _transitions(before: Bucket, after: Bucket) -> int:
    """How many instances changed their status at least. Those that came or went did not."""
    changes = [now - then for then, now in zip(before, after, strict=True)]
    return min(sum(change for change in changes if change > 0), -sum(change for change in changes if change < 0))


def _before(steps: Sequence[tuple[int, Bucket]]) -> Iterator[Bucket]:
    """What was before each step; before the first it was as it is with it."""
    earlier = steps[0][1]
    for _, counts in steps:
        yield earlier
        earlier = counts


def _pack(steps: Iterable[_Packed]) -> "array[int]":
    return array("I", [number for at, counts, transitions in steps for number in (at, *counts, transitions)])


def _unpack(packed: "array[int]") -> Iterator[_Packed]:
    numbers = packed[: len(packed) // WIDTH * WIDTH].tolist()
    return zip(
        numbers[0::WIDTH],
        zip(numbers[1::WIDTH], numbers[2::WIDTH], numbers[3::WIDTH], numbers[4::WIDTH], strict=True),
        numbers[5::WIDTH],
        strict=True,
    )


def _without_repetition(steps: Iterable[_Packed]) -> list[_Packed]:
    """The steps with one for each time, the last."""
    kept: list[_Packed] = []
    for at, counts, transitions in steps:
        if kept and kept[-1][0] >= at:
            at, transitions = kept[-1][0], transitions + kept.pop()[2]
        kept.append((at, counts, transitions))
    return kept


def _thinned(steps: Sequence[_Packed], now: int) -> list[_Packed]:
    """Fewer steps: those that are too old go, but for the last of them, and of those in one cell the worst and the last
    stay. A short failure is still seen, and no transition is forgotten."""
    horizon = now - KEPT
    old = [step for step in steps if step[0] <= horizon]
    kept = old[-1:]
    cells: dict[int, list[_Packed]] = {}
    for step in steps[len(old) :]:
        cells.setdefault(int(step[0] // CELL), []).append(step)
    for near in cells.values():
        worst, last = max(near, key=lambda step: _severity(step[1])), near[-1]
        transitions = sum(step[2] for step in near)
        if worst is not last:
            kept.append((worst[0], worst[1], transitions - last[2]))
            transitions = last[2]
        kept.append((last[0], last[1], transitions))
    return kept


def _merged(several: Sequence[Iterator[_Packed]]) -> Iterable[_Packed]:
    """The steps of several regions as those of all of them together."""
    if len(several) == 1:
        return several[0]
    steps = sorted((at, place, counts, number) for place, one in enumerate(several) for at, counts, number in one)
    held = [NOTHING] * len(several)
    passing = unknown = warning = critical = 0
    merged: list[_Packed] = []
    for at, place, counts, transitions in steps:
        before, held[place] = held[place], counts
        passing += counts[0] - before[0]
        unknown += counts[1] - before[1]
        warning += counts[2] - before[2]
        critical += counts[3] - before[3]
        merged.append((at, (passing, unknown, warning, critical), transitions))
    return _without_repetition(merged)


def _worst(steps: Iterable[_Packed], first: float, number: int, length: float) -> list[Bucket]:
    found: list[Bucket] = []
    held = worst = NOTHING
    gravest = _severity(worst)
    for at, counts, _ in steps:
        place = min(number - 1, int((at - first) // length))
        severity = _severity(counts)
        if place < 0:
            held, worst, gravest = counts, counts, severity
            continue
        if len(found) < place:
            found.append(worst)
            found += [held] * (place - len(found))
            worst, gravest = held, _severity(held)
        if severity >= gravest or at == first + place * length:
            worst, gravest = counts, severity
        held = counts
    found.append(worst)
    return found + [held] * (number - len(found))
