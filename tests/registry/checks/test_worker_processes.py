"""Worker processes as they run in production, over a real database and a real Valkey."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import redis.asyncio

from catalog.records.status import Status
from registry.checks import probe_heartbeat
from registry.checks.schedule import Schedule
from registry.valkey import aconnection
from tests.harness.probes.schedules import REGION
from tests.harness.probes.servers import HttpTarget, http_target
from tests.harness.probes.workers import Workers
from tests.harness.valkey import Valkey
from tests.harness.waiting import aeventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
async def workers(database_url: str, valkey_url: str, tmp_path: Path) -> AsyncIterator[Workers]:
    workers = await asyncio.to_thread(Workers, database_url, valkey_url, tmp_path)
    yield workers
    await asyncio.to_thread(workers.stop)


async def recorded(schedule: Schedule) -> dict[str, Status]:
    """The verdict of each check as it has come back through the log, by instance."""
    return {each.id: each.recorded async for _, each in schedule.scheduled() if each is not None}


async def all_are(schedule: Schedule, status: Status, number: int) -> bool:
    return list((await recorded(schedule)).values()) == [status] * number


async def watch(schedule: Schedule, status: Status, number: int) -> None:
    await aeventually(lambda: all_are(schedule, status, number), within=30, what=f"{number} are {status}")


@asynccontextmanager
async def reading() -> AsyncIterator[Schedule]:
    """The schedule, led by the workers."""
    async with aconnection() as client:
        yield Schedule(client, REGION)


async def probed(target: HttpTarget, number: int) -> bool:
    return len(target.hits) == number


async def probed_often(times: Mapping[str, Sequence[float]]) -> bool:
    return all(len(seen) >= 4 for seen in times.values())


async def flush() -> None:
    async with aconnection() as client:
        await client.flushall()


async def test_a_new_check_is_probed_within_a_second_and_its_verdict_recorded(workers: Workers) -> None:
    async with http_target() as target, reading() as schedule:
        workers.start()
        await aeventually(probe_heartbeat.last_round, within=20, what="a round was completed")
        await asyncio.to_thread(workers.register, 3, target.url, interval="30s")
        registered = time.monotonic()
        await aeventually(lambda: probed(target, 3), what="all are probed")
        assert time.monotonic() - registered < 1.5
        await watch(schedule, Status.PASSING, 3)


async def test_a_claim_survives_the_worker_that_is_killed(workers: Workers) -> None:
    async with http_target() as target, reading() as schedule:
        target.delay = 60.0
        await asyncio.to_thread(workers.register, 1, target.url, interval="1s", timeout="2s", failures=1)
        first = workers.start()
        await aeventually(lambda: probed(target, 1), within=20, what="the first worker probes")
        first.kill()
        target.delay = 0.0
        workers.start()
        await watch(schedule, Status.PASSING, 1)
    assert target.hits["/health/0"] >= 2


async def test_two_workers_probe_nothing_twice(workers: Workers) -> None:
    times = defaultdict[str, list[float]](list)
    async with http_target() as target, reading() as schedule:
        target.heard = lambda path: times[path].append(time.monotonic())
        workers.start()
        workers.start()
        await asyncio.to_thread(workers.register, 60, target.url, interval="2s")
        await watch(schedule, Status.PASSING, 60)
        await aeventually(lambda: probed_often(times), within=30, what="each was probed four times")
    gaps = [later - earlier for seen in times.values() for earlier, later in pairwise(seen[1:])]
    assert len(times) == 60
    assert min(gaps) > 1.5  # an interval with its jitter; the first gap of each is any length
    assert max(gaps) < 3.5


async def test_losing_what_valkey_holds_makes_nobody_critical(workers: Workers) -> None:
    async with http_target() as target, reading() as schedule:
        workers.start()
        await asyncio.to_thread(workers.register, 5, target.url, interval="1s", failures=1)
        await watch(schedule, Status.PASSING, 5)
        await flush()
        target.hits.clear()
        await watch(schedule, Status.PASSING, 5)
        await aeventually(lambda: probed(target, 5), what="all are probed again")
        assert await all_are(schedule, Status.PASSING, 5)


async def test_a_dead_instance_turns_critical_at_its_third_failure(workers: Workers) -> None:
    async with http_target() as target, reading() as schedule:
        workers.start()
        await asyncio.to_thread(workers.register, 1, target.url, interval="1s", failures=3)
        await watch(schedule, Status.PASSING, 1)
        target.status = 503
        target.hits.clear()
        await watch(schedule, Status.CRITICAL, 1)
        assert target.hits["/health/0"] >= 3


async def test_a_valkey_that_is_killed_makes_nobody_critical_and_probing_goes_on_with_the_next(
    database_url: str, tmp_path: Path
) -> None:
    valkey = Valkey(tmp_path)
    workers = await asyncio.to_thread(Workers, database_url, valkey.url, tmp_path)
    try:
        async with http_target() as target:
            with valkey:
                workers.start()
                await asyncio.to_thread(workers.register, 5, target.url, interval="1s", failures=1)
                async with redis.asyncio.Redis(port=valkey.port, decode_responses=True) as client:
                    await watch(Schedule(client, REGION), Status.PASSING, 5)
            target.hits.clear()
            with valkey:
                async with redis.asyncio.Redis(port=valkey.port, decode_responses=True) as client:
                    await watch(Schedule(client, REGION), Status.PASSING, 5)
                    await aeventually(lambda: probed(target, 5), within=30, what="all are probed again")
                    assert await all_are(Schedule(client, REGION), Status.PASSING, 5)
    finally:
        await asyncio.to_thread(workers.stop)
