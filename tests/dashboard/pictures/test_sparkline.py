"""The small history of health."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pictures import sparkline
from tests.harness.dashboard.svg import HOSTILE, corners, name_of, of_class, parsed

counts = st.tuples(*[st.integers(0, 2000)] * 4)

CALM = [(12, 0, 0, 0)] * 20 + [(10, 0, 0, 2)] * 4 + [(12, 0, 0, 0)] * 6


@given(samples=st.lists(counts, max_size=40), label=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF)))
def test_any_history_and_label_make_a_well_formed_picture(samples, label):
    root = parsed(sparkline(samples, label=label))
    assert name_of(root).startswith(f"{label}: ")


@given(samples=st.lists(counts, min_size=1, max_size=40))
def test_every_layer_is_as_wide_as_the_history_and_no_higher_than_the_picture(samples):
    for path in parsed(sparkline(samples, label="x")).iter("path"):
        places = corners(path.attrib["d"])
        assert max(x for x, _ in places) == len(samples)
        assert all(0 <= y <= 20 for _, y in places)


@given(samples=st.lists(counts, min_size=1, max_size=40))
def test_a_status_has_a_layer_exactly_when_it_ever_had_an_instance(samples):
    root = parsed(sparkline(samples, label="x"))
    for place, status in enumerate(("passing", "unknown", "warning", "critical")):
        assert len(of_class(root, f"fill-{status}")) == any(sample[place] for sample in samples)


def test_markup_in_a_label_is_text():
    assert name_of(parsed(sparkline(CALM, label=HOSTILE))).startswith(HOSTILE)


def test_it_says_what_is_now_and_how_bad_it_was():
    assert name_of(parsed(sparkline(CALM, label="checkout"))) == "checkout: now 12 passing; at most 2 critical"


def test_one_critical_among_hundreds_is_high_enough_to_be_seen():
    [layer] = of_class(parsed(sparkline([(900, 0, 0, 1)] * 30, label="x")), "fill-critical")
    assert min(y for _, y in corners(layer.attrib["d"])) <= 18


def test_no_history_is_said_and_draws_nothing():
    root = parsed(sparkline([], label="x"))
    assert name_of(root) == "x: no history yet"
    assert not list(root.iter("path"))


def test_a_time_without_instances_leaves_the_ground_bare():
    [layer] = of_class(parsed(sparkline([(0, 0, 0, 0)] * 10 + [(5, 0, 0, 0)] * 5, label="x")), "fill-passing")
    assert corners(layer.attrib["d"])[1] == (10, 20)


def test_equal_neighbours_are_one_step():
    assert len(sparkline([(7, 0, 0, 0)] * 30, label="x")) < 200


def test_a_usual_history_is_less_than_600_bytes():
    assert len(sparkline(CALM, label="payments in eu-west, last 30 minutes").encode()) < 600


def test_a_history_that_changes_in_every_step_stays_compact():
    restless = [(20 + at % 7, at % 3, at % 5, at % 4) for at in range(30)]
    assert len(sparkline(restless, label="x").encode()) < 1000


@pytest.mark.parametrize("samples", [CALM])
def test_a_usual_one_takes_less_than_40_microseconds_of_processor(samples):
    assert min(_processor_time(samples) for _ in range(40)) < 40e-6


def _processor_time(samples) -> float:
    """Of one picture; the least of many runs is what it takes when nothing else wants the processor."""
    begun = time.process_time()
    for _ in range(100):
        sparkline(samples, label="x")
    return (time.process_time() - begun) / 100
