"""A peer that suddenly loses most of its catalog."""

import pytest

from catalog.errors import Held
from federation.follow.breaker import Losses


class Clock:
    """Goes on when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def losses(clock: Clock) -> Losses:
    return Losses("eu-west", clock=clock)


def test_losing_half_is_ordinary(losses: Losses) -> None:
    losses(1000, 500)


def test_losing_more_than_half_is_held_and_says_why(losses: Losses) -> None:
    with pytest.raises(Held, match=r"eu-west would lose 501 of 1000 instances \(50 %\) within 60 s; the limit is 50 %"):
        losses(1000, 499)


def test_many_small_losses_add_up_within_a_minute(losses: Losses, clock: Clock) -> None:
    for left in (90, 80, 70, 60, 50):
        losses(left + 10, left)
        clock.now += 5
    with pytest.raises(Held):
        losses(50, 40)


def test_slow_losses_are_ordinary(losses: Losses, clock: Clock) -> None:
    for left in range(90, 0, -10):
        losses(left + 10, left)
        clock.now += 61


def test_a_small_region_may_lose_everything(losses: Losses) -> None:
    losses(19, 0)


def test_what_is_on_its_way_counts(losses: Losses) -> None:
    losses.foresee(100)
    with pytest.raises(Held, match="900 of 1000"):
        losses(1000, 980)


def test_what_was_approved_passes_until_the_mirror_has_caught_up(losses: Losses) -> None:
    with pytest.raises(Held):
        losses(1000, 100)
    losses.lift()
    losses(1000, 100)
    losses(100, 0)
    losses.settle()
    losses(100, 60)
    with pytest.raises(Held):
        losses(60, 10)


def test_a_peer_that_has_most_of_its_instances_again_is_believed(losses: Losses) -> None:
    assert losses.has_recovered(500, 1000)
    assert not losses.has_recovered(499, 1000)
