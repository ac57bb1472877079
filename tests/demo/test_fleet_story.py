"""Each event of the story, made true with real servers."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from demo import instance as instance_module
from demo.http_server import Behaviour
from demo.instance import Instance
from demo.plan import InstancePlan
from demo.registry import Registry
from tests.harness.recording_registry import RecordingRegistry
from tests.harness.waiting import aeventually

PLAN = InstancePlan(
    service="cart-service", id="cart-service-1", zone="us-east-1a", version="2.1.0", team="storefront", tags=("edge",)
)
KEY = ("cart-service", "cart-service-1")


@pytest.fixture
async def registry() -> AsyncIterator[RecordingRegistry]:
    async with RecordingRegistry() as running:
        yield running


@pytest.fixture
async def instance(registry: RecordingRegistry) -> AsyncIterator[Instance]:
    client = Registry(registry.url, token=None, on_reachable=lambda reachable: None)
    async with client, asyncio.TaskGroup() as tasks:
        started = Instance(PLAN, client, random.Random(1), tasks, on_refused=lambda who, why: None)
        await started.start()
        await aeventually(lambda: KEY in registry.registered, within=20)
        yield started
        await started.keeper.stop()
        await started.close()


async def health(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(body["checks"][0]["url"]) as response:
        return response.status, await response.json()


async def test_a_failing_instance_stays_registered_and_keeps_renewing(
    registry: RecordingRegistry, instance: Instance
) -> None:
    instance.process.behave(Behaviour.FAILING, "disk almost full")
    assert (await health(registry.registered[KEY]))[0] == 503
    await aeventually(lambda: registry.renewals[KEY] > 0, within=20)


async def test_an_instance_that_vanishes_closes_its_port_and_says_nothing(
    registry: RecordingRegistry, instance: Instance
) -> None:
    await instance.vanish()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", registry.registered[KEY]["port"])
    assert registry.deregistrations == []


async def test_an_instance_that_vanished_renews_no_more(registry: RecordingRegistry, instance: Instance) -> None:
    await aeventually(lambda: registry.renewals[KEY] > 0, within=20)
    await instance.vanish()
    renewals = registry.renewals[KEY]
    # Longer than the longest pause between two renewals.
    await asyncio.sleep(5.5)
    assert registry.renewals[KEY] == renewals


async def test_an_instance_that_leaves_deregisters_before_it_stops_to_answer(
    registry: RecordingRegistry, instance: Instance
) -> None:
    body = registry.registered[KEY]
    leaving = asyncio.create_task(instance.leave())
    await aeventually(lambda: registry.deregistrations == [KEY], within=20)
    assert (await health(body))[0] == 200
    await leaving
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", body["port"])


async def test_an_upgraded_instance_registers_its_new_version_at_its_new_port(
    registry: RecordingRegistry, instance: Instance
) -> None:
    before = registry.registered[KEY]
    await instance.upgrade(replace(PLAN, version="2.2.0"))
    after = await aeventually(lambda: registry.registered[KEY] is not before and registry.registered[KEY], within=20)
    assert (after["version"], (await health(after))[1]["version"]) == ("2.2.0", "2.2.0")
    assert after["port"] != before["port"]


async def test_the_old_version_answers_until_the_registry_knows_the_new_one(
    registry: RecordingRegistry, instance: Instance
) -> None:
    before = registry.registered[KEY]
    registry.unavailable = 3
    await instance.upgrade(replace(PLAN, version="2.2.0"))
    while registry.unavailable:
        assert (await health(before))[1]["version"] == "2.1.0"
        await asyncio.sleep(0.02)
    await aeventually(lambda: registry.registered[KEY]["version"] == "2.2.0", within=20)
    await aeventually(lambda: not is_open(before["port"]), within=instance_module.GRACE_SECONDS + 5)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
