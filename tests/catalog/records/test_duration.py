"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.records.duration import seconds, spoken


@pytest.mark.parametrize(
    ("text", "length"),
    [("15s", 15.0), ("1m30s", 90.0), ("500ms", 0.5), ("1.5h", 5400.0), ("7d", 604_800.0), (10, 10.0), (0.25, 0.25)],
)
def test_a_duration_is_read_as_seconds(text, length):
    assert seconds(text, field="ttl") == length


@pytest.mark.parametrize("text", ["", "15", "s", "15 s", "-5s", "1h-3m", "five", "1x", "1s1"])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(Invalid, match="write for example") as caught:
        seconds(text, field="lease.ttl")
    assert caught.value.field == "lease.ttl"


@pytest.mark.parametrize("text", [-1, "0s", "2d"])
def test_a_duration_out_of_range_is_refused_with_the_range(text):
    with pytest.raises(Invalid, match="use 1s to 1d"):
        seconds(text, field="ttl", least=1, most=86400)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(Invalid):
        seconds(number, field="ttl")


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_spoken_reads_back(milliseconds):
    assert round(seconds(spoken(milliseconds / 1000), field="x") * 1000) == milliseconds
