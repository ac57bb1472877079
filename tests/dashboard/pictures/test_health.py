"""Health over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records.status import Status
from dashboard.pictures import health_over_time
from dashboard.pictures.chart.steps import thinned, within
from tests.harness.dashboard.svg import HOSTILE, corners, name_of, of_class, parsed, words

NOON = 1_795_435_200.0
HOUR = 3600.0

PASSING, CRITICAL = Status.PASSING, Status.CRITICAL


def picture(points, *, now=NOON + HOUR, label="checkout"):
    return parsed(health_over_time(points, start=NOON, end=NOON + HOUR, now=now, label=label))


steps = st.lists(
    st.tuples(st.floats(-600, 4000), st.dictionaries(st.sampled_from(list(Status)), st.integers(0, 900))), max_size=60
).map(lambda found: [(NOON + at, counts) for at, counts in sorted(found, key=lambda point: point[0])])


@given(points=steps, label=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF)), late=st.floats(-60, 4000))
def test_any_history_makes_a_well_formed_picture_named_by_its_label(points, label, late):
    assert name_of(picture(points, now=NOON + late, label=label)) == label


@given(points=steps)
def test_nothing_is_drawn_outside_the_frame(points):
    for area in of_class(picture(points), "area"):
        assert all(48 <= x <= 706 and 12 <= y <= 190 for x, y in corners(area.attrib["d"]))


def test_markup_in_a_label_is_text():
    assert name_of(picture([], label=HOSTILE)) == HOSTILE


def test_it_is_described_in_words():
    points = [(NOON, {PASSING: 4}), (NOON + 600, {PASSING: 3, CRITICAL: 1}), (NOON + 900, {PASSING: 4})]
    assert next(picture(points).iter("desc")).text == (
        "12:00 to 13:00 UTC. At first 4 passing; at the end 4 passing. "
        "Worst at 12:10: 1 critical, 3 passing. Changes: 2."
    )


def test_without_history_it_says_so():
    root = picture([])
    assert "No history yet." in words(root)
    assert "no history" in words(root)


def test_the_time_before_the_first_step_is_marked_as_unknown_and_not_as_empty():
    [nothing] = of_class(picture([(NOON + 1800, {PASSING: 4})]), "nothing")
    assert float(nothing.attrib["width"]) == pytest.approx((706 - 48) / 2, abs=0.1)


def test_the_last_step_before_the_start_holds_at_the_start():
    root = picture([(NOON - 500, {PASSING: 4})])
    assert not of_class(root, "nothing")
    [area] = of_class(root, "fill-passing")
    assert corners(area.attrib["d"])[0] == (48, 190)


def test_nothing_is_drawn_after_now():
    root = picture([(NOON, {PASSING: 4})], now=NOON + 1800)
    [area] = of_class(root, "fill-passing")
    assert max(x for x, _ in corners(area.attrib["d"])) == pytest.approx((48 + 706) / 2, abs=0.1)
    assert of_class(root, "mark")


def test_one_critical_among_hundreds_is_high_enough_to_be_seen():
    [area] = of_class(picture([(NOON, {PASSING: 900, CRITICAL: 1})]), "fill-critical")
    assert min(y for _, y in corners(area.attrib["d"])) <= 187


def test_a_time_without_instances_parts_the_area():
    points = [(NOON, {PASSING: 4}), (NOON + 600, {}), (NOON + 1200, {PASSING: 4})]
    [area] = of_class(picture(points), "fill-passing")
    assert area.attrib["d"].count("z") == 2


def test_counts_are_marked_by_whole_numbers():
    root = picture([(NOON, {PASSING: 1})])
    assert [text.text for text in of_class(root, "label-end")][:2] == ["0", "1"]


def test_the_legend_names_every_status_with_its_count_now():
    assert "0 warning" in words(picture([(NOON, {PASSING: 4})]))
    assert "4 passing" in words(picture([(NOON, {PASSING: 4})]))


def test_thousands_of_changes_make_a_picture_of_bounded_size():
    points = [(NOON + at / 2, {PASSING: 50 - at % 3, CRITICAL: at % 3}) for at in range(7000)]
    assert len(health_over_time(points, start=NOON, end=NOON + HOUR, now=NOON + HOUR, label="x")) < 40_000


@given(points=steps)
def test_the_worst_survives_thinning(points):
    critical = max((counts.get(CRITICAL, 0) for _, counts in points), default=0)
    assert max((counts.get(CRITICAL, 0) for _, counts in thinned(points, 50.0)), default=0) == critical


def test_thinning_ends_with_what_held_last():
    points = [(0.0, {PASSING: 1}), (1.0, {CRITICAL: 1}), (2.0, {PASSING: 2})]
    assert [counts for _, counts in thinned(points, 10.0)] == [{CRITICAL: 1}, {PASSING: 2}]


def test_a_window_holds_what_was_before_it_from_its_start():
    points = [(1.0, {PASSING: 1}), (5.0, {PASSING: 2}), (12.0, {PASSING: 3}), (30.0, {PASSING: 4})]
    assert within(points, 10.0, 20.0) == [(10.0, {PASSING: 2}), (12.0, {PASSING: 3})]
