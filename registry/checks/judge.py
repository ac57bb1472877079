"""Judging: what a probe's outcome does to a check. Pure.

Three layers decide, each with its own file in `catalog`: outcomes in a row become a tally's status (`check.count`),
a tally that keeps changing sides is held critical (`flap.settle`), and what comes out of both is the verdict.
"""

from datetime import UTC, datetime

import msgspec

from catalog.records.check import Check, Tally, count
from catalog.records.flap import Flap, decayed, free_at, settle
from catalog.records.status import Status
from registry.checks.probes.outcome import Outcome
from registry.checks.recent import appended

STALLED = 0.5  # seconds that a probe may take beyond its timeout before the worker itself is to blame


class State(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is remembered of a check between two probes. `at` is when the last outcome came, in seconds; `recent` are
    the last outcomes, packed as in `registry.checks.recent`."""

    tally: Tally
    flap: Flap = Flap()
    outcome: Outcome | None = None
    at: float = 0.0
    recent: bytes = b""

    @property
    def verdict(self) -> Status:
        """What the catalog should say. Damping only ever holds a check critical, it never lets one pass."""
        return Status.CRITICAL if self.is_held else self.tally.status

    @property
    def is_held(self) -> bool:
        """Whether damping keeps the check critical although its last outcomes would let it serve."""
        return self.flap.suppressed and self.tally.status is not Status.CRITICAL


def judged(state: State | None, check: Check, recorded: Status, outcome: Outcome, now: float) -> State:
    """The state after one more outcome. Without a state it goes on from the verdict that the catalog has recorded,
    so that losing what was remembered changes no verdict by itself."""
    before = state or State(Tally(recorded))
    tally = count(before.tally, outcome.status, check)
    flap = settle(before.flap, now, transition=_changes_sides(before.tally.status, tally.status))
    return State(tally, flap, outcome, now, appended(before.recent, now, outcome.latency, outcome.status))


def _changes_sides(before: Status, after: Status) -> bool:
    """Whether a transition takes traffic away or gives it back. A first verdict is no change of mind, and neither is
    one between passing and warning: both serve, and holding them critical would do harm for nothing."""
    return before is not Status.UNKNOWN and (before is Status.CRITICAL) != (after is Status.CRITICAL)


def cause(check: Check, state: State) -> str:
    """Why the verdict is what it is, for the log: `check http: 3 failures in a row: HTTP GET …`."""
    return f"check {check.name}: {_streak(state.tally)}: {explanation(state, state.at)}"


def _streak(tally: Tally) -> str:
    number, word = (tally.failures, "failure") if tally.failures else (tally.successes, "success")
    if number == 1:
        return f"1 {word}"
    return f"{number} {'failures' if tally.failures else 'successes'} in a row"


def explanation(state: State, now: float) -> str:
    """The output of the last outcome, and with damping until when it holds the check, and at which score."""
    output = state.outcome.output if state.outcome else "no outcome yet"
    if not state.is_held:
        return output
    until = datetime.fromtimestamp(free_at(state.flap), UTC)
    return f"held critical by flap damping until {until:%H:%M:%S} UTC (score {decayed(state.flap, now):.0f}): {output}"


def is_stall(outcome: Outcome, check: Check) -> bool:
    """Whether a probe failed because the worker itself stood still. That says nothing about the target."""
    return outcome.status is Status.CRITICAL and outcome.latency > check.timeout + STALLED
