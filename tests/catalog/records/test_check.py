"""Thresholds: how many outcomes in a row change a verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records.check import Check, CheckType, Tally, count
from catalog.records.status import Status, worst

P, W, C, U = Status.PASSING, Status.WARNING, Status.CRITICAL, Status.UNKNOWN
OUTCOMES = {"p": P, "w": W, "c": C}


def check(passing: int = 1, critical: int = 3) -> Check:
    return Check(
        name="http",
        type=CheckType.HTTP,
        url="http://x/",
        success_before_passing=passing,
        failures_before_critical=critical,
    )


def run(start: Status, outcomes: str, **thresholds: int) -> str:
    """The statuses that `outcomes` lead through, as letters."""
    tally, seen = Tally(start), ""
    for letter in outcomes:
        tally = count(tally, OUTCOMES[letter], check(**thresholds))
        seen += tally.status.value[0]
    return seen


@pytest.mark.parametrize(
    ("start", "outcomes", "thresholds", "seen"),
    [
        (U, "p", {}, "p"),
        (U, "c", {}, "c"),
        (P, "ccc", {}, "ppc"),
        (P, "ccpccc", {}, "pppppc"),
        (P, "c", {"critical": 1}, "c"),
        (C, "ppp", {"passing": 3}, "ccp"),
        (C, "ppcppp", {"passing": 3}, "cccccp"),
        (C, "www", {"passing": 2}, "cww"),
        (P, "wcp", {}, "wwp"),
    ],
)
def test_outcomes_add_up(start, outcomes, thresholds, seen):
    assert run(start, outcomes, **thresholds) == seen


@given(st.text("pwc", max_size=40), st.integers(1, 5), st.integers(1, 5))
def test_a_settled_check_turns_critical_only_after_its_failures_in_a_row(outcomes, passing, critical):
    seen = run(P, outcomes, passing=passing, critical=critical)
    for place in range(1, len(seen)):
        if seen[place] == "c" and seen[place - 1] != "c":
            assert outcomes[: place + 1].endswith("c" * critical)


@given(st.text("pwc", max_size=40), st.integers(1, 5))
def test_a_critical_check_serves_again_only_after_its_successes_in_a_row(outcomes, passing):
    seen = "c" + run(C, outcomes, passing=passing)
    for place in range(1, len(seen)):
        if seen[place] != "c" and seen[place - 1] == "c":
            assert "c" not in outcomes[place - passing : place]


@pytest.mark.parametrize(("statuses", "verdict"), [([], P), ([P, U], U), ([P, W, U], W), ([W, C, P], C), ([P, P], P)])
def test_the_worst_status_counts(statuses, verdict):
    assert worst(statuses) is verdict
