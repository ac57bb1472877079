"""The witness: judges a federation by what its clients saw, and knows nothing of how it works.

Clients write down each write that was acknowledged (or whose outcome they never learnt) and each answer that they got;
the test writes down the faults that it made. `judge` then looks for promises that were broken. All times are of one
clock, that of the witness: the regions' own clocks may be wrong.

What a client may see of a key is what some write put there that could have happened by then, unless a later write must
already be visible: because the answer's index is not below that write's, or because the federation has been calm for
long enough. A write whose outcome is unknown may have happened or not, for ever: clients leave such a key alone.
"""

import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import TypeVar

CONVERGED_WITHIN = 5.0  # seconds from the end of the last fault until everything must agree


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """A client had `key` of `region` become `state`, or removed when `state` is None.

    `acknowledged` is False when the client never learnt the outcome. `index` and `log` are those of the answer, None
    and empty when it named none. Writes that were refused are not written down: they promise nothing.
    """

    region: str
    key: str
    state: str | None
    began: float
    ended: float
    index: int | None = None
    log: str = ""
    acknowledged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Asked at `observer`, the keys of `region` below `scope` had these states, and no others were there."""

    observer: str
    region: str
    scope: str
    began: float
    ended: float
    index: int
    states: Mapping[str, str]
    log: str = ""
    freshness: str = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Asked at `observer`, nothing could be learnt of `region`."""

    observer: str
    region: str
    began: float
    ended: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """`observer` said that `region` has this digest at this index."""

    observer: str
    region: str
    at: float
    index: int
    digest: str
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """From `at` on something is broken. Regions in `down` cannot be asked: their server is gone."""

    name: str
    at: float
    down: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """The fault of that name is over."""

    name: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """At `at`, `region` went back to what it was at `as_of`: what it acknowledged in between may be gone."""

    region: str
    as_of: float
    at: float


Event = Wrote | Looked | Failed | Digested | Fault | Healed | Restored
E = TypeVar("E", Wrote, Looked, Failed, Digested, Fault, Healed, Restored)


class History:
    """What was seen, in the order in which it was written down. Only grows; any thread may add to it."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._lock = threading.Lock()
        self._events = list(events)

    def add(self, event: Event) -> None:
        """Write down one thing more."""
        with self._lock:
            self._events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        with self._lock:
            return [event for event in self._events if isinstance(event, kind)]

    def counts(self) -> Counter[str]:
        """How much was seen, by kind: a verdict about nothing is worth nothing."""
        with self._lock:
            return Counter(type(event).__name__ for event in self._events)


class Kind(StrEnum):
    """The promises that can be broken."""

    LOST = "lost"  # an acknowledged write cannot be seen
    RESURRECTED = "resurrected"  # something is there that was removed or never written
    WENT_BACK = "went back"  # an index was lower than one seen before
    FAILED = "failed"  # a lookup got no answer although the server asked was up
    DIFFERS = "differs"  # two regions do not agree on what a third holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken promise, in words for the person who has to find out why."""

    kind: Kind
    at: float
    text: str


def judge(history: History, *, within: float = CONVERGED_WITHIN) -> list[Violation]:
    """Every broken promise in the order of time; the federation has `within` seconds after each fault to recover."""
    case = Case(history, within)
    found = [violation for rule in RULES for violation in rule(case)]
    return sorted(found, key=lambda violation: violation.at)


@dataclass(slots=True)
class Case:
    """A history laid out for the rules."""

    history: History
    within: float
    looks: list[Looked] = field(init=False)
    writes: dict[str, dict[str, list[Wrote]]] = field(init=False)  # region, key: in order of beginning
    restores: dict[str, list[Restored]] = field(init=False)
    _turns: list[tuple[float, int]] = field(init=False)  # from when on how many faults are open

    def __post_init__(self) -> None:
        self.looks = self.history.of(Looked)
        self.writes = defaultdict(lambda: defaultdict(list))
        for write in sorted(self.history.of(Wrote), key=lambda write: write.began):
            self.writes[write.region][write.key].append(write)
        self.restores = defaultdict(list)
        for restored in self.history.of(Restored):
            self.restores[restored.region].append(restored)
        steps = [(fault.at, 1) for fault in self.history.of(Fault)]
        steps += [(healed.at, -1) for healed in self.history.of(Healed)]
        self._turns, number = [(-inf, 0)], 0
        for at, step in sorted(steps, key=lambda step: (step[0], -step[1])):
            number += step
            self._turns.append((at, number))

    def calm_since(self, at: float) -> float | None:
        """Since when nothing has been broken, or None while something is."""
        turn, faults = self._turns[bisect_right(self._turns, (at, inf)) - 1]
        return None if faults else turn

    def is_settled(self, at: float) -> bool:
        """True when everything must agree."""
        since = self.calm_since(at)
        return since is not None and since + self.within <= at

    def is_undone(self, write: Wrote) -> bool:
        """True when a restore may have taken the write away."""
        return any(
            write.ended > restored.as_of and write.began < restored.at for restored in self.restores[write.region]
        )

    def same_log(self, region: str, one: str, other: str, *, since: float, until: float) -> bool:
        """True when two indexes can be compared: they name the same log, or none and there was no restore between."""
        if one and other:
            return one == other
        return not any(since <= restored.at <= until for restored in self.restores[region])

    def must_show(self, write: Wrote, look: Looked, *, settled: bool) -> bool:
        """True when the answer has no excuse for not knowing of the write."""
        if not write.acknowledged or self.is_undone(write):
            return False
        if settled and write.ended + self.within <= look.began:
            return True
        if write.index is None or look.index < write.index:
            return False
        # An answer that names no log may be of a log that was restored since.
        return self.same_log(write.region, write.log, look.log, since=-inf, until=look.ended)

    def is_later(self, one: Wrote, other: Wrote) -> bool:
        """True when `one` is known to have happened after `other`."""
        if one.index is not None and other.index is not None:
            first, last = sorted((one.began, other.began))
            if self.same_log(one.region, one.log, other.log, since=first, until=last):
                return one.index > other.index
        return one.began >= other.ended


def unkept_states(case: Case) -> Iterator[Violation]:
    """Lookups that show what they must not, or do not show what they must."""
    for look in case.looks:
        settled = case.is_settled(look.began)
        if look.freshness == "unknown" and not settled:
            continue  # it says itself that it knows nothing
        written = case.writes[look.region]
        keys = {key for key in written if key.startswith(look.scope)} | set(look.states)
        for key in sorted(keys):
            seen = look.states.get(key)
            allowed, latest = _allowed(case, written.get(key, []), look, settled=settled)
            if seen not in allowed:
                yield _unkept(look, key, seen, allowed, latest)


def _allowed(case: Case, writes: list[Wrote], look: Looked, *, settled: bool) -> tuple[set[str | None], Wrote | None]:
    """The states that a lookup may show of a key, and the last write that it must know of."""
    begun = [write for write in reversed(writes) if write.began <= look.ended]
    known = [write for write in begun if case.must_show(write, look, settled=settled)]
    latest = next((write for write in known if not any(case.is_later(other, write) for other in known)), None)
    allowed: set[str | None] = set() if known else {None}
    for write in begun:
        if not write.acknowledged or not any(case.is_later(later, write) for later in known):
            allowed.add(write.state)
    return allowed, latest


def _unkept(look: Looked, key: str, seen: str | None, allowed: set[str | None], latest: Wrote | None) -> Violation:
    resurrected = seen is not None and (latest is None or latest.state is None)
    expected = " or ".join(sorted("nothing" if state is None else repr(state) for state in allowed))
    because = (
        "it was never written" if latest is None else f"acknowledged at {latest.ended:.3f} with index {latest.index}"
    )
    return Violation(
        kind=Kind.RESURRECTED if resurrected else Kind.LOST,
        at=look.ended,
        text=f"{look.observer} shows {'nothing' if seen is None else repr(seen)} for {key} of {look.region} at index "
        f"{look.index} ({look.freshness}) instead of {expected}: {because}",
    )


@dataclass(frozen=True, slots=True)
class Sighting:
    """An index that an observer was told."""

    began: float
    ended: float
    index: int
    log: str


def indexes_gone_back(case: Case) -> Iterator[Violation]:
    """An index lower than one that the same observer had told of the same region, scope and log before."""
    sightings: dict[tuple[str, str, str], list[Sighting]] = defaultdict(list)
    for look in case.looks:
        sighting = Sighting(look.began, look.ended, look.index, look.log)
        sightings[look.observer, look.region, look.scope].append(sighting)
    for told in case.history.of(Digested):
        sightings[told.observer, told.region, "*"].append(Sighting(told.at, told.at, told.index, told.log))
    for (observer, region, scope), series in sightings.items():
        for before, after in _falls(case, region, series):
            yield Violation(
                kind=Kind.WENT_BACK,
                at=after.ended,
                text=f"{observer} told index {after.index} of {region} ({scope}) after it had told {before.index}",
            )


def _falls(case: Case, region: str, series: list[Sighting]) -> Iterator[tuple[Sighting, Sighting]]:
    """Pairs of which the second began after the first had ended, and has a lower index of the same log."""
    by_end = sorted(series, key=lambda sighting: sighting.ended)
    highest: dict[str, Sighting] = {}
    excuses = sorted(restored.at for restored in case.restores[region])
    passed = 0
    for after in sorted(series, key=lambda sighting: sighting.began):
        while by_end[passed].ended < after.began:
            before = by_end[passed]
            if before.log not in highest or highest[before.log].index < before.index:
                highest[before.log] = before
            passed += 1
        known = highest.get(after.log)
        if known is None or known.index <= after.index:
            continue
        if not after.log and excuses and excuses[0] <= after.ended:
            excuses.pop(0)  # a log that went back to a backup counts from there, once
            highest[after.log] = after
            continue
        yield known, after


def failed_lookups(case: Case) -> Iterator[Violation]:
    """Lookups without an answer, at a server that was up; and answers that know nothing any more."""
    outages = list(_outages(case.history))
    for failed in case.history.of(Failed):
        excused = any(
            failed.observer in down and begin <= failed.ended and failed.began <= end for down, begin, end in outages
        )
        if not excused:
            text = f"{failed.observer} could not answer for {failed.region}: {failed.reason}"
            yield Violation(kind=Kind.FAILED, at=failed.ended, text=text)
    known: set[tuple[str, str]] = set()
    for look in sorted(case.looks, key=lambda look: look.ended):
        if look.freshness != "unknown":
            known.add((look.observer, look.region))
        elif (look.observer, look.region) in known:
            text = f"{look.observer} had known {look.region} and says now that it does not know it"
            yield Violation(kind=Kind.FAILED, at=look.ended, text=text)


def _outages(history: History) -> Iterator[tuple[frozenset[str], float, float]]:
    """Which regions could not be asked, from when, until when."""
    ends: dict[str, list[float]] = defaultdict(list)
    for healed in history.of(Healed):
        ends[healed.name].append(healed.at)
    for fault in history.of(Fault):
        yield fault.down, fault.at, min((end for end in ends[fault.name] if end >= fault.at), default=inf)


def different_digests(case: Case) -> Iterator[Violation]:
    """Two digests at one index of one log; and observers that do not agree when everything must."""
    first: dict[tuple[str, str, int], Digested] = {}
    final: dict[tuple[float, str], dict[str, Digested]] = defaultdict(dict)
    for told in sorted(case.history.of(Digested), key=lambda told: told.at):
        era = sum(restored.at <= told.at for restored in case.restores[told.region])
        before = first.setdefault((told.region, told.log or f"after restore {era}", told.index), told)
        if before.digest != told.digest and (told.log or not era):
            yield _differ(before, told)
        since = case.calm_since(told.at)
        if since is not None and since + case.within <= told.at:
            final[since, told.region][told.observer] = told
    for (_, region), tellings in final.items():
        yield from _disagreements(case, region, list(tellings.values()))


def _disagreements(case: Case, region: str, tellings: list[Digested]) -> Iterator[Violation]:
    """The final state that each observer gave in a calm time, when no writes were under way."""
    begin, end = min(told.at for told in tellings) - case.within, max(told.at for told in tellings)
    if any(write.ended >= begin and write.began <= end for writes in case.writes[region].values() for write in writes):
        return
    for told in tellings[1:]:
        if (told.log, told.index, told.digest) != (tellings[0].log, tellings[0].index, tellings[0].digest):
            yield _differ(tellings[0], told)


def _differ(one: Digested, other: Digested) -> Violation:
    return Violation(
        kind=Kind.DIFFERS,
        at=other.at,
        text=f"{other.region} is {other.digest} at index {other.index} for {other.observer}, "
        f"but {one.digest} at index {one.index} for {one.observer}",
    )


RULES: tuple[Callable[[Case], Iterator[Violation]], ...] = (
    unkept_states,
    indexes_gone_back,
    failed_lookups,
    different_digests,
)
