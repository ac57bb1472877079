"""The witness accepts what an honest federation may do, and finds every kind of broken promise."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.harness.federation.witness import (
    Digested,
    Event,
    Failed,
    Fault,
    Healed,
    History,
    Kind,
    Looked,
    Restored,
    Violation,
    Wrote,
    judge,
)

REGIONS = ("east", "west", "south")
KEYS = ("a/1", "a/2", "b/1")
WITHIN = 5.0
SLOW_MACHINE = [HealthCheck.too_slow]  # how fast examples are drawn says more about the machine than about the test

Entry = tuple[str, str | None]  # key, state


@dataclass
class Origin:
    """A region's own log."""

    name: str
    named: bool
    entries: list[Entry] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    restores: int = 0

    @property
    def log(self) -> str:
        return f"log-{self.restores}" if self.named else ""


@dataclass
class Mirror:
    """What an observer holds of a region: some length of the entries of some time."""

    entries: list[Entry] = field(default_factory=list)
    restores: int = 0
    log: str = ""

    def states(self, scope: str) -> dict[str, str]:
        states = {key: state for key, state in dict(self.entries).items() if key.startswith(scope)}
        return {key: state for key, state in states.items() if state is not None}

    def touched(self, scope: str) -> int:
        return max((index for index, entry in enumerate(self.entries, 1) if entry[0].startswith(scope)), default=0)


class Federation:
    """An honest federation, as slow as it is allowed to be. Steps are numbers, so that any sequence makes a history."""

    def __init__(self, *, named: bool) -> None:
        self.now = 0.0
        self.events: list[Event] = []
        self.origins = {name: Origin(name, named) for name in REGIONS}
        self.mirrors = {
            (observer, origin.name): Mirror(log=origin.log) for observer in REGIONS for origin in self.origins.values()
        }
        self.retired: set[tuple[str, str]] = set()
        self.broken_since: float | None = None
        self.healed_at = -WITHIN

    def run(self, steps: list[tuple[int, int]]) -> None:
        actions = (self.write, self.look, self.sync, self.tell, self.wait, self.turn, self.restore)
        weights = (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6)
        for action, detail in steps:
            self.now += 0.25
            actions[weights[action % len(weights)]](detail)

    def write(self, detail: int) -> None:
        origin, key = self.origins[REGIONS[detail % 3]], KEYS[detail // 3 % 3]
        if (origin.name, key) in self.retired:
            return
        state = None if detail % 4 == 0 else f"v{len(self.events)}"
        known = detail % 7 != 0
        if known or detail % 2:
            origin.entries.append((key, state))
            origin.times.append(self.now)
        if not known:
            self.retired.add((origin.name, key))
        index = len(origin.entries) if known and detail % 5 else None
        self.events.append(
            Wrote(
                region=origin.name,
                key=key,
                state=state,
                began=self.now - 0.1,
                ended=self.now,
                index=index,
                log=origin.log if index else "",
                acknowledged=known,
            )
        )

    def sync(self, detail: int) -> None:
        """An observer learns more of a region, be it all or a part."""
        observer, region = REGIONS[detail % 3], REGIONS[detail // 3 % 3]
        origin, mirror = self.origins[region], self.mirrors[observer, region]
        whole = mirror.restores != origin.restores or detail % 2
        length = len(origin.entries) if whole else (len(mirror.entries) + len(origin.entries)) // 2
        self.mirrors[observer, region] = Mirror(origin.entries[:length], origin.restores, origin.log)

    def catch_up(self, observer: str, region: str) -> Mirror:
        """In calm times nobody may be too far behind."""
        origin = self.origins[region]
        if self.broken_since is None and self.healed_at + WITHIN <= self.now:
            length = sum(at + WITHIN <= self.now for at in origin.times)
            mirror = self.mirrors[observer, region]
            if mirror.restores != origin.restores or len(mirror.entries) < length:
                self.mirrors[observer, region] = Mirror(list(origin.entries), origin.restores, origin.log)
        return self.mirrors[observer, region]

    def look(self, detail: int) -> None:
        observer, region, scope = REGIONS[detail % 3], REGIONS[detail // 3 % 3], ("a/", "b/")[detail % 2]
        mirror = self.catch_up(observer, region)
        self.events.append(
            Looked(
                observer=observer,
                region=region,
                scope=scope,
                began=self.now,
                ended=self.now + 0.1,
                index=mirror.touched(scope),
                log=mirror.log,
                states=mirror.states(scope),
            )
        )

    def tell(self, detail: int) -> None:
        observer, region = REGIONS[detail % 3], REGIONS[detail // 3 % 3]
        mirror = self.catch_up(observer, region)
        self.events.append(
            Digested(
                observer=observer,
                region=region,
                at=self.now,
                index=len(mirror.entries),
                log=mirror.log,
                digest=str(sorted(mirror.states("").items())),
            )
        )

    def wait(self, detail: int) -> None:
        self.now += detail % 10

    def turn(self, _: int) -> None:
        """Something breaks, or what is broken heals."""
        if self.broken_since is None:
            self.broken_since = self.now
            self.events.append(Fault(name=f"fault at {self.now}", at=self.now))
        else:
            self.events.append(Healed(name=f"fault at {self.broken_since}", at=self.now))
            self.broken_since, self.healed_at = None, self.now

    def restore(self, detail: int) -> None:
        """While something is broken, a region goes back in time."""
        if self.broken_since is None:
            return
        origin = self.origins[REGIONS[detail % 3]]
        kept = detail // 3 % (len(origin.entries) + 1)
        as_of = origin.times[kept - 1] if kept else -1.0
        origin.entries, origin.times = origin.entries[:kept], origin.times[:kept]
        origin.restores += 1
        self.events.append(Restored(region=origin.name, as_of=as_of, at=self.now))

    def conclude(self) -> None:
        """Heal, settle, and have everybody look at everything."""
        if self.broken_since is not None:
            self.turn(0)
        self.now += 3 * WITHIN
        for detail in range(18):
            self.look(detail)
            self.tell(detail)


def history_of(steps: list[tuple[int, int]], *, named: bool) -> list[Event]:
    federation = Federation(named=named)
    federation.run(steps)
    federation.conclude()
    return federation.events


STEPS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=120)


@given(steps=STEPS, named=st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW_MACHINE)
def test_an_honest_federation_is_accepted(steps: list[tuple[int, int]], named: bool) -> None:
    assert judge(History(history_of(steps, named=named)), within=WITHIN) == []


def test_the_honest_federation_does_everything_that_is_judged() -> None:
    steps = [(number * 7919 % 1000, number * 104729 % 1000) for number in range(400)]
    counts = History(history_of(steps, named=True)).counts()
    assert min(counts[kind] for kind in ("Wrote", "Looked", "Digested", "Fault", "Healed", "Restored")) >= 5


FIRST = [(0, 1), (0, 2), (0, 5)]  # a/1 is written in west, and a/1 and a/2 in south


def spoiled(steps: list[tuple[int, int]], spoil: Callable[[Looked], Looked | None]) -> list[Violation] | None:
    """The verdict after the last fitting answer was spoiled; None when a restore left nothing to spoil."""
    events = history_of([*FIRST, *steps], named=True)
    for place in reversed(range(len(events))):
        event = events[place]
        if isinstance(event, Looked) and (bad := spoil(event)) is not None:
            events[place] = bad
            return judge(History(events), within=WITHIN)
    return None


def without_one(look: Looked) -> Looked | None:
    gone = min(look.states, default=None)
    return replace(look, states={key: look.states[key] for key in look.states if key != gone}) if gone else None


def with_an_older_state(look: Looked) -> Looked | None:
    return replace(look, states={**look.states, min(look.states): "v-1"}) if look.states else None


def with_one_more(look: Looked) -> Looked | None:
    return replace(look, states={**look.states, f"{look.scope}ghost": "v0"})


def known_writes(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The steps without writes whose outcome stays unknown: of those nothing can be said."""
    return [(action, detail) for action, detail in steps if detail % 7]


@given(steps=STEPS)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW_MACHINE)
def test_an_instance_missing_after_convergence_is_found(steps: list[tuple[int, int]]) -> None:
    found = spoiled(known_writes(steps), without_one)
    assume(found is not None)
    assert [violation.kind for violation in found or []] == [Kind.LOST]


@given(steps=STEPS)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW_MACHINE)
def test_a_state_that_nobody_wrote_is_found(steps: list[tuple[int, int]]) -> None:
    found = spoiled(known_writes(steps), with_an_older_state)
    assume(found is not None)
    assert [violation.kind for violation in found or []] == [Kind.LOST]


@given(steps=STEPS)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW_MACHINE)
def test_an_instance_from_nowhere_is_found(steps: list[tuple[int, int]]) -> None:
    found = spoiled(steps, with_one_more)
    assert found is not None
    assert [violation.kind for violation in found] == [Kind.RESURRECTED]


@given(steps=STEPS)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW_MACHINE)
def test_an_index_that_went_back_is_found(steps: list[tuple[int, int]]) -> None:
    events = history_of([*FIRST, *steps], named=True)
    last = next(event for event in reversed(events) if isinstance(event, Looked))
    repeated = replace(last, index=last.index - 1, began=last.ended + 1, ended=last.ended + 2)
    assert Kind.WENT_BACK in {violation.kind for violation in judge(History([*events, repeated]), within=WITHIN)}


@given(steps=STEPS)
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW_MACHINE)
def test_a_digest_that_differs_after_convergence_is_found(steps: list[tuple[int, int]]) -> None:
    events = history_of([*FIRST, *steps], named=True)
    last = next(event for event in reversed(events) if isinstance(event, Digested))
    events[events.index(last)] = replace(last, digest="another")
    assert {violation.kind for violation in judge(History(events), within=WITHIN)} == {Kind.DIFFERS}


# One promise at a time, so that the rule is plain to read.


def wrote(state: str | None, at: float, *, index: int | None = None, **values: Any) -> Wrote:
    given = {"region": "east", "key": "a/1", "log": "", **values}
    return Wrote(state=state, began=at - 0.1, ended=at, index=index, **given)


def looked(states: dict[str, str], at: float, *, index: int = 0, **values: Any) -> Looked:
    given = {"observer": "west", "region": "east", "scope": "a/", **values}
    return Looked(states=states, began=at, ended=at + 0.1, index=index, **given)


def told(observer: str, digest: str, at: float, *, index: int = 1, **values: Any) -> Digested:
    return Digested(observer=observer, region="east", at=at, index=index, digest=digest, **values)


def failed(observer: str, at: float) -> Failed:
    return Failed(observer=observer, region="east", began=at, ended=at + 0.1, reason="no answer")


CUT = Fault(name="cut", at=10)
HEALED = Healed(name="cut", at=20)
DOWN = Fault(name="killed", at=10, down=frozenset({"west"}))
BACK = Healed(name="killed", at=20)
RESTORED = Restored(region="east", as_of=5, at=15)

CASES: dict[str, tuple[list[Event], list[Kind]]] = {
    "a write need not be seen at once": ([wrote("v1", 1), looked({}, 2)], []),
    "a write must be seen after a while": ([wrote("v1", 1), looked({}, 7)], [Kind.LOST]),
    "a write must be seen at its index": ([wrote("v1", 1, index=3), looked({}, 2, index=3)], [Kind.LOST]),
    "a write need not be seen below its index": ([wrote("v1", 1, index=3), looked({}, 2, index=2)], []),
    "an index of another log says nothing": (
        [wrote("v1", 1, index=3, log="x"), looked({}, 2, index=3, log="y")],
        [],
    ),
    "during a cut far writes may be missing": ([CUT, wrote("v1", 11), looked({}, 19)], []),
    "during a cut an index binds all the same": ([CUT, wrote("v1", 11, index=1), looked({}, 12, index=1)], [Kind.LOST]),
    "just after the cut far writes may be missing": ([CUT, wrote("v1", 11), HEALED, looked({}, 24)], []),
    "well after the cut they may not": ([CUT, wrote("v1", 11), HEALED, looked({}, 26)], [Kind.LOST]),
    "a replacement must be seen": ([wrote("v1", 1), wrote("v2", 2), looked({"a/1": "v1"}, 9)], [Kind.LOST]),
    "either of two writes at one time may be last": (
        [wrote("v1", 1), replace(wrote("v2", 2), began=0.5), looked({"a/1": "v1"}, 9)],
        [],
    ),
    "their indexes tell which was": (
        [wrote("v1", 1, index=1), replace(wrote("v2", 2, index=2), began=0.5), looked({"a/1": "v1"}, 9, index=2)],
        [Kind.LOST],
    ),
    "what was removed must go": ([wrote("v1", 1), wrote(None, 2), looked({"a/1": "v1"}, 9)], [Kind.RESURRECTED]),
    "what was removed may come back by a new write": (
        [wrote("v1", 1), wrote(None, 2), wrote("v1", 3), looked({"a/1": "v1"}, 9)],
        [],
    ),
    "what is removed for all we know may be there": (
        [wrote("v1", 1), wrote(None, 2, acknowledged=False), looked({"a/1": "v1"}, 99)],
        [],
    ),
    "what is there for all we know may be there": ([wrote("v1", 1, acknowledged=False), looked({"a/1": "v1"}, 9)], []),
    "what nobody put there must not": ([looked({"a/2": "v1"}, 1)], [Kind.RESURRECTED]),
    "what lies outside the scope is not asked for": ([wrote("v1", 1, key="b/1"), looked({}, 9)], []),
    "another region's keys are its own": ([wrote("v1", 1, region="south"), looked({}, 9)], []),
    "a restore may take back what came after the backup": (
        [CUT, wrote("v1", 4), wrote("v2", 11), RESTORED, HEALED, looked({"a/1": "v1"}, 30)],
        [],
    ),
    "a restore may not take back what came before it": (
        [CUT, wrote("v1", 4), wrote("v2", 11), RESTORED, HEALED, looked({}, 30)],
        [Kind.LOST],
    ),
    "who never heard of a region may say so": ([wrote("v1", 1), CUT, looked({}, 11, freshness="unknown")], []),
    "who knew a region must not forget it": (
        [CUT, looked({}, 11, freshness="stale"), looked({}, 12, freshness="unknown")],
        [Kind.FAILED],
    ),
    "not to know at the end is to have lost": ([wrote("v1", 1), looked({}, 9, freshness="unknown")], [Kind.LOST]),
    "an index must not go back": ([looked({}, 1, index=4), looked({}, 2, index=3)], [Kind.WENT_BACK]),
    "an index goes back for one observer alone": (
        [looked({}, 1, index=4), looked({}, 2, index=3, observer="south")],
        [],
    ),
    "an index counts within its scope": ([looked({}, 1, index=4), looked({}, 2, index=3, scope="b/")], []),
    "answers that crossed each other may be in any order": (
        [replace(looked({}, 1, index=4), ended=3), looked({}, 2, index=3)],
        [],
    ),
    "a new log counts from its own beginning": (
        [looked({}, 1, index=4, log="x"), looked({}, 2, index=3, log="y")],
        [],
    ),
    "a restored log without a name may go back once": (
        [looked({}, 1, index=4), RESTORED, looked({}, 16, index=3), looked({}, 17, index=2)],
        [Kind.WENT_BACK],
    ),
    "an index told with a digest must not go back either": (
        [told("west", "d", 1, index=4), told("west", "e", 2, index=3)],
        [Kind.WENT_BACK],
    ),
    "a lookup must not fail": ([failed("west", 1)], [Kind.FAILED]),
    "a lookup must not fail during a cut": ([CUT, failed("west", 11), HEALED], [Kind.FAILED]),
    "a server that is down cannot answer": ([DOWN, failed("west", 11), BACK], []),
    "the others must": ([DOWN, failed("south", 11), BACK], [Kind.FAILED]),
    "a server that is back must answer": ([DOWN, BACK, failed("west", 21)], [Kind.FAILED]),
    "digests at one index must be equal at any time": (
        [CUT, told("west", "d", 11), told("south", "e", 12)],
        [Kind.DIFFERS],
    ),
    "digests at different indexes may differ during a cut": (
        [CUT, told("west", "d", 11, index=1), told("south", "e", 12, index=2)],
        [],
    ),
    "after the cut they may not": (
        [CUT, HEALED, told("west", "d", 26, index=1), told("south", "e", 27, index=2)],
        [Kind.DIFFERS],
    ),
    "the last word counts": (
        [told("west", "d", 26, index=1), told("south", "e", 27, index=2), told("west", "e", 28, index=2)],
        [],
    ),
    "while somebody writes they may differ": (
        [wrote("v1", 25), told("west", "d", 26, index=1), told("south", "e", 27, index=2)],
        [],
    ),
    "different logs are different": (
        [told("west", "d", 26, log="x"), told("south", "d", 27, log="y")],
        [Kind.DIFFERS],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_promises(name: str) -> None:
    events, expected = CASES[name]
    assert [violation.kind for violation in judge(History(events), within=WITHIN)] == expected


def test_a_violation_says_who_showed_what_instead_of_what() -> None:
    [violation] = judge(History([wrote("v1", 1, index=3), looked({}, 9, index=3)]))
    assert violation.text == (
        "west shows nothing for a/1 of east at index 3 (live) instead of 'v1': acknowledged at 1.000 with index 3"
    )


def test_an_empty_history_counts_nothing() -> None:
    assert not History().counts()
