"""Judging: thresholds, damping, and what people are told about them."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from catalog.records.check import Check, CheckType, Tally
from catalog.records.flap import HALF_LIFE, Flap
from catalog.records.status import Status
from registry.checks.judge import STALLED, State, cause, explanation, is_stall, judged
from registry.checks.probes.outcome import Outcome
from registry.checks.recent import KEPT, Sample, appended, unpacked

GOOD, BAD, MEDIOCRE = Outcome(Status.PASSING, "fine"), Outcome(Status.CRITICAL, "dead"), Outcome(Status.WARNING, "busy")
outcomes = st.lists(st.sampled_from([GOOD, BAD, MEDIOCRE]), min_size=1, max_size=60)


def check(**fields: object) -> Check:
    return Check(name="http", type=CheckType.HTTP, url="http://10.0.0.1/", **fields)  # type: ignore[arg-type]


def after(
    seen: list[Outcome], subject: Check, *, recorded: Status = Status.UNKNOWN, apart: float = 10.0
) -> list[State]:
    """The states after each outcome, which come `apart` seconds from each other."""
    states: list[State] = []
    for number, outcome in enumerate(seen):
        states.append(judged(states[-1] if states else None, subject, recorded, outcome, number * apart))
    return states


@given(st.integers(1, 10))
def test_a_check_turns_critical_at_exactly_the_nth_failure(threshold: int) -> None:
    states = after([GOOD] + [BAD] * threshold, check(failures_before_critical=threshold))
    assert [state.verdict for state in states[1:]] == [Status.PASSING] * (threshold - 1) + [Status.CRITICAL]


@given(st.integers(1, 10))
def test_a_check_turns_passing_at_exactly_the_nth_success(threshold: int) -> None:
    states = after([BAD] + [GOOD] * threshold, check(success_before_passing=threshold))
    assert [state.verdict for state in states[1:]] == [Status.CRITICAL] * (threshold - 1) + [Status.PASSING]


def test_a_success_in_between_starts_the_count_of_failures_anew() -> None:
    states = after([GOOD, BAD, BAD, GOOD, BAD, BAD], check(failures_before_critical=3))
    assert states[-1].verdict is Status.PASSING


@given(st.sampled_from([GOOD, BAD, MEDIOCRE]))
def test_the_first_outcome_of_a_check_without_a_verdict_acts_at_once(outcome: Outcome) -> None:
    state = judged(None, check(), Status.UNKNOWN, outcome, 0.0)
    assert state.verdict is outcome.status


def test_without_a_state_the_recorded_verdict_goes_on() -> None:
    state = judged(None, check(failures_before_critical=3), Status.PASSING, BAD, 0.0)
    assert state.verdict is Status.PASSING
    assert state.tally.failures == 1


@given(outcomes, st.integers(1, 4), st.integers(1, 4), st.floats(0.5, 120))
def test_damping_never_sends_traffic_to_a_check_that_is_failing(
    seen: list[Outcome], rise: int, fall: int, apart: float
) -> None:
    subject = check(success_before_passing=rise, failures_before_critical=fall)
    for state in after(seen, subject, apart=apart):
        if state.tally.status is Status.CRITICAL:
            assert state.verdict is Status.CRITICAL


@given(outcomes, st.integers(1, 4), st.floats(0.5, 120))
def test_damping_never_takes_traffic_from_a_check_that_keeps_its_mind(
    seen: list[Outcome], fall: int, apart: float
) -> None:
    states = after(seen, check(failures_before_critical=fall), apart=apart)
    for before, state in itertools.pairwise(states):
        if before.verdict is not Status.CRITICAL and state.verdict is Status.CRITICAL:
            assert state.tally.status is Status.CRITICAL  # only failures take traffic away, damping only keeps it away


def test_a_check_that_flaps_is_held_critical_and_freed_once_it_is_calm() -> None:
    subject = check(failures_before_critical=1)
    states = after([GOOD, BAD] * 6, subject, apart=2.0)
    held = judged(states[-1], subject, Status.CRITICAL, GOOD, 24.0)
    assert held.is_held
    assert held.verdict is Status.CRITICAL
    calm = judged(held, subject, Status.CRITICAL, GOOD, 24.0 + 4 * HALF_LIFE)
    assert calm.verdict is Status.PASSING


def test_changing_between_passing_and_warning_is_not_flapping() -> None:
    states = after([GOOD, MEDIOCRE] * 30, check(), apart=1.0)
    assert states[-1].flap.score == 0.0


def test_a_held_check_says_until_when_and_at_which_score() -> None:
    state = State(Tally(Status.PASSING, 1), Flap(6000.0, 1000.0, True), GOOD, 1000.0)
    assert explanation(state, 1000.0) == "held critical by flap damping until 00:18:40 UTC (score 6000): fine"


def test_a_cause_counts_what_led_to_the_verdict() -> None:
    states = after([GOOD, BAD, BAD, BAD], check(failures_before_critical=3))
    assert cause(check(), states[0]) == "check http: 1 success: fine"
    assert cause(check(), states[-1]) == "check http: 3 failures in a row: dead"


def test_a_probe_that_took_much_longer_than_its_timeout_blames_the_worker() -> None:
    late = Outcome(Status.CRITICAL, "no answer within 2s", 2.0 + STALLED + 0.1)
    assert is_stall(late, check(timeout=2.0))
    assert not is_stall(Outcome(Status.CRITICAL, "no answer within 2s", 2.01), check(timeout=2.0))
    assert not is_stall(Outcome(Status.PASSING, "", 9.0), check(timeout=2.0))


def test_the_last_outcomes_are_remembered_in_order_and_no_more_than_are_kept() -> None:
    slow = Outcome(Status.CRITICAL, "no answer", 1.5)
    states = after([GOOD] * KEPT + [slow, MEDIOCRE], check(), apart=10.0)
    samples = unpacked(states[-1].recent)
    assert len(samples) == KEPT
    assert samples[0] == Sample(20.0, 0.0, Status.PASSING)
    assert samples[-2:] == (Sample(KEPT * 10.0, 1.5, Status.CRITICAL), Sample(KEPT * 10.0 + 10, 0.0, Status.WARNING))


@given(st.floats(0, 6e9), st.floats(0, 160), st.sampled_from(Status))
def test_a_sample_is_kept_to_a_tenth_of_a_second_and_10_microseconds(at: float, latency: float, status: Status) -> None:
    (sample,) = unpacked(appended(b"", at, latency, status))
    assert abs(sample.at - at) <= 0.0500001
    assert abs(sample.latency - latency) <= 0.0000050001
    assert sample.status is status


def test_a_latency_beyond_all_measure_spoils_no_other_figure() -> None:
    (sample,) = unpacked(appended(b"", 1000.0, 1e9, Status.CRITICAL))
    assert (sample.at, sample.status) == (1000.0, Status.CRITICAL)
    assert 160 < sample.latency < 170
    assert unpacked(appended(b"", 1000.0, -1.0, Status.PASSING)) == (Sample(1000.0, 0.0, Status.PASSING),)
