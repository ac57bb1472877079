"""Only observed time counts."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.records.lease import Clock, Lease, deadline, has_expired, look

TTL = Lease(15.0)
PATIENCE = 3.0


def test_a_lease_expires_after_its_ttl_of_observed_time():
    clock = Clock(100.0)
    due = deadline(TTL, clock, 100.0)
    for second in range(101, 115):
        clock = look(clock, second, patience=PATIENCE)
        assert not has_expired(due, clock, second)
    assert has_expired(due, look(clock, 115.0, patience=PATIENCE), 115.0)


def test_time_in_which_nobody_looked_expires_nothing():
    clock = Clock(100.0)
    due = deadline(TTL, clock, 100.0)
    clock = look(clock, 4000.0, patience=PATIENCE)
    assert not has_expired(due, clock, 4000.0)


def test_a_clock_that_jumps_back_keeps_deadlines_at_their_distance():
    clock = Clock(10_000.0)
    due = deadline(TTL, clock, 10_000.0)
    clock = look(clock, 9_000.0, patience=PATIENCE)
    assert not has_expired(due, clock, 9_014.0)
    assert has_expired(due, clock, 9_015.0)


@given(st.lists(st.floats(0.01, 100.0), max_size=50))
def test_the_observed_clock_never_runs_faster_than_the_looks(gaps):
    clock, now, seen = Clock(0.0), 0.0, 0.0
    for gap in gaps:
        now += gap
        clock = look(clock, now, patience=PATIENCE)
        seen += min(gap, PATIENCE)
    assert abs(clock.observed(now) - seen) < 1e-6
