"""The bar of counts by status."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records.status import Status
from dashboard.pictures import status_bar
from tests.harness.dashboard.svg import HOSTILE, name_of, parsed

some = st.dictionaries(st.sampled_from(list(Status)), st.integers(0, 10_000))


def parts(counts):
    return [rect for rect in parsed(status_bar(counts, label="x")).iter("rect") if rect.get("x")]


@given(counts=some)
def test_the_parts_fill_the_bar_whenever_there_is_an_instance(counts):
    width = sum(float(part.attrib["width"]) for part in parts(counts))
    assert width == pytest.approx(200 if any(counts.values()) else 0, abs=0.3)


@given(counts=some)
def test_each_part_begins_where_the_last_ended(counts):
    end = 0.0
    for part in parts(counts):
        assert float(part.attrib["x"]) == pytest.approx(end, abs=0.2)
        end = float(part.attrib["x"]) + float(part.attrib["width"])


@given(counts=some)
def test_a_status_that_any_instance_has_is_wide_enough_to_be_seen(counts):
    assert all(float(part.attrib["width"]) >= 4 for part in parts(counts))


def test_trouble_comes_first():
    found = [part.attrib["class"] for part in parts({Status.PASSING: 5, Status.WARNING: 1, Status.CRITICAL: 2})]
    assert found == ["fill-critical", "fill-warning", "fill-passing"]


def test_it_says_the_counts_in_words_and_markup_is_text():
    counts = {Status.PASSING: 5, Status.CRITICAL: 2}
    assert name_of(parsed(status_bar(counts, label=HOSTILE))) == f"{HOSTILE}: 2 critical, 5 passing"


def test_without_instances_it_says_so():
    assert name_of(parsed(status_bar({}, label="x"))) == "x: no instances"
