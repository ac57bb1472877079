"""Schedules for tests, over a real Valkey."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from catalog.records.check import Check, CheckType
from catalog.records.status import Status
from registry.checks.probe_spec import Definition
from registry.checks.schedule import Alignment, Schedule, probes_key
from registry.valkey import aconnection

REGION = "us-east"
LEADER = "the test"


@asynccontextmanager
async def schedule_of() -> AsyncIterator[tuple[Schedule, redis.asyncio.Redis]]:
    """A schedule in the test's Valkey, led by the test, and the client beneath it."""
    async with aconnection() as client:
        schedule = Schedule(client, REGION)
        await schedule.lead(LEADER)
        yield schedule, client


def nowhere() -> redis.asyncio.Redis:
    """A client of a Valkey that is not there."""
    return redis.asyncio.Redis(port=1, decode_responses=True, retry=Retry(NoBackoff(), 0))


def definition(id: str = "one", *, url: str = "http://127.0.0.1:1/", **fields: Any) -> Definition:
    recorded = fields.pop("recorded", Status.UNKNOWN)
    check = Check(name="http", type=CheckType.HTTP, url=url, **fields)
    return Definition("default", "web", id, "127.0.0.1", 80, check, recorded)


async def put(schedule: Schedule, *definitions: Definition, delay: float = 0.0) -> None:
    """Schedule checks, the first probe after `delay` seconds."""
    await schedule.lead(LEADER)
    assert await schedule.align(LEADER, [Alignment(each.key, each, delay) for each in definitions])


async def due(client: redis.asyncio.Redis) -> dict[str, float]:
    """Every scheduled check and in how many seconds it is due."""
    rows = cast("list[tuple[str, float]]", await client.zrange(probes_key(REGION, "due"), 0, -1, withscores=True))
    return {key: score - time.time() for key, score in rows}
