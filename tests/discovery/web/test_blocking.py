"""Blocking queries: `index` and `wait`."""

import asyncio

import pytest

from catalog.records.override import override_key
from catalog.records.status import Status
from tests.harness.discovery.world import World


async def test_a_query_waits_for_the_next_answer(world: World) -> None:
    index = (await world.put("web", "a")).index
    waiting = world.send("GET", f"/services/web?index={index}&wait=30s")
    await world.parked(1)
    change = await world.put("web", "b")
    answer = await waiting.answer()
    assert [instance["id"] for instance in answer.json()] == ["a", "b"]
    assert answer.index == change.index


async def test_what_is_newer_than_the_index_is_answered_at_once(world: World) -> None:
    index = (await world.put("web", "a")).index
    await world.put("web", "b")
    answer = await world.get(f"/services/web?index={index}&wait=30s")
    assert len(answer.json()) == 2


async def test_an_index_from_the_future_is_answered_at_once(world: World) -> None:
    await world.put("web", "a")
    answer = await world.get("/services/web?index=999999&wait=30s")
    assert answer.status == 200


async def test_the_same_answer_comes_when_the_time_is_over(world: World) -> None:
    index = (await world.put("web", "a")).index
    answer = await world.get(f"/services/web?index={index}&wait=50ms")
    assert (answer.status, answer.index) == (200, index)
    assert world.plane.watchers.count == 0


async def test_a_name_that_nobody_has_registered_can_be_waited_for(world: World) -> None:
    unknown = await world.get("/services/web")
    waiting = world.send("GET", f"/services/web?index={unknown.index}&wait=30s")
    bare = world.send("GET", "/services/web?wait=30s")
    await world.parked(2)
    await world.put("web", "a")
    for exchange in (waiting, bare):
        answer = await exchange.answer()
        assert (answer.status, len(answer.json())) == (200, 1)


async def test_waiting_in_vain_for_a_name_is_404(world: World) -> None:
    answer = await world.get("/services/web?wait=50ms")
    assert answer.status == 404


async def test_a_change_elsewhere_wakes_nobody(world: World) -> None:
    index = (await world.put("web", "a")).index
    waiting = world.send("GET", f"/services/web?index={index}&wait=30s")
    await world.parked(1)
    await world.put("shop", "a")
    await settle()
    assert not waiting.is_answered
    assert world.plane.topics.recomputed == 0
    waiting.hang_up()
    await waiting.task


async def test_a_change_that_leaves_the_bytes_equal_wakes_nobody_now_or_later(world: World) -> None:
    index = (await world.put("web", "a")).index
    waiting = world.send("GET", f"/services/web?index={index}&wait=30s")
    await world.parked(1)
    await world.put("web", "z", status=Status.CRITICAL)
    await settle()
    assert world.plane.topics.recomputed == 1
    assert not waiting.is_answered
    assert (await world.get("/services/web")).index == index
    waiting.hang_up()
    await waiting.task


async def test_one_computation_serves_all_who_wait(world: World) -> None:
    index = (await world.put("web", "a")).index
    crowd = [world.send("GET", f"/services/web?index={index}&wait=30s") for _ in range(1000)]
    await world.parked(1000)
    computed = world.plane.answers.computed
    await world.put("web", "b")
    answers = await asyncio.gather(*(exchange.answer() for exchange in crowd))
    assert len({answer.body for answer in answers}) == 1
    assert len(answers[0].json()) == 2
    assert world.plane.answers.computed == computed + 1
    assert world.plane.topics.recomputed == 1


async def test_a_client_that_goes_away_frees_its_place(world: World) -> None:
    index = (await world.put("web", "a")).index
    waiting = world.send("GET", f"/services/web?index={index}&wait=30s")
    await world.parked(1)
    waiting.hang_up()
    await waiting.task
    assert world.plane.watchers.count == 0
    assert len(world.plane.topics) == 0


@pytest.mark.parametrize(
    "target", ["/services", "/services/web/explain", "/services/web/a", "/services/web?status=any"]
)
async def test_every_read_can_be_waited_on(world: World, target: str) -> None:
    index = (await world.put("web", "a")).index
    waiting = world.send("GET", f"{target}{'&' if '?' in target else '?'}index={index}&wait=30s")
    await world.parked(1)
    await world.put("web", "a", status=Status.CRITICAL)
    answer = await waiting.answer()
    assert answer.body == (await world.get(target)).body
    assert b"critical" in answer.body


async def test_an_override_that_expires_wakes_who_waits(world: World) -> None:
    await world.put("web", "a")
    index = (await world.override("o1", service="web", status=Status.CRITICAL, expires_at=world.now + 0.05)).index
    waiting = world.send("GET", f"/services/web?index={index}&wait=30s")
    await world.parked(1)
    world.now += 0.06
    answer = await waiting.answer()
    assert len(answer.json()) == 1


async def test_who_has_the_answer_from_before_an_expiry_is_woken_by_its_entry(world: World) -> None:
    await world.put("web", "a")
    index = (await world.override("o1", service="web", status=Status.CRITICAL, expires_at=world.now + 0.05)).index
    assert (await world.get("/services/web")).json() == []
    world.now += 0.06
    await asyncio.wait_for(answered_with(world, 1), 5)
    late = world.send("GET", f"/services/web?index={index}&wait=30s")
    await world.parked(1)
    entry = await world.append(override_key("o1"), None)
    answer = await late.answer()
    assert (answer.index, len(answer.json())) == (entry.index, 1)


async def test_a_wait_longer_than_ten_minutes_is_refused(world: World) -> None:
    answer = await world.get("/services/web?index=1&wait=11m")
    assert (answer.status, answer.json()["field"]) == (400, "wait")


async def answered_with(world: World, number: int) -> None:
    """Return once the lookup has so many instances."""
    while len((await world.get("/services/web")).json()) != number:
        await asyncio.sleep(0.005)


async def settle() -> None:
    """Let everything that is about to happen happen."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_index_from_a_server_that_saw_more_is_answered_at_once(world: World) -> None:
    first = await world.put("web", "a")
    await world.get("/services/web")
    between = await world.put("web", "a", weight=7)
    await world.put("web", "a")
    again = await world.get("/services/web")
    assert again.index == first.index
    answer = await world.get(f"/services/web?index={between.index}&wait=30s")
    assert answer.body == again.body
