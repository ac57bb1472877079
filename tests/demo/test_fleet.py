"""A running fleet against a real HTTP server that answers as the registry does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from demo.fleet import Fleet
from demo.options import Options
from demo.report import Report
from tests.harness.recording_registry import Key, RecordingRegistry
from tests.harness.waiting import aeventually


@pytest.fixture
async def registry() -> AsyncIterator[RecordingRegistry]:
    async with RecordingRegistry() as running:
        yield running


class Running:
    """A fleet that lives in this test, and what it printed."""

    def __init__(self, options: Options) -> None:
        self.out = io.StringIO()
        self.fleet = Fleet(options, Report(self.out, quiet=options.quiet))
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self.fleet.run(self._stop))

    @property
    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()

    def said(self, words: str) -> Callable[[], bool]:
        return lambda: any(words in line for line in self.lines)

    async def stop(self) -> None:
        self._stop.set()
        async with asyncio.timeout(10):
            await self._task


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[Running]:
    started = Running(options)
    try:
        yield started
    finally:
        await started.stop()


def steady(registry: RecordingRegistry, *, services: int = 3) -> Options:
    return Options(url=registry.url, services=services, pace=0)


async def all_registered(started: Running, registry: RecordingRegistry) -> set[Key]:
    await aeventually(started.said("are registered after"), within=20)
    return set(registry.registered)


async def test_every_instance_registers_an_address_at_which_its_health_answers(registry: RecordingRegistry) -> None:
    async with running(steady(registry)) as started, aiohttp.ClientSession() as session:
        keys = await all_registered(started, registry)
        assert {name for name, _ in keys} == {"user-service", "order-service", "payment-service"}
        for (_, instance), body in registry.registered.items():
            async with session.get(body["checks"][0]["url"]) as response:
                assert (response.status, (await response.json())["instance"]) == (200, instance)


async def test_a_service_with_grpc_registers_the_port_by_name(registry: RecordingRegistry) -> None:
    async with running(steady(registry)) as started:
        await all_registered(started, registry)
        named = {name: set(body["ports"]) for (name, _), body in registry.registered.items()}
    assert named == {"user-service": {"grpc"}, "order-service": set(), "payment-service": set()}


async def test_every_instance_renews_within_a_third_of_its_lease(registry: RecordingRegistry) -> None:
    async with running(steady(registry)) as started:
        keys = await all_registered(started, registry)
        await aeventually(lambda: set(registry.renewals) == keys, within=7)
    assert len(registry.registrations) == len(keys)


async def test_an_instance_that_the_registry_forgot_registers_again(registry: RecordingRegistry) -> None:
    async with running(steady(registry, services=1)) as started:
        key = min(await all_registered(started, registry))
        before = registry.registered[key]
        registry.forget(key)
        await aeventually(lambda: key in registry.registered, within=20)
        assert registry.registered[key] == before
        assert registry.registrations[-1][0] == key


async def test_the_fleet_waits_for_a_registry_that_is_not_there_yet() -> None:
    registry = RecordingRegistry()
    await registry.start()
    await registry.stop()
    async with running(steady(registry)) as started:
        await aeventually(started.said("is unavailable"), within=20)
        await registry.start()
        assert len(await all_registered(started, registry)) == len(started.fleet.instances)
    await registry.stop()


async def test_the_fleet_outlives_a_registry_that_goes_and_comes_back_empty(registry: RecordingRegistry) -> None:
    async with running(steady(registry)) as started:
        keys = await all_registered(started, registry)
        await registry.stop()
        registry.registered.clear()
        await aeventually(started.said("is unavailable"), within=20)
        await registry.start()
        await aeventually(lambda: set(registry.registered) == keys, within=20)
        await aeventually(started.said("answers again"), within=20)


async def test_an_instance_that_meets_503_tries_again(registry: RecordingRegistry) -> None:
    registry.unavailable = 5
    async with running(steady(registry, services=1)) as started:
        assert len(await all_registered(started, registry)) == len(started.fleet.instances)
    assert registry.busy_answers == 5


async def test_a_refusal_is_told_once_in_the_words_of_the_registry(registry: RecordingRegistry) -> None:
    registry.refuse_registrations = True
    async with running(steady(registry)) as started:
        await aeventually(started.said("0 of"), within=20)
        refusals = [line for line in started.lines if "weight must be a number" in line]
    assert len(refusals) == 1


async def test_a_token_is_sent_with_every_request(registry: RecordingRegistry) -> None:
    options = Options(url=registry.url, services=1, pace=0, token="secret")
    async with running(options) as started:
        await all_registered(started, registry)
    assert registry.deregistrations
    assert registry.credentials == {"Bearer secret"}


async def test_an_ending_fleet_deregisters_everybody(registry: RecordingRegistry) -> None:
    async with running(steady(registry)) as started:
        keys = await all_registered(started, registry)
    assert set(registry.deregistrations) == keys
    assert registry.registered == {}


async def test_an_ended_fleet_listens_no_more(registry: RecordingRegistry) -> None:
    async with running(steady(registry, services=1)) as started:
        await all_registered(started, registry)
        ports = [body["port"] for body in registry.registered.values()]
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_fleet_ends_quickly_while_the_registry_is_away(registry: RecordingRegistry) -> None:
    loop = asyncio.get_running_loop()
    async with running(steady(registry)) as started:
        await all_registered(started, registry)
        await registry.stop()
        began = loop.time()
    assert loop.time() - began < 4
    assert started.said("0 of")()


async def test_a_vanishing_fleet_deregisters_nobody(registry: RecordingRegistry) -> None:
    async with running(Options(url=registry.url, services=1, pace=0, vanish=True)) as started:
        keys = await all_registered(started, registry)
    assert set(registry.registered) == keys
    assert registry.deregistrations == []


async def test_quiet_keeps_the_story_to_itself(registry: RecordingRegistry) -> None:
    async with running(Options(url=registry.url, services=3, pace=100, quiet=True)) as started:
        await all_registered(started, registry)
        known = len(registry.registrations)
        # Whoever registers now does so because of an event.
        await aeventually(lambda: len(registry.registrations) > known, within=20)
        told = [line for line in started.lines if line.split()[1] not in ("fleet", "registry")]
    assert told == []
