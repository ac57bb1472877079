"""`GET /services/{name}/watch`: answers as server-sent events."""

import asyncio
import json

import pytest

from catalog.records.override import override_key
from catalog.records.status import Status
from discovery.http import watch
from tests.harness.discovery.world import World


async def test_a_stream_begins_with_the_answer_and_goes_on_with_each_new_one(world: World) -> None:
    first = await world.put("web", "a")
    stream = world.send("GET", "/services/web/watch")
    event = await stream.event()
    assert (event["event"], event["id"]) == ("answer", str(first.index))
    second = await world.put("web", "b")
    event = await stream.event()
    assert event["id"] == str(second.index)
    assert [instance["id"] for instance in json.loads(event["data"])] == ["a", "b"]
    assert stream.headers["content-type"] == "text/event-stream"
    stream.hang_up()
    await stream.task


async def test_a_reader_that_comes_back_is_not_told_what_it_knows(world: World) -> None:
    index = (await world.put("web", "a")).index
    stream = world.send("GET", "/services/web/watch", headers={"last-event-id": str(index)})
    await world.parked(1)
    change = await world.put("web", "b")
    assert (await stream.event())["id"] == str(change.index)
    stream.hang_up()
    await stream.task


async def test_an_unknown_name_is_told_as_such_until_it_appears(world: World) -> None:
    stream = world.send("GET", "/services/web/watch")
    assert (await stream.event())["event"] == "unknown"
    await world.put("web", "a")
    assert (await stream.event())["event"] == "answer"
    stream.hang_up()
    await stream.task


async def test_a_change_that_leaves_the_bytes_equal_is_not_sent(world: World) -> None:
    await world.put("web", "a")
    stream = world.send("GET", "/services/web/watch")
    await stream.event()
    await world.put("web", "z", status=Status.CRITICAL)
    change = await world.put("web", "b")
    assert (await stream.event())["id"] == str(change.index)
    stream.hang_up()
    await stream.task


async def test_the_entry_of_an_expiry_reaches_a_reader_that_came_back_too_soon(world: World) -> None:
    await world.put("web", "a")
    index = (await world.override("o1", service="web", status=Status.CRITICAL, expires_at=world.now + 10)).index
    world.now += 11
    stream = world.send("GET", "/services/web/watch", headers={"last-event-id": str(index)})
    await world.parked(1)
    entry = await world.append(override_key("o1"), None)
    event = await stream.event()
    assert (event["id"], len(json.loads(event["data"]))) == (str(entry.index), 1)
    stream.hang_up()
    await stream.task


async def test_silence_is_broken_by_heartbeats(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "HEARTBEAT", 0.01)
    await world.put("web", "a")
    stream = world.send("GET", "/services/web/watch")
    await stream.event()
    async with asyncio.timeout(5):
        assert (await stream.chunks.get()).startswith(b":")
    stream.hang_up()
    await stream.task


async def test_a_reader_that_goes_away_frees_its_place(world: World) -> None:
    await world.put("web", "a")
    stream = world.send("GET", "/services/web/watch")
    await stream.event()
    stream.hang_up()
    await stream.task
    assert world.plane.watchers.count == 0
    assert len(world.plane.topics) == 0


async def test_lookup_blocking_query_and_stream_agree(world: World) -> None:
    """The same history seen three ways: whoever asks, waits or watches ends with the same bytes and index."""
    await world.put("web", "a")
    stream = world.send("GET", "/services/web/watch")
    seen = await stream.event()
    for number in range(10):
        waiting = world.send("GET", f"/services/web?index={seen['id']}&wait=30s")
        await world.parked(2)
        await world.put("web", f"i{number % 4}", weight=number + 1)
        waited, asked, seen = await waiting.answer(), await world.get("/services/web"), await stream.event()
        assert waited.body == asked.body == seen["data"].encode()
        assert waited.index == asked.index == int(seen["id"])
    stream.hang_up()
    await stream.task
