"""What happens to a demo fleet, told without running it."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest

from demo.plan import draw_fleet
from demo.story import Condition, Event, FleetState, Kind, begin, step

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
STEPS = 2000


def tell(seed: int, *, services: int = 50, steps: int = STEPS) -> list[tuple[Event, FleetState]]:
    rng = random.Random(seed)
    state = begin(rng, draw_fleet(rng, services=services, zones=ZONES), zones=ZONES)
    told = []
    for _ in range(steps):
        event, state = step(rng, state)
        told.append((event, state))
    return told


@pytest.fixture(scope="module", params=[1, 2, 3])
def story(request: pytest.FixtureRequest) -> list[tuple[Event, FleetState]]:
    return tell(request.param)


def test_the_same_seed_tells_the_same_story() -> None:
    assert tell(7, steps=300) == tell(7, steps=300)


def test_another_seed_tells_another_story() -> None:
    assert tell(7, steps=300) != tell(8, steps=300)


def test_events_come_in_order_of_time(story: list[tuple[Event, FleetState]]) -> None:
    assert all(earlier.at <= later.at for (earlier, _), (later, _) in pairwise(story))


def test_something_happens_every_few_seconds(story: list[tuple[Event, FleetState]]) -> None:
    gaps = [later.at - earlier.at for (earlier, _), (later, _) in pairwise(story)]
    assert max(gaps) <= 15
    assert 1 <= sum(gaps) / len(gaps) <= 5


def test_everything_that_can_happen_happens(story: list[tuple[Event, FleetState]]) -> None:
    assert {event.kind for event, _ in story} == set(Kind)


def test_no_service_has_two_instances_in_trouble(story: list[tuple[Event, FleetState]]) -> None:
    for _, state in story:
        troubled = [m.plan.service for m in state.members.values() if m.condition is not Condition.HEALTHY]
        assert len(troubled) == len(set(troubled))


def test_at_most_one_in_fifteen_is_in_trouble(story: list[tuple[Event, FleetState]]) -> None:
    for _, state in story:
        troubled = sum(member.condition is not Condition.HEALTHY for member in state.members.values())
        assert troubled <= len(state.members) / 15


def test_services_keep_between_three_and_ten_instances(story: list[tuple[Event, FleetState]]) -> None:
    for _, state in story:
        sizes = Counter(member.plan.service for member in state.members.values()).values()
        assert len(sizes) == 50
        assert min(sizes) >= 3
        assert max(sizes) <= 10


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_new_instance_never_gets_an_id_that_was_used_before(seed: int) -> None:
    used = {plan.id for plan in draw_fleet(random.Random(seed), services=50, zones=ZONES)}
    for event, _ in tell(seed):
        if event.kind in (Kind.SCALE_UP, Kind.REPLACE):
            assert event.instance.id not in used
            used.add(event.instance.id)


def test_trouble_lasts_long_enough_for_three_checks_to_notice(story: list[tuple[Event, FleetState]]) -> None:
    began: dict[str, float] = {}
    for event, _ in story:
        if event.instance.flapping:
            continue
        if event.kind in (Kind.FAIL, Kind.HANG):
            began[event.instance.id] = event.at
        elif event.kind is Kind.RECOVER:
            assert 45 <= event.at - began.pop(event.instance.id) <= 100


def test_a_lost_instance_comes_back_or_is_replaced(story: list[tuple[Event, FleetState]]) -> None:
    missing: set[str] = set()
    for event, state in story:
        if event.kind is Kind.VANISH:
            missing.add(event.instance.id)
        elif event.kind is Kind.COME_BACK:
            missing.remove(event.instance.id)
        elif event.kind is Kind.REPLACE:
            missing.remove(event.detail)
            assert event.detail not in state.members
        gone = {m.plan.id for m in state.members.values() if m.condition is Condition.GONE}
        assert gone == missing


def test_a_roll_out_upgrades_every_instance_of_its_service_one_after_the_other() -> None:
    told = tell(1)
    start, (roll_out, state) = next((i, t) for i, t in enumerate(told) if t[0].kind is Kind.ROLL_OUT)
    service, version = roll_out.instance.service, roll_out.instance.version
    expected = {member.plan.id for member in state.members.values() if member.plan.service == service}
    upgrades = [event for event, _ in told[start:] if event.kind is Kind.UPGRADE and event.instance.version == version]
    upgrades = [event for event in upgrades if event.instance.service == service][: len(expected)]
    assert {event.instance.id for event in upgrades} == expected
    assert all(later.at - earlier.at >= 4 for earlier, later in pairwise(upgrades))


def test_after_a_roll_out_only_the_new_version_is_left(story: list[tuple[Event, FleetState]]) -> None:
    for _, state in story:
        rolling = {event.instance.service for event in state.promised if event.kind is Kind.UPGRADE}
        versions: dict[str, set[str]] = {}
        for member in state.members.values():
            if not member.plan.canary and member.plan.service not in rolling:
                versions.setdefault(member.plan.service, set()).add(member.plan.version)
        assert all(len(found) == 1 for found in versions.values())


def test_the_flapping_instance_goes_down_and_up_in_turn(story: list[tuple[Event, FleetState]]) -> None:
    flaps = [event for event, _ in story if event.instance.flapping]
    assert len(flaps) > 50
    assert all(
        {earlier.kind, later.kind} == {Kind.FAIL, Kind.RECOVER} and 14 <= later.at - earlier.at <= 24
        for earlier, later in pairwise(flaps)
    )


def test_a_fleet_of_one_service_has_a_story_too() -> None:
    assert {event.kind for event, _ in tell(1, services=1)} == set(Kind)
