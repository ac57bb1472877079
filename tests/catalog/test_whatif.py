"""What if: the answers of a simulated view are those of a view to which the change was really made."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.query import Answer, answer, explain
from catalog.query_types import Query
from catalog.records.instance import Instance
from catalog.records.override import Override, Scope
from catalog.view import View
from catalog.whatif import (
    concerned,
    homes_concerned,
    lookups_changed,
    services_of,
    with_overrides,
    without_instances,
    without_overrides,
)
from tests.harness.federated import HOME, SOUTH, WEST, FederatedView, asking, copy, federation, policy, sick
from tests.harness.records import NOW, override

WEB = ("default", "web")
HERE, ALSO, THERE = copy(HOME, "here"), copy(HOME, "also"), copy(WEST, "there")
OUT = override(Scope.INSTANCE, service="web", instance="here")


def ids(result: Answer) -> list[str]:
    return [decision.instance.id for decision in result.decisions]


def contents(view: View) -> object:
    """Everything a lookup reads, copied."""
    return {
        name: ({key: dict(held) for key, held in part.services.items()}, part.overrides, dict(part.policies),
               dict(part.changes), part.digest, part.position)
        for name, part in view.regions.items()
    }  # fmt: skip


async def test_an_override_is_simulated_without_being_set():
    world = await federation(HERE, ALSO)
    simulated = with_overrides(world.view, HOME, [OUT])
    assert ids(answer(simulated, asking(), NOW)) == ["also"]
    assert ids(answer(world.view, asking(), NOW)) == ["also", "here"]


async def test_clearing_an_override_is_simulated_without_being_done():
    world = await federation(HERE, ALSO, OUT)
    simulated = without_overrides(world.view, HOME, [OUT.id, "unknown"])
    assert ids(answer(simulated, asking(), NOW)) == ["also", "here"]
    assert ids(answer(world.view, asking(), NOW)) == ["also"]


async def test_deregistering_is_simulated_without_being_done():
    world = await federation(HERE, ALSO)
    simulated = without_instances(world.view, HOME, [HERE.key, "instance/default/web/unknown", "instance/a/b/c"])
    assert ids(answer(simulated, asking(), NOW)) == ["also"]
    assert ids(answer(world.view, asking(), NOW)) == ["also", "here"]


async def test_a_service_without_its_last_instance_is_not_known_any_more():
    world = await federation(HERE)
    assert not answer(without_instances(world.view, HOME, [HERE.key]), asking(), NOW).known


async def test_overrides_without_an_id_stand_side_by_side():
    world = await federation(HERE, ALSO)
    both = [override(Scope.INSTANCE, id="", service="web", instance=name) for name in ("here", "also")]
    assert ids(answer(with_overrides(world.view, HOME, both), asking(), NOW)) == []


async def test_a_simulated_view_does_not_follow_its_original():
    world = await federation(HERE)
    simulated = with_overrides(world.view, HOME, [])
    await world.put(ALSO)
    assert ids(answer(simulated, asking(), NOW)) == ["here"]


async def test_a_simulated_view_tells_nobody():
    world = await federation(HERE)
    world.view.listeners.append(lambda region, names, index: pytest.fail("a simulation was told"))
    simulated = with_overrides(world.view, HOME, [OUT])
    simulated.heard("a-region-nobody-knew")
    assert "a-region-nobody-knew" not in world.view.regions


async def test_what_a_lookup_loses_is_named_with_its_region():
    world = await federation(HERE, ALSO)
    (change,) = lookups_changed(world.view, with_overrides(world.view, HOME, [OUT]), [WEB], [HOME], NOW)
    assert (change.before, change.after, change.loses, change.gains) == (2, 1, (f"{HOME}/here",), ())
    assert (change.is_changed, change.is_empty, change.is_emptied, change.stands_in) == (True, False, False, ())


async def test_undoing_says_what_comes_back():
    world = await federation(HERE, OUT)
    (change,) = lookups_changed(world.view, without_overrides(world.view, HOME, [OUT.id]), [WEB], [HOME], NOW)
    assert (change.before, change.after, change.gains) == (0, 1, (f"{HOME}/here",))


async def test_a_lookup_that_would_get_nothing_is_said_to_be_emptied():
    world = await federation(HERE, THERE)
    (change,) = lookups_changed(world.view, with_overrides(world.view, HOME, [OUT]), [WEB], [HOME], NOW)
    assert (change.is_emptied, change.is_empty, change.stands_in) == (True, True, ())


async def test_what_was_empty_before_is_not_emptied():
    world = await federation(sick(HERE))
    (change,) = lookups_changed(world.view, with_overrides(world.view, HOME, [OUT]), [WEB], [HOME], NOW)
    assert (change.is_changed, change.is_empty, change.is_emptied) == (False, True, False)


async def test_the_region_that_stands_in_by_policy_is_named():
    world = await federation(HERE, THERE, policy())
    (change,) = lookups_changed(world.view, with_overrides(world.view, HOME, [OUT]), [WEB], [HOME], NOW)
    assert (change.loses, change.gains, change.stands_in) == ((f"{HOME}/here",), (f"{WEST}/there",), (WEST,))
    assert not change.is_emptied


async def test_an_opinion_changes_the_lookups_of_its_author_alone():
    world = await federation(sick(HERE), THERE, policy())
    opinion = override(Scope.SERVICE, service="web", target=WEST)
    changes = lookups_changed(world.view, with_overrides(world.view, HOME, [opinion]), [WEB], [HOME, WEST], NOW)
    assert [(change.home, change.loses) for change in changes] == [(HOME, (f"{WEST}/there",)), (WEST, ())]
    assert homes_concerned(world.view, opinion) == (HOME,)


async def test_a_regions_own_word_matters_there_and_where_policies_may_lead():
    world = await federation(HERE, THERE, policy())
    own = override(Scope.SERVICE, service="web", region=WEST)
    assert homes_concerned(world.view, own) == (WEST, HOME)
    assert homes_concerned(world.view, OUT) == (HOME,)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (override(Scope.INSTANCE, service="web", instance="one"), {"one"}),
        (override(Scope.SERVICE, service="web"), {"one", "two"}),
        (override(Scope.ZONE, zone="a"), {"one", "three"}),
        (override(Scope.ZONE, zone="a", service="web"), {"one"}),
        (override(Scope.TAG, tag="v2"), {"two", "three"}),
        (override(Scope.REGION, target=HOME), {"one", "two", "three", "four"}),
        (override(Scope.REGION, target=WEST), {"there"}),
        (override(Scope.SERVICE, service="web", namespace="other"), set()),
    ],
)
async def test_the_instances_concerned_are_those_in_scope(given: Override, expected: set[str]):
    four = copy(HOME, "four", service="db")
    world = await federation(
        copy(HOME, "one", zone="a"),
        copy(HOME, "two", tags=["v2"]),
        copy(HOME, "three", service="db", zone="a", tags=["v2"]),
        four,
        THERE,
    )
    found = concerned(world.view, given)
    assert {instance.id for instance in found} == expected
    assert set(services_of(found)) == {("default", instance.service) for instance in found}


regions = st.sampled_from([HOME, WEST, SOUTH])
services = st.sampled_from(["web", "db"])
numbers = st.sampled_from(["one", "two", "three"])


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    made = copy(
        draw(regions), draw(numbers), service=draw(services), zone=draw(st.sampled_from(["a", "b"])),
        tags=draw(st.sampled_from([[], ["v2"]])), weight=draw(st.integers(1, 3)),
    )  # fmt: skip
    return sick(made) if draw(st.booleans()) else made


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    scope = draw(st.sampled_from(list(Scope)))
    about: dict[str, str] = {
        Scope.INSTANCE: {"service": draw(services), "instance": draw(numbers)},
        Scope.SERVICE: {"service": draw(services)},
        Scope.ZONE: {"zone": draw(st.sampled_from(["a", "b"]))},
        Scope.TAG: {"tag": "v2"},
        Scope.REGION: {},
    }[scope]
    says: dict[str, Any] = draw(
        st.sampled_from([{"status": "critical"}, {"status": "passing"}, {"weight": 0}, {"weight": 9}])
    )
    target = draw(regions) if scope is Scope.REGION else draw(st.sampled_from(["", HOME, WEST, SOUTH]))
    return override(
        scope, id=draw(st.sampled_from(["o-1", "o-2", "o-3", "o-4"])), region=draw(regions), target=target,
        created_at=NOW - draw(st.integers(0, 9)), **about, **says,
    )  # fmt: skip


class _Change:
    """One correction, simulated and made."""

    def __init__(self, region: str, put: list[Override], cleared: list[str], gone: list[Instance]) -> None:
        self.region, self.put, self.cleared, self.gone = region, put, cleared, gone

    def simulated(self, view: View) -> View:
        view = with_overrides(view, self.region, self.put)
        view = without_overrides(view, self.region, self.cleared)
        return without_instances(view, self.region, [instance.key for instance in self.gone])

    async def made(self, world: FederatedView) -> None:
        await world.put(*self.put)
        standing = {override.id: override for override in world.view.region(self.region).overrides}
        for id in dict.fromkeys(self.cleared):
            if id in standing:
                await world.remove(standing[id])
        for key in dict.fromkeys(instance.key for instance in self.gone):
            change = world.view.region(self.region).changes.get(key)
            if change is not None and change.record is not None:
                await world.remove(change.record)


@st.composite
def corrections(draw: st.DrawFn) -> _Change:
    region = draw(regions)
    put = [one for one in draw(st.lists(overrides(), max_size=3)) if one.region == region]
    cleared = draw(st.lists(st.sampled_from(["o-1", "o-2", "o-3"]), max_size=2))
    gone = [one for one in draw(st.lists(instances(), max_size=3)) if one.region == region]
    return _Change(region, put, cleared, gone)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(instances(), max_size=8),
    st.lists(overrides(), max_size=3),
    st.lists(st.builds(lambda home, service: (home, service), regions, services), max_size=3),
    corrections(),
)
async def test_a_simulation_answers_as_if_the_change_were_made(records, standing, failing, change):
    world = await federation(*records, *standing)
    for home, service in failing:
        order = tuple(region for region in (HOME, WEST, SOUTH) if region != home)
        await world.put(policy(region=home, service=service, order=order))
    before = contents(world.view)
    names, homes = [("default", "web"), ("default", "db")], [HOME, WEST, SOUTH]
    simulated = change.simulated(world.view)
    queries = [Query(service=name, region=home, regions=asked) for _, name in names for home in homes
               for asked in ((), ("*",), ("nearest",))]  # fmt: skip
    plain = [Query(service=service, namespace=space, region=home) for space, service in names for home in homes]
    counts = [len(answer(world.view, query, NOW).decisions) for query in plain]
    foreseen = [explain(simulated, query, NOW).decisions for query in queries]
    found = lookups_changed(world.view, simulated, names, homes, NOW)
    assert contents(world.view) == before
    await change.made(world)
    assert foreseen == [explain(world.view, query, NOW).decisions for query in queries]
    assert [one.before for one in found] == counts
    assert [one.after for one in found] == [len(answer(world.view, query, NOW).decisions) for query in plain]


async def test_a_whole_region_of_five_thousand_services_is_looked_over_quickly():
    fleet = [
        copy(region, f"i-{number}", service=f"service-{service}")
        for service in range(5000) for region in (HOME, WEST, SOUTH) for number in range(2)
    ]  # fmt: skip
    world = await federation(*fleet)
    out = override(Scope.REGION, target=HOME)
    began = time.process_time()
    services = services_of(concerned(world.view, out))
    changes = lookups_changed(world.view, with_overrides(world.view, HOME, [out]), services, [HOME, WEST, SOUTH], NOW)
    took = time.process_time() - began
    assert sum(change.is_emptied for change in changes) == 5000
    assert took < 3.0, f"it took {took:.2f} s of processor time"
