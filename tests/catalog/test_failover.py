"""Failover policies: where a lookup is answered from when home has too few, and how it comes back."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.query import answer, explain
from catalog.query_types import Reason
from catalog.records.override import Scope
from catalog.records.policy import Policy, StaleAction, validated
from catalog.touched import EVERYTHING, FEDERATION
from tests.harness.federated import HOME, SOUTH, WEST, asking, copy, federation, policy, sick, well
from tests.harness.records import NOW, override

HERE, THERE, FAR = copy(HOME, "here"), copy(WEST, "there"), copy(SOUTH, "far")


def regions(result) -> list[str]:
    return [decision.region for decision in result.decisions]


async def test_without_a_policy_a_lookup_stays_at_home():
    world = await federation(sick(HERE), THERE)
    assert answer(world.view, asking(), NOW).decisions == ()


async def test_home_answers_while_it_has_enough():
    world = await federation(HERE, THERE, policy())
    assert regions(answer(world.view, asking(), NOW)) == [HOME]


async def test_the_first_region_of_the_order_that_has_enough_answers():
    world = await federation(sick(HERE), sick(THERE), FAR, policy())
    assert regions(answer(world.view, asking(), NOW)) == [SOUTH]


async def test_a_service_that_home_does_not_have_is_found_elsewhere():
    world = await federation(THERE, policy())
    result = answer(world.view, asking(), NOW)
    assert (result.known, regions(result)) == (True, [WEST])


@pytest.mark.parametrize(
    ("fields", "healthy", "expected"),
    [
        ({"min_healthy": 2}, 2, HOME),
        ({"min_healthy": 2}, 1, WEST),
        ({"min_healthy": 0, "min_share": 0.5}, 2, HOME),
        ({"min_healthy": 0, "min_share": 0.5}, 1, WEST),
        ({"min_healthy": 1, "min_share": 0.75}, 2, WEST),
        ({"min_healthy": 0, "min_share": 0.0}, 0, HOME),
    ],
)
async def test_too_few_is_a_count_or_a_share(fields, healthy, expected):
    fleet = [copy(HOME, f"i-{number}") for number in range(4)]
    fleet = [record if number < healthy else sick(record) for number, record in enumerate(fleet)]
    elsewhere = [copy(WEST, f"w-{number}") for number in range(4)]
    world = await federation(*fleet, *elsewhere, policy(**fields))
    result = answer(world.view, asking(), NOW)
    assert {part.region for part in result.used} == {expected}


async def test_when_no_region_has_enough_all_serve_together_home_first():
    world = await federation(HERE, sick(copy(HOME, "b")), THERE, FAR, policy(min_healthy=2))
    assert regions(answer(world.view, asking(), NOW)) == [HOME, WEST, SOUTH]


async def test_only_what_was_asked_for_counts_as_enough():
    world = await federation(HERE, copy(WEST, "canary", tags=["canary"]), policy())
    result = answer(world.view, asking(tags=("canary",)), NOW)
    assert regions(result) == [WEST]


async def test_the_nearest_are_tried_by_measured_delay():
    world = await federation(sick(HERE), THERE, FAR, policy(order=(), nearest=1))
    world.view.measured({WEST: 0.080, SOUTH: 0.020})
    result = answer(world.view, asking(), NOW)
    assert regions(result) == [SOUTH]
    assert (FEDERATION, EVERYTHING) in result.depends


async def test_an_override_that_takes_home_out_leads_elsewhere():
    evacuation = override(Scope.REGION, target=HOME, reason="flood")
    world = await federation(HERE, THERE, policy(), evacuation)
    assert regions(answer(world.view, asking(), NOW)) == [WEST]
    await world.remove(evacuation)
    assert regions(answer(world.view, asking(), NOW)) == [HOME]


@pytest.mark.parametrize(
    ("stale", "waited", "expected"),
    [
        (StaleAction.KEEP, 1000, WEST),
        (StaleAction.DEMOTE, 59, WEST),
        (StaleAction.DEMOTE, 60, SOUTH),
        (StaleAction.DROP, 59, WEST),
        (StaleAction.DROP, 60, SOUTH),
    ],
)
async def test_a_stale_region_is_kept_taken_last_or_left_out_after_a_time(stale, waited, expected):
    world = await federation(sick(HERE), THERE, FAR, policy(stale=stale, stale_after=60.0))
    world.view.mark_stale(WEST, NOW)
    result = answer(world.view, asking(), NOW + waited)
    assert regions(result) == [expected]
    assert result.valid_until == (NOW + 60 if waited == 59 else None)


async def test_a_region_taken_last_still_serves_when_it_alone_can():
    world = await federation(sick(HERE), THERE, sick(FAR), policy(stale=StaleAction.DEMOTE, stale_after=60.0))
    world.view.mark_stale(WEST, NOW)
    assert regions(answer(world.view, asking(), NOW + 100)) == [WEST]


async def test_a_region_left_out_does_not_serve_even_alone():
    world = await federation(sick(HERE), THERE, sick(FAR), policy(stale=StaleAction.DROP, stale_after=60.0))
    world.view.mark_stale(WEST, NOW)
    assert regions(answer(world.view, asking(), NOW + 100)) == []


async def test_home_is_held_down_for_a_while_after_it_came_back():
    back = well(sick(HERE), since=NOW)
    world = await federation(back, THERE, policy(hold_down=30.0))
    held, free = answer(world.view, asking(), NOW + 29), answer(world.view, asking(), NOW + 30)
    assert (regions(held), held.valid_until, regions(free)) == ([WEST], NOW + 30, [HOME])


async def test_home_is_not_held_down_when_nobody_else_has_enough():
    world = await federation(well(sick(HERE), since=NOW), sick(THERE), policy(hold_down=30.0))
    assert regions(answer(world.view, asking(), NOW)) == [HOME]


async def test_instances_that_were_never_away_are_not_held_down():
    fresh = msgspec.structs.replace(HERE, id="new", registered_at=NOW, since=NOW)
    world = await federation(fresh, THERE, policy(hold_down=30.0))
    assert regions(answer(world.view, asking(), NOW)) == [HOME]


async def test_one_that_flaps_does_not_hold_down_the_rest():
    world = await federation(HERE, well(sick(copy(HOME, "b")), since=NOW), THERE, policy(hold_down=30.0))
    assert regions(answer(world.view, asking(), NOW)) == [HOME, HOME]


async def test_the_explanation_names_the_step_of_each_instance():
    world = await federation(HERE, sick(copy(HOME, "b")), THERE, FAR, policy(min_healthy=2, order=(WEST, SOUTH)))
    await world.put(copy(WEST, "more"))
    whole = explain(world.view, asking(), NOW)
    decisions = {decision.instance.id: decision for decision in whole.decisions}
    assert decisions["there"].step == "step 1 of 2, eu-west: 2 of 2 serve, 2 needed"
    assert decisions["here"].reason is Reason.REGION
    assert "1 of 2 serve, 2 needed" in decisions["here"].explanation
    assert {part.region: part.used for part in whole.parts} == {HOME: False, WEST: True, SOUTH: False}


async def test_a_policy_that_changes_touches_the_answer():
    world = await federation(sick(HERE), THERE)
    before = answer(world.view, asking(), NOW)
    touched: list[tuple[str, str]] = []
    world.view.listeners.append(lambda region, names, _: touched.extend((region, name) for name in names))
    await world.put(policy())
    assert before.depends & set(touched)
    assert answer(world.view, asking(), NOW).index > before.index


@pytest.mark.parametrize("change", [THERE, FAR, HERE, policy(min_healthy=3)])
async def test_whatever_the_policy_may_read_touches_the_answer(change):
    world = await federation(HERE, policy())
    before = answer(world.view, asking(), NOW)
    touched: list[tuple[str, str]] = []
    world.view.listeners.append(lambda region, names, _: touched.extend((region, name) for name in names))
    await world.put(msgspec.structs.replace(change, weight=7) if change is HERE else change)
    assert before.depends & set(touched)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"min_healthy": -1}, "min_healthy"),
        ({"min_share": 1.5}, "min_share"),
        ({"order": ()}, "order"),
        ({"order": (HOME,)}, "order"),
        ({"order": (WEST, WEST)}, "order"),
        ({"order": ("a b",)}, "order"),
        ({"hold_down": -1.0}, "hold_down"),
        ({"stale_after": -1.0}, "stale_after"),
        ({"order": (WEST,), "nearest": 2}, "nearest"),
        ({"service": "a.b"}, "service"),
    ],
)
def test_a_wrong_policy_is_refused_by_its_field(fields, field):
    with pytest.raises(Invalid) as caught:
        validated(policy(**fields))
    assert caught.value.field == field


def _fleet(region: str):
    return st.lists(st.sampled_from(["well", "sick", "back"]), max_size=4).map(
        lambda states: [
            {"well": lambda one: one, "sick": sick, "back": lambda one: well(sick(one), since=NOW - 5)}[state](
                copy(region, f"{region}-{number}")
            )
            for number, state in enumerate(states)
        ]
    )


policies = st.none() | st.builds(
    Policy,
    region=st.just(HOME),
    service=st.just("web"),
    min_healthy=st.integers(0, 3),
    min_share=st.sampled_from([0.0, 0.5, 1.0]),
    order=st.sampled_from([(WEST, SOUTH), (SOUTH,), ()]),
    nearest=st.integers(1, 2),
    stale=st.sampled_from(list(StaleAction)),
    stale_after=st.sampled_from([0.0, 60.0]),
    hold_down=st.sampled_from([0.0, 10.0]),
)
asked = st.sampled_from([(), (WEST,), (HOME, WEST), (SOUTH, WEST), ("*",), ("nearest",)])


@given(_fleet(HOME), _fleet(WEST), _fleet(SOUTH), policies, asked, st.booleans(), st.none() | st.integers(0, 3))
async def test_the_explanation_and_the_answer_never_disagree_over_regions(
    home, west, south, ruled, wanted, west_is_stale, limit
):
    world = await federation(*home, *west, *south, *([ruled] if ruled else []))
    world.view.measured({WEST: 0.02, SOUTH: 0.01})
    if west_is_stale:
        world.view.mark_stale(WEST, NOW - 100)
    query = asking(*wanted, limit=limit)
    whole = explain(world.view, query, NOW)
    result = answer(world.view, query, NOW)
    assert result.decisions == tuple(decision for decision in whole.decisions if decision.returned)
    assert {decision.region for decision in result.decisions} <= {part.region for part in whole.used}
    assert all(decision.serves for decision in result.decisions)
    assert all(decision.explanation for decision in whole.decisions)


@given(_fleet(HOME), _fleet(WEST), _fleet(SOUTH), policies)
async def test_a_policy_never_turns_away_whom_somebody_could_serve(home, west, south, ruled):
    world = await federation(*home, *west, *south, *([ruled] if ruled else []))
    world.view.measured({WEST: 0.02, SOUTH: 0.01})
    at_home = any(record.status != "critical" for record in home)
    if at_home:
        assert answer(world.view, asking(), NOW).decisions
