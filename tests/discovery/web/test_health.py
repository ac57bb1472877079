"""`/health`: told from memory."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from catalog.errors import Unavailable
from discovery.web.operations import health
from discovery.web.operations.health import Health
from registry import database, valkey
from tests.discovery.view.test_following import DeadLog
from tests.harness.discovery.world import World, opened
from tests.harness.registry.outage import database_gone


@pytest.fixture
def lost_database(transactional_db: None) -> Iterator[None]:
    """The database is gone until the test has ended."""
    with database_gone():
        yield


async def found(watched: Health, name: str, expected: str) -> None:
    task = asyncio.create_task(watched.watch())
    try:
        async with asyncio.timeout(5):
            while not watched.report().checks[name].startswith(expected):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_part_that_refuses_is_named_and_the_whole_is_degraded(world: World) -> None:
    async def refuses() -> None:
        raise Unavailable("the database is down")

    watched = Health(world.plane, world.pulse, {"database": refuses})
    await found(watched, "database", "the database is down")
    assert watched.report().status == "degraded"


def watched_by_a_server(world: World) -> Health:
    return Health(world.plane, world.pulse, {"database": database.ping, "cache": valkey.ping})


@pytest.mark.usefixtures("lost_database", "valkey_url")
async def test_without_its_database_a_region_names_the_database(world: World) -> None:
    watched = watched_by_a_server(world)
    await found(watched, "database", "the database cannot be reached: ")
    await found(watched, "cache", "ok")


@pytest.mark.usefixtures("transactional_db")
async def test_without_valkey_a_region_names_the_cache(world: World) -> None:
    watched = watched_by_a_server(world)
    with override_settings(MERIDIAN=replace(settings.MERIDIAN, valkey_url="redis://127.0.0.1:1/0")):
        await found(watched, "cache", "the cache (Valkey) cannot be reached: ")
        await found(watched, "database", "ok")


async def test_a_part_that_hangs_is_asked_once_and_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ANSWER_WITHIN", 0.01)
    monkeypatch.setattr(health, "LOOK_EVERY", 0.001)
    asked = 0

    async def hangs() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(30)

    watched = Health(world.plane, world.pulse, {"database": hangs})
    await found(watched, "database", "does not answer")
    await asyncio.sleep(0.05)
    assert asked == 1


async def test_all_parts_well_is_healthy(world: World) -> None:
    async def works() -> None:
        return

    await world.pulse.look()
    watched = Health(world.plane, world.pulse, {"database": works})
    await found(watched, "database", "ok")
    assert watched.report() == health.Report(
        health.Condition.HEALTHY, {"database": "ok", "view": "ok", "workers": "ok"}
    )


async def test_a_process_is_ready_when_its_view_is_loaded(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        assert (await world.get("/health/ready")).status == 200
    unready = World(tmp_path / "other")
    unready.plane.following._log = DeadLog()
    assert (await unready.get("/health/ready")).status == 503
    assert (await unready.get("/health")).status == 503
    assert (await unready.get("/health/live")).status == 200
