"""Relays: a region that cannot be reached is followed through the freshest third, never in a circle."""

import pytest

from catalog.change import Position
from federation.follow.relay import choose
from federation.wire import LogEntry, Row

HELD = Position("log", 10)


def entry(*, ago: float | None = 0.5, index: int = 10, log_id: str = "log", path: tuple[str, ...] = ()) -> LogEntry:
    return LogEntry(
        region="eu-west", log_id=log_id, index=index, digest="", instances=1, ago=ago, path=path or ("eu-west", "x")
    )


def chosen(*rows: tuple[str, LogEntry], position: Position | None = HELD, ago: float | None = 5.0) -> str | None:
    found = [Row(region=region, logs=(log,)) for region, log in rows]
    return choose(found, "eu-west", here="us-east", position=position, since_contact=ago)


def test_the_freshest_is_chosen() -> None:
    assert chosen(("ap-south", entry(ago=2.0)), ("sa-east", entry(ago=0.5))) == "sa-east"


def test_of_equally_fresh_ones_the_shorter_way_is_chosen() -> None:
    direct, long = entry(path=("eu-west", "sa-east")), entry(path=("eu-west", "af", "ap-south"))
    assert chosen(("ap-south", long), ("sa-east", direct)) == "sa-east"


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(entry(ago=None), id="it never heard of the region"),
        pytest.param(entry(ago=5.0), id="it has not heard of the region for as long as we have not"),
        pytest.param(entry(index=9), id="it is behind"),
        pytest.param(entry(path=("eu-west", "us-east", "ap-south")), id="it has the log from us"),
    ],
)
def test_who_is_of_no_use_is_not_chosen(useless: LogEntry) -> None:
    assert chosen(("ap-south", useless)) is None


def test_a_region_that_has_another_log_since_is_believed_when_it_heard_later() -> None:
    restored = entry(log_id="restored", index=3, ago=1.0)
    assert chosen(("ap-south", restored)) == "ap-south"
    assert chosen(("ap-south", restored), ago=0.5) is None


def test_a_region_that_nothing_is_known_of_may_come_from_anybody_who_heard_of_it() -> None:
    assert chosen(("ap-south", entry(index=1, ago=60.0)), position=None, ago=None) == "ap-south"


def test_two_regions_that_both_lost_the_third_never_feed_each_other() -> None:
    for ours, theirs in ((5.0, 5.5), (5.5, 5.0)):
        one = chosen(("ap-south", entry(ago=theirs)), ago=ours)
        other = choose(
            [Row(region="us-east", logs=(entry(ago=ours),))], "eu-west", here="ap-south", position=HELD,
            since_contact=theirs,
        )  # fmt: skip
        assert [one, other].count(None) >= 1
