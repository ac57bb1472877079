"""The history of links: what is kept of it, and what is said of it."""

from typing import Any

import msgspec
import pytest

from catalog.view import Freshness
from catalog.view import State as FreshnessState
from dashboard.memory.links import COARSE_EVERY, EVERY, FINE, Links, LinkState
from dashboard.pictures.chart.link import link_over_time
from registry.freshness import MirrorStatus

AT = 1_000_000.0
WEST = "eu-west"
LIVE = LinkState(
    freshness=Freshness(FreshnessState.LIVE),
    lag=0.0,
    log_id="a",
    index=10,
    mirror=MirrorStatus(region=WEST, delay=0.04, path=(WEST,)),
)


def changed(**fields: Any) -> LinkState:
    return msgspec.structs.replace(LIVE, **fields)


def heard(**fields: Any) -> LinkState:
    return changed(mirror=MirrorStatus(region=WEST, **{"path": (WEST,), **fields}))


def told(*found: LinkState) -> Links:
    links = Links()
    for number, one in enumerate(found):
        links.add(WEST, one, AT + number * EVERY)
    return links


STALE = changed(freshness=Freshness(FreshnessState.STALE, AT), lag=7.0)


@pytest.mark.parametrize(
    ("found", "kinds", "text"),
    [
        ((LIVE, LIVE), [], ""),
        ((LIVE, STALE), ["stale"], "went stale"),
        ((STALE, LIVE), ["live"], "live again after 2 s"),
        ((LIVE, heard(path=(WEST, "ap-south"))), ["relayed"], "relayed through ap-south"),
        ((heard(path=(WEST, "ap-south")), LIVE), ["direct"], "followed directly again"),
        ((LIVE, heard(held="9 of 10 lost")), ["held"], "held: 9 of 10 lost"),
        ((heard(held="9 of 10 lost"), LIVE), ["released"], "no longer held"),
        ((LIVE, heard(equal=False, diverged=("default/web",))), ["diverged"], "mirror diverged in default/web"),
        ((LIVE, changed(log_id="b", index=3)), ["reset"], "log reset: snapshot at index 3"),
        ((LIVE, changed(index=3)), ["reset"], "log reset: snapshot at index 3"),
        ((LIVE, heard(revoked=True)), ["revoked"], "revoked: no longer followed"),
    ],
)
def test_what_happens_to_a_link_is_an_event(found: tuple[LinkState, ...], kinds: list[str], text: str) -> None:
    events = told(*found).events(WEST)
    assert [event.kind for event in events] == kinds
    assert "".join(event.text for event in events) == text


def test_the_newest_event_comes_first() -> None:
    assert [event.kind for event in told(LIVE, STALE, LIVE).events(WEST)] == ["live", "stale"]


def test_older_samples_are_thinned_to_the_worst_of_each_half_minute() -> None:
    links = Links()
    for number in range(2 * FINE):
        spike = 0.5 if number == 20 else 0.04
        links.add(WEST, heard(delay=spike), AT + number * EVERY)
    samples = links.samples(WEST)
    old = [sample for sample in samples if sample.at < AT + FINE * EVERY]
    assert len(old) <= FINE * EVERY / COARSE_EVERY + 1
    assert max(sample.delay or 0 for sample in old) == 0.5


def test_samples_are_in_order_of_time() -> None:
    links = Links()
    for number in range(FINE + 100):
        links.add(WEST, LIVE, AT + number * EVERY)
    times = [sample.at for sample in links.samples(WEST)]
    assert times == sorted(times)
    assert len(times) > FINE


def test_a_region_that_left_is_forgotten() -> None:
    links = told(LIVE)
    links.forget_all_but(frozenset())
    assert (links.samples(WEST), links.current(WEST)) == ([], None)


def test_the_picture_says_in_words_what_it_shows() -> None:
    points = [
        (AT, 0.01, 0.0, FreshnessState.LIVE),
        (AT + 60, 0.04, 12.0, FreshnessState.STALE),
        (AT + 120, 0.02, 0.0, FreshnessState.LIVE),
    ]
    drawn = link_over_time(points, start=AT, end=AT + 600, label="to eu-west")
    assert "<title>to eu-west: delay 10 ms to 40 ms, at most 12 s behind, 1 time not live</title>" in drawn


def test_the_picture_shades_the_time_in_which_the_region_was_not_live() -> None:
    points = [
        (AT, 0.01, 0.0, FreshnessState.LIVE),
        (AT + 60, 0.04, 12.0, FreshnessState.STALE),
        (AT + 120, 0.02, 0.0, FreshnessState.LIVE),
    ]
    assert link_over_time(points, start=AT, end=AT + 600, label="").count("link-shade") == 2


def test_a_link_without_history_has_an_empty_picture() -> None:
    drawn = link_over_time([], start=AT, end=AT + 600, label="x")
    assert "no samples yet" in drawn
    assert "polyline" not in drawn
