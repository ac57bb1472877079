"""Flap damping."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.records import flap
from catalog.records.flap import Flap, decayed, free_at, settle


def after(transitions: int, *, apart: float) -> Flap:
    state = Flap()
    for number in range(transitions):
        state = settle(state, number * apart, transition=True)
    return state


def test_a_single_transition_suppresses_nothing():
    assert not after(1, apart=1).suppressed


def test_many_transitions_in_quick_succession_suppress():
    assert after(6, apart=2).suppressed


def test_transitions_far_apart_never_suppress():
    assert not after(50, apart=10 * flap.HALF_LIFE).suppressed


def test_the_score_halves_in_a_half_life():
    assert decayed(Flap(1000.0, 0.0), flap.HALF_LIFE) == 500.0


def test_a_clock_that_jumps_back_does_not_raise_the_score():
    assert decayed(Flap(1000.0, 100.0), 0.0) == 1000.0


@given(st.integers(6, 40))
def test_a_suppressed_check_is_free_at_the_time_it_was_told(transitions):
    state = after(transitions, apart=1)
    assert not settle(state, free_at(state) + 0.01, transition=False).suppressed
    assert settle(state, free_at(state) - 0.1, transition=False).suppressed


@given(st.integers(1, 500))
def test_nobody_is_held_longer_than_the_ceiling_allows(transitions):
    state = after(transitions, apart=0.1)
    assert free_at(state) - state.at <= flap.HALF_LIFE * 3
