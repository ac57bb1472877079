"""The picture of the regions."""

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records.status import Status
from catalog.view import State as FreshnessState
from dashboard.pictures import RegionLink, RegionNode, land_svg, regions_picture
from dashboard.pictures.map.outlines import DRAWING, PACKAGE
from dashboard.pictures.map.position import HEIGHT, WIDTH, Position, apart
from dashboard.pictures.map.projection import projected
from tests.harness.dashboard.svg import HOSTILE, name_of, of_class, parsed, words

US = RegionNode(
    name="us-east", place=(39.0, -77.5), counts={Status.PASSING: 104, Status.CRITICAL: 3},
    freshness=FreshnessState.LIVE, href="/dashboard/federation/us-east", is_home=True,
)  # fmt: skip
EU = replace(US, name="eu-west", place=(53.3, -6.3), counts={Status.PASSING: 98}, is_home=False)
AP = replace(EU, name="ap-south", place=(19.1, 72.9), freshness=FreshnessState.STALE)
LINK = RegionLink(a="us-east", b="eu-west", delay=0.082, lag=0.3, freshness=FreshnessState.LIVE)


def picture(nodes=(US, EU, AP), links=()):
    return parsed(regions_picture(nodes, links, land="/land.svg"))


names = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1)
degrees = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
nodes = st.lists(
    st.builds(
        RegionNode, name=names, place=st.none() | degrees, freshness=st.sampled_from(FreshnessState), href=names,
        counts=st.dictionaries(st.sampled_from(Status), st.integers(0, 20_000)), is_home=st.booleans(),
    ),
    max_size=9, unique_by=lambda node: node.name,
)  # fmt: skip


@given(
    nodes=nodes, lag=st.floats(0, 1e6), delay=st.none() | st.floats(0, 10), freshness=st.sampled_from(FreshnessState)
)
def test_any_regions_make_a_well_formed_picture_with_a_link_for_each(nodes, lag, delay, freshness):
    links = [
        RegionLink(a=one.name, b=other.name, lag=lag, delay=delay, freshness=freshness, relayed_through=(one.name,))
        for one in nodes
        for other in nodes
    ]
    root = parsed(regions_picture(nodes, links))
    assert [link.get("href") for link in of_class(root, "region")] == [node.href for node in nodes]


def test_regions_with_places_stand_on_a_map_that_is_fetched_apart():
    [land] = of_class(picture(), "land")
    assert land.get("href") == "/land.svg#land"


def test_one_region_without_a_place_makes_it_a_schematic_that_says_why():
    root = picture([US, replace(EU, place=None)])
    assert not of_class(root, "land")
    assert "no coordinates for eu-west" in words(root)


def test_the_picture_is_a_group_so_that_its_links_can_be_reached():
    assert next(picture().iter("svg")).get("role") == "group"
    assert name_of(picture()) == "Map of 3 regions; not live: ap-south"


def test_a_region_says_its_counts_in_words():
    assert [link.get("aria-label") for link in of_class(picture(), "region")] == [
        "us-east, this region: 3 critical, 104 passing",
        "eu-west: 98 passing",
        "ap-south: 98 passing, stale: last known state",
    ]


def test_stale_is_said_in_text_and_shown_by_a_ring_around():
    [stale] = of_class(picture([EU, AP]), "region-stale")
    assert "stale ·" in words(stale)
    assert of_class(stale, "around")


def test_a_region_never_reached_shows_no_counts():
    [unknown] = of_class(picture([US, replace(EU, freshness=FreshnessState.UNKNOWN)]), "region-unknown")
    assert "never reached" in words(unknown)
    assert "98" not in words(unknown)


def test_markup_in_names_and_addresses_is_text():
    root = picture([replace(US, name=HOSTILE, href=HOSTILE, place=None)])
    [link] = of_class(root, "region")
    assert link.get("href") == HOSTILE
    assert link.findtext("title", "").startswith(HOSTILE)


@given(counts=st.dictionaries(st.sampled_from(Status), st.integers(1, 20_000), min_size=1))
def test_the_parts_of_a_ring_close_it(counts):
    rings = [ring for ring in of_class(picture([replace(US, counts=counts)]), "ring") if ring.get("stroke-dasharray")]
    lengths = [float(ring.attrib["stroke-dasharray"].split()[0]) for ring in rings]
    assert len(lengths) == len(counts)
    assert lengths == [200] if len(counts) == 1 else sum(lengths) == pytest.approx(100, abs=0.3)


def test_a_link_shows_its_delay_and_its_lag():
    assert "82 ms · lag 300 ms" in [line.text for line in picture(links=[LINK]).iter("tspan")]


def test_a_relayed_link_names_the_relay():
    root = picture(links=[replace(LINK, relayed_through=("ap-south",))])
    assert "via ap-south" in [line.text for line in root.iter("tspan")]
    assert of_class(root, "tie-relayed")


def test_both_directions_are_one_line_that_looks_as_the_worse_and_tells_both():
    back = RegionLink(a="eu-west", b="us-east", delay=None, lag=42.0, freshness=FreshnessState.STALE)
    [line] = of_class(picture(links=[LINK, back]), "tie")
    assert "tie-stale" in line.get("class", "")
    assert line.findtext("title") == (
        "us-east follows eu-west: live, delay 82 ms, lag 300 ms; eu-west follows us-east: stale, lag 42 s"
    )


def test_a_link_never_used_says_so():
    [line] = of_class(picture(links=[replace(LINK, freshness=FreshnessState.UNKNOWN)]), "tie")
    assert line.findtext("title") == "us-east has never reached eu-west"


def test_links_to_regions_that_are_not_there_are_left_out():
    assert not of_class(picture([US], [LINK, replace(LINK, b="us-east")]), "tie")


def test_without_regions_it_says_so():
    assert "No regions yet" in words(picture([]))


@given(st.lists(st.builds(Position, st.floats(0, WIDTH), st.floats(0, HEIGHT)), max_size=8))
def test_regions_moved_apart_stay_in_the_picture_and_keep_their_places(positions):
    moved = apart(positions)
    assert [position.place for position in moved] == [(position.x, position.y) for position in positions]
    assert all(0 <= position.x <= WIDTH and 0 <= position.y <= HEIGHT for position in moved)


def test_two_regions_of_one_city_do_not_cover_each_other():
    one, other = apart([Position(300, 150), Position(300, 150)])
    assert abs(one.x - other.x) >= 130 or abs(one.y - other.y) >= 88


def test_the_land_is_one_small_well_formed_path():
    root = ElementTree.fromstring(land_svg())  # noqa: S314 - made here
    assert len(land_svg()) < 60_000
    assert [path.get("id") for path in root] == ["land"]


@pytest.mark.parametrize(
    ("west", "east", "latitude", "longitude"),
    [
        (-77.5, -6.3, 39.0, -40.0),
        (72.9, 151.2, -20.0, 100.0),
        (-157.9, -122.4, 30.0, -140.0),
    ],
)
def test_what_lies_between_on_the_globe_lies_between_on_the_map(west, east, latitude, longitude):
    along = [projected(latitude, degree)[0] for degree in (west, longitude, east)]
    assert along == sorted(along)


@pytest.mark.parametrize(
    ("country", "place"),
    [
        ("ad", (42.55, 1.58)), ("bm", (32.3, -64.78)), ("lu", (49.8, 6.1)), ("mt", (35.9, 14.4)), ("pw", (7.5, 134.57)),
        ("sg", (1.35, 103.82)), ("mu", (-20.25, 57.55)), ("km", (-11.87, 43.87)),
    ],
)  # fmt: skip
def test_a_place_is_drawn_where_the_outlines_have_it(country, place):
    mark = _marks()[f"{country}_"]
    assert projected(*place) == pytest.approx((float(mark.attrib["cx"]), float(mark.attrib["cy"])), abs=7)


@cache
def _marks() -> dict[str, ElementTree.Element]:
    """The circles by which the package's drawing marks small countries."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations
    drawing = ElementTree.parse(Path(spec.submodule_search_locations[0]) / DRAWING)  # noqa: S314 - a package's own file
    return {circle.attrib["id"]: circle for circle in drawing.iter("{http://www.w3.org/2000/svg}circle")}
