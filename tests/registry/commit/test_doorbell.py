"""The doorbell wakes followers in other processes; without it they poll."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from catalog.change import Position
from registry.commit.doorbell import channel
from registry.commit.tail import Tail
from registry.commit.writer import local_region
from registry.log.local import DatabaseLog
from registry.valkey import connection
from tests.harness.valkey import Valkey
from tests.registry.conftest import Register

LONG = 30.0  # seconds: a wait that ends much sooner was woken


async def elsewhere(scenario: Callable[[DatabaseLog, Position], Awaitable[None]]) -> None:
    """Run a scenario with the log and its end, as another process has them."""
    log = DatabaseLog(local_region(), recent=Tail())
    try:
        await scenario(log, (await log.snapshot()).head.position)
    finally:
        await log.close()


async def heard(log: DatabaseLog, end: Position) -> None:
    """Wait until the log hears the doorbell: until then it returns early."""
    async with asyncio.timeout(10):
        while True:
            started = time.monotonic()
            await log.wait(end, timeout=0.4)
            if time.monotonic() - started >= 0.4:
                return


def test_a_commit_in_another_process_ends_the_wait(valkey_url: str, register: Register) -> None:
    register("one")

    async def scenario(log: DatabaseLog, end: Position) -> None:
        await heard(log, end)
        waiting = asyncio.create_task(log.wait(end, timeout=LONG))
        await asyncio.sleep(0)
        await asyncio.to_thread(register, "two")
        async with asyncio.timeout(10):
            await waiting
            assert [change.index for change in await log.read(end, limit=10)] == [end.index + 1]

    asyncio.run(elsewhere(scenario))


def test_a_ring_for_nothing_does_not_wake_for_ever(valkey_url: str, register: Register) -> None:
    register("one")

    async def scenario(log: DatabaseLog, end: Position) -> None:
        await heard(log, end)
        await asyncio.to_thread(
            partial(connection().publish, channel(local_region()), f"{end.log_id} {end.index + 1000}")
        )
        async with asyncio.timeout(10):
            await log.wait(end, timeout=LONG)
        assert list(await log.read(end, limit=10)) == []
        started = time.monotonic()
        await log.wait(end, timeout=0.3)
        assert time.monotonic() - started >= 0.3

    asyncio.run(elsewhere(scenario))


def test_nonsense_on_the_doorbell_only_wakes(valkey_url: str, register: Register) -> None:
    register("one")

    async def scenario(log: DatabaseLog, end: Position) -> None:
        await heard(log, end)
        waiting = asyncio.create_task(log.wait(end, timeout=LONG))
        await asyncio.sleep(0)
        await asyncio.to_thread(partial(connection().publish, channel(local_region()), "what?"))
        async with asyncio.timeout(10):
            await waiting

    asyncio.run(elsewhere(scenario))


def test_without_valkey_waiting_ends_soon_enough_to_poll(register: Register) -> None:
    register("one")

    async def scenario(log: DatabaseLog, end: Position) -> None:
        async with asyncio.timeout(10):
            await log.wait(end, timeout=LONG)

    asyncio.run(elsewhere(scenario))


def test_a_valkey_that_comes_back_is_heard_again(register: Register, tmp_path: Path) -> None:
    register("one")
    valkey = Valkey(tmp_path)
    there = replace(settings.MERIDIAN, valkey_url=valkey.url)

    async def scenario(log: DatabaseLog, end: Position) -> None:
        for _ in range(2):
            with valkey:
                await heard(log, end)
            async with asyncio.timeout(10):
                await log.wait(end, timeout=LONG)  # woken by the loss, or polling because of it

    with override_settings(MERIDIAN=there):
        asyncio.run(elsewhere(scenario))
