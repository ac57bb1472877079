"""Recent probes of one check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records.status import Status
from dashboard.pictures import latency_plot
from dashboard.pictures.chart.duration import short
from tests.harness.dashboard.svg import HOSTILE, name_of, of_class, parsed, words

PASSING, CRITICAL = Status.PASSING, Status.CRITICAL

probes = st.lists(
    st.tuples(st.floats(1e9, 2e9), st.none() | st.floats(0, 120), st.sampled_from(list(Status))), max_size=40
)


def picture(took, *, timeout=1.0, label="HTTP /health"):
    points = [(1e9 + 10 * number, seconds, PASSING) for number, seconds in enumerate(took)]
    return parsed(latency_plot(points, timeout=timeout, label=label))


@given(points=probes, timeout=st.floats(0.001, 60), label=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF)))
def test_any_probes_make_a_well_formed_picture(points, timeout, label):
    assert name_of(parsed(latency_plot(points, timeout=timeout, label=label))).startswith(f"{label}: ")


@given(took=st.lists(st.floats(0, 120), min_size=2, max_size=40), timeout=st.floats(0.001, 60))
def test_every_probe_stands_in_the_frame(took, timeout):
    [line] = of_class(picture(took, timeout=timeout), "line")
    places = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
    assert len(places) == len(took)
    assert all(84 <= x <= 706 and 14 <= y <= 160 for x, y in places)


def test_without_probes_it_says_so():
    root = picture([])
    assert "no probes yet" in [text.text for text in root.iter("text")]
    assert name_of(root) == "HTTP /health: no probes yet; timeout 1 s"


def test_markup_in_a_label_is_text():
    assert name_of(picture([0.01], label=HOSTILE)).startswith(HOSTILE)


def test_it_says_the_fastest_the_slowest_and_the_middle():
    root = picture([0.010, 0.020, 0.030], timeout=0.05)
    assert name_of(root) == "HTTP /health: 3 probes, 10 ms to 30 ms, half within 20 ms; timeout 50 ms"


def test_a_timeout_in_range_is_a_line():
    root = picture([0.6, 0.7])
    assert of_class(root, "limit")
    assert "timeout 1 s" in [text.text for text in root.iter("text")]


def test_a_timeout_far_above_is_said_and_does_not_flatten_the_probes():
    root = picture([0.006, 0.007], timeout=5.0)
    assert not of_class(root, "limit")
    assert "timeout 5 s, above the picture" in words(root)


def test_probes_alike_have_an_axis_from_zero():
    root = picture([0.010, 0.020])
    assert of_class(root, "label-end")[0].text == "0 s"
    assert "logarithmic" not in words(root)


def test_probes_of_very_different_times_have_a_logarithmic_axis_and_it_is_said():
    root = picture([0.001, 0.5])
    assert [text.text for text in of_class(root, "label-end")][:3] == ["1 ms", "10 ms", "100 ms"]
    assert "logarithmic scale" in words(root)


def test_a_probe_without_an_answer_breaks_the_line_and_stands_at_the_top():
    points = [(float(at), None if at == 3 else 0.01, CRITICAL if at == 3 else PASSING) for at in range(7)]
    root = parsed(latency_plot(points, timeout=1.0, label="x"))
    assert len(of_class(root, "line")) == 2
    [cross] = of_class(root, "dot-critical")
    assert cross.attrib["d"].split("l")[0].endswith(" 10.4")


def test_each_end_of_a_probe_has_a_shape_of_its_own():
    points = [(float(at), 0.01, status) for at, status in enumerate(Status)]
    shapes = [dot.attrib["d"] for dot in of_class(parsed(latency_plot(points, timeout=1.0, label="x")), "dot")]
    assert len({shape.split(" ", 1)[1].lstrip("0123456789.") for shape in shapes}) == len(Status)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"), (0.00000042, "0.42 µs"), (0.00085, "850 µs"), (0.001, "1 ms"), (0.0125, "12.5 ms"), (0.9999, "1 s"),
        (0.25, "250 ms"), (2.5, "2.5 s"), (42, "42 s"), (120, "120 s"),
    ],
)  # fmt: skip
def test_a_duration_has_three_digits_and_a_unit(seconds, written):
    assert short(seconds) == written
