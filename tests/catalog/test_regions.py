"""Lookups of several regions at once, and what one region's operators think of another's instances."""

import pytest

from catalog.errors import Invalid
from catalog.query import answer, explain
from catalog.query_types import Reason
from catalog.records.override import Scope, validated
from catalog.records.status import Status
from catalog.touched import EVERYTHING, FEDERATION, opinion_name
from catalog.view import State
from tests.harness.federated import HOME, SOUTH, WEST, asking, copy, federation, policy, sick
from tests.harness.records import NOW, override

HERE, THERE, FAR = copy(HOME, "here"), copy(WEST, "there"), copy(SOUTH, "far")


def regions(result) -> list[str]:
    return [decision.region for decision in result.decisions]


async def test_a_region_that_is_named_answers_alone_whatever_the_policy_says():
    world = await federation(sick(HERE), THERE, policy())
    assert regions(answer(world.view, asking(HOME), NOW)) == []
    assert regions(answer(world.view, asking(WEST), NOW)) == [WEST]


async def test_several_regions_are_merged_home_first_then_the_nearer():
    world = await federation(HERE, THERE, FAR)
    world.view.measured({WEST: 0.080, SOUTH: 0.020})
    assert regions(answer(world.view, asking("*"), NOW)) == [HOME, SOUTH, WEST]
    assert regions(answer(world.view, asking(WEST, SOUTH), NOW)) == [SOUTH, WEST]


async def test_the_same_id_in_two_regions_is_two_instances():
    world = await federation(copy(HOME, "a"), copy(WEST, "a"))
    assert regions(answer(world.view, asking("*"), NOW)) == [HOME, WEST]


async def test_nearest_is_home_when_home_serves_and_else_the_nearest_that_does():
    world = await federation(HERE, THERE, FAR)
    world.view.measured({WEST: 0.080, SOUTH: 0.020})
    assert regions(answer(world.view, asking("nearest"), NOW)) == [HOME]
    await world.put(sick(HERE))
    assert regions(answer(world.view, asking("nearest"), NOW)) == [SOUTH]


async def test_a_partial_answer_carries_the_freshness_of_each_region():
    world = await federation(HERE, THERE)
    world.view.mark_stale(WEST, NOW - 9)
    result = answer(world.view, asking(HOME, WEST, "mars"), NOW)
    assert regions(result) == [HOME, WEST]
    assert {part.region: (part.freshness.state, part.known) for part in result.parts} == {
        HOME: (State.LIVE, True),
        WEST: (State.STALE, True),
        "mars": (State.UNKNOWN, False),
    }
    assert result.freshness.state is State.UNKNOWN


async def test_the_index_of_several_regions_moves_with_each_of_them():
    world = await federation(HERE, THERE)
    indexes = [answer(world.view, asking("*"), NOW).index]
    for record in (FAR, copy(WEST, "more"), copy(HOME, "more")):
        await world.put(record)
        indexes.append(answer(world.view, asking("*"), NOW).index)
    assert indexes == sorted(set(indexes))


async def test_a_region_that_becomes_known_touches_answers_of_all():
    world = await federation(HERE)
    touched: list[tuple[str, str]] = []
    world.view.listeners.append(lambda region, names, _: touched.extend((region, name) for name in names))
    depends = answer(world.view, asking("*"), NOW).depends
    world.view.heard("sa-east")
    assert (FEDERATION, EVERYTHING) in depends & set(touched)


async def test_delays_that_hardly_differ_leave_the_order_as_it_was():
    world = await federation(THERE, FAR)
    touched: list[str] = []
    world.view.measured({WEST: 0.020, SOUTH: 0.0205})
    world.view.listeners.append(lambda region, names, _: touched.append(region))
    world.view.measured({WEST: 0.0207, SOUTH: 0.020})
    assert touched == []
    world.view.measured({WEST: 0.080, SOUTH: 0.020})
    assert touched == [FEDERATION]


@pytest.mark.parametrize(
    ("scope", "fields"),
    [
        (Scope.REGION, {}),
        (Scope.SERVICE, {"service": "web"}),
        (Scope.INSTANCE, {"service": "web", "instance": "there"}),
        (Scope.ZONE, {"zone": "z1"}),
        (Scope.TAG, {"tag": "blue"}),
    ],
)
async def test_an_opinion_counts_for_its_own_regions_consumers_alone(scope, fields):
    there = copy(WEST, "there", zone="z1", tags=["blue"])
    world = await federation(there, override(scope, target=WEST, reason="bad cable", **fields))
    whole = explain(world.view, asking(WEST), NOW)
    assert whole.decisions[0].reason is Reason.OVERRIDE
    assert "bad cable" in whole.decisions[0].explanation
    west = asking(WEST)
    assert regions(answer(world.view, type(west)(region=WEST, service="web"), NOW)) == [WEST]
    assert regions(answer(world.view, type(west)(region=SOUTH, service="web", regions=(WEST,)), NOW)) == [WEST]


async def test_an_opinion_leaves_the_same_names_at_home_alone():
    world = await federation(HERE, THERE, override(Scope.SERVICE, service="web", target=WEST))
    assert regions(answer(world.view, asking("*"), NOW)) == [HOME]


async def test_an_opinion_comes_before_the_word_of_the_regions_own_operators():
    theirs = override(Scope.INSTANCE, id="t", region=WEST, service="web", instance="there", status=Status.PASSING)
    world = await federation(THERE, theirs, override(Scope.REGION, target=WEST))
    assert regions(answer(world.view, asking(WEST), NOW)) == []


async def test_a_whole_region_is_left_by_one_action_and_used_again_after_one():
    world = await federation(THERE, copy(WEST, "b", service="other"))
    evacuation = override(Scope.REGION, target=WEST, reason="fire")
    await world.put(evacuation)
    assert regions(answer(world.view, asking(WEST), NOW)) == []
    await world.remove(evacuation)
    assert regions(answer(world.view, asking(WEST), NOW)) == [WEST]


async def test_an_opinion_touches_the_answers_about_that_region():
    world = await federation(THERE)
    depends = answer(world.view, asking(WEST), NOW).depends
    assert (HOME, opinion_name(WEST)) in depends
    touched: list[tuple[str, str]] = []
    world.view.listeners.append(lambda region, names, _: touched.extend((region, name) for name in names))
    await world.put(override(Scope.REGION, target=WEST))
    assert depends & set(touched)


async def test_an_opinion_ends_by_itself():
    world = await federation(THERE, override(Scope.REGION, target=WEST, expires_at=NOW + 60))
    result = answer(world.view, asking(WEST), NOW)
    assert (regions(result), result.valid_until) == ([], NOW + 60)
    assert regions(answer(world.view, asking(WEST), NOW + 60)) == [WEST]


async def test_the_own_regions_evacuation_touches_every_service():
    world = await federation(HERE)
    depends = answer(world.view, asking(), NOW).depends
    touched: list[tuple[str, str]] = []
    world.view.listeners.append(lambda region, names, _: touched.extend((region, name) for name in names))
    await world.put(override(Scope.REGION, target=HOME))
    assert depends & set(touched)
    assert answer(world.view, asking(), NOW).decisions == ()


@pytest.mark.parametrize(
    ("scope", "fields", "field"),
    [
        (Scope.REGION, {}, "target"),
        (Scope.REGION, {"target": WEST, "service": "web"}, "service"),
        (Scope.REGION, {"target": WEST, "namespace": "blue"}, "namespace"),
        (Scope.REGION, {"target": "a b"}, "target"),
    ],
)
def test_a_wrong_opinion_is_refused_by_its_field(scope, fields, field):
    with pytest.raises(Invalid) as caught:
        validated(override(scope, **fields))
    assert caught.value.field == field
