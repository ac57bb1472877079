"""Answers are encoded once and kept until something that they depend on changes."""

import gc

import pytest

from catalog.change import Position
from catalog.log import MemoryLog
from catalog.records.status import Status
from discovery.answers import cache
from discovery.answers.cache import Encoded
from discovery.http.reads import Listing
from tests.harness.discovery.world import REGION, World


async def test_an_answer_is_worked_out_once(world: World) -> None:
    await world.put("web", "a")
    for _ in range(5):
        await world.get("/services/web")
    assert world.plane.answers.computed == 1
    assert world.plane.answers.hits() == 4
    assert world.plane.answers.lookups() == {"http": 5}


async def test_a_change_drops_only_what_depends_on_it(world: World) -> None:
    await world.put("web", "a")
    await world.put("shop", "a")
    for service in ("web", "shop"):
        await world.get(f"/services/{service}")
    await world.put("web", "b")
    assert set(world.plane.answers.by_address) == {("/services/shop", b"")}


async def test_the_same_question_in_other_words_has_one_answer(world: World) -> None:
    await world.put("web", "a", tags=["x", "y"])
    for target in ("?tag=x&tag=y", "?tag=y&tag=x", "?tag=x&tag=y&region=us-east"):
        await world.get(f"/services/web{target}")
    assert world.plane.answers.computed == 1


async def test_an_index_stays_while_the_bytes_do(world: World) -> None:
    index = (await world.put("web", "a")).index
    assert (await world.get("/services/web")).index == index
    await world.put("web", "z", status=Status.CRITICAL)
    assert (await world.get("/services/web")).index == index
    change = await world.put("web", "b")
    assert (await world.get("/services/web")).index == change.index


async def test_an_index_of_another_history_does_not_stay(world: World) -> None:
    await world.put("web", "a")
    for _ in range(3):
        await world.put("web", "z", status=Status.CRITICAL)
    await world.get("/services/web")
    restored = MemoryLog(REGION, log_id="restored")
    entry = world.plane.view.region(REGION).changes["instance/default/web/a"]
    restored.append(entry.key, entry.record)
    await world.plane.view.reset(await restored.snapshot())
    assert world.plane.view.position(REGION) == Position("restored", 1)
    assert (await world.get("/services/web")).index == 1


async def test_what_is_kept_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_KEPT", 10)
    for number in range(30):
        await world.get(f"/services/s{number}")
    assert len(world.plane.answers) == 10
    assert len(world.plane.answers.by_address) == 10


async def test_no_body_is_remembered_of_an_answer_that_is_out_of_date(world: World) -> None:
    await world.put("web", "a", metadata={"mark": "of this test alone"})
    for number in range(1, 21):
        await world.get("/services/web?limit=1", client=f"10.0.0.{number}")
    assert at_hand(b"of this test alone") == 20
    await world.put("web", "b", status=Status.CRITICAL)
    assert at_hand(b"of this test alone") == 0


async def test_a_copy_for_the_wire_counts_with_the_bodies(world: World) -> None:
    await world.put("web", "a")
    body = (await world.get("/services/web")).body
    assert world.plane.answers.size == len(body)
    for way in (b"one", b"another"):
        learn(world, way, "/services/web")
    assert world.plane.answers.size == 2 * len(body)
    await world.put("web", "b")
    assert world.plane.answers.size == 0


async def test_an_answer_gives_way_to_the_copy_of_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("one", "two"):
        await world.put(service, "a")
        size = len((await world.get(f"/services/{service}")).body)
    monkeypatch.setattr(cache, "LARGEST_KEPT", 2 * size)
    learn(world, b"two", "/services/two")
    assert set(world.plane.answers.by_address) == {("/services/two", b"")}
    assert set(world.application.request_cache.requests) == {b"two"}


async def test_a_request_whose_answer_has_no_room_beside_its_copy_is_not_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ("one", "two"):
        await world.put(service, "a")
        size = len((await world.get(f"/services/{service}")).body)
    monkeypatch.setattr(cache, "LARGEST_KEPT", 2 * size)
    learn(world, b"one", "/services/one")
    assert set(world.plane.answers.by_address) == {("/services/two", b"")}
    assert world.application.request_cache.requests == {}
    assert world.plane.answers.size == size


def at_hand(mark: bytes) -> int:
    """How many answers with these bytes in their body are anywhere in this process."""
    # By type: `isinstance` would ask the weak references that other tests have left.
    return sum(type(thing) is Encoded and mark in thing.body for thing in gc.get_objects())


def learn(world: World, data: bytes, path: str) -> None:
    """Have a request known by its bytes, as the connection does with one that it had to parse."""
    scope = {"path": path, "query_string": b"", "method": "GET", "http_version": "1.1", "headers": []}
    world.application.request_cache.consider(data, scope)


async def test_the_freshness_is_told_without_a_change(world: World) -> None:
    await world.put("web", "a")
    live = await world.get("/services/web")
    world.plane.view.mark_stale(REGION, world.now)
    stale = await world.get("/services/web")
    assert (live.headers["meridian-freshness"], live.body) == ("live", stale.body)
    assert stale.headers["meridian-freshness"] == "stale; since=2027-01-15T08:00:00Z"
    assert stale.index == live.index


async def test_the_list_of_services_counts_by_status(world: World) -> None:
    await world.put("web", "a", tags=["x"], version="1")
    await world.put("web", "b", tags=["y"], version="2")
    await world.put("web", "c", status=Status.CRITICAL)
    await world.put("shop", "a")
    assert (await world.get("/services")).json() == [
        {
            "name": "shop", "namespace": "default", "instances": 1, "statuses": {"passing": 1},
            "tags": [], "versions": [],
        },
        {
            "name": "web", "namespace": "default", "instances": 3, "statuses": {"passing": 2, "critical": 1},
            "tags": ["x", "y"], "versions": ["1", "2"],
        },
    ]  # fmt: skip
    await world.override("o1", service="web", status=Status.WARNING)
    assert (await world.get("/services")).json()[1]["statuses"] == {"warning": 3}
    await world.remove("shop", "a")
    assert [service["name"] for service in (await world.get("/services")).json()] == ["web"]


async def test_the_list_of_services_holds_nothing_of_those_that_are_gone(world: World) -> None:
    listing = Listing()

    def listed(namespace: str) -> None:
        listing.read(REGION, (), namespace).render(world.plane.view, world.now)

    await world.put("web", "a")
    for number in range(5):
        await world.put("preview", "a", namespace=f"branch-{number}")
        listed(f"branch-{number}")
        await world.put(f"preview-{number}", "a")
        listed("default")
        await world.remove("preview", "a", namespace=f"branch-{number}")
        await world.remove(f"preview-{number}", "a")
    listed("default")
    assert {region: set(kept) for region, kept in listing._kept.items()} == {REGION: {("default", "web")}}
    world.plane.view.forget(REGION)
    listed("default")
    assert listing._kept == {}


async def test_an_explanation_has_a_verdict_on_everybody(world: World) -> None:
    await world.put("web", "a", tags=["x"])
    await world.put("web", "b")
    await world.put("web", "c", status=Status.CRITICAL, tags=["x"])
    body = (await world.get("/services/web/explain?tag=x")).json()
    verdicts = {one["id"]: (one["returned"], one["reason"]) for one in body["instances"]}
    assert verdicts == {"a": (True, "serves"), "b": (False, "tag"), "c": (False, "status")}
    assert body["returned"] == 1
