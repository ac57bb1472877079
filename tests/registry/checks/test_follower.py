"""The follower that keeps the schedule in step with the log, over a real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest
import redis
import redis.asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.change import Position
from catalog.digest import to_hex
from catalog.errors import Diverged
from catalog.log import MemoryLog
from catalog.records.check import Tally, Verdict
from catalog.records.instance import Instance, with_verdict
from catalog.records.status import Status
from registry.checks.follower import Scheduler, keep_in_step
from registry.checks.judge import State
from registry.checks.probe_spec import Definition, definitions
from registry.checks.schedule import Result, Schedule
from tests.harness.probes.schedules import LEADER, due, schedule_of
from tests.harness.records import NOW, instance
from tests.harness.waiting import aeventually

pytestmark = pytest.mark.usefixtures("valkey_url")
HTTP = {"name": "http", "type": "http", "url": "http://127.0.0.1:1/health", "interval": "10s"}
TCP = {"name": "tcp", "type": "tcp"}
TTL = {"name": "alive", "type": "ttl", "ttl": "10s"}


def append(log: MemoryLog, record: Instance) -> None:
    log.append(record.key, record)


def verdict(record: Instance, check: str, status: Status) -> Instance:
    return with_verdict(record, Verdict(check, status), NOW)


@asynccontextmanager
async def following(log: MemoryLog) -> AsyncIterator[tuple[Scheduler, Schedule, redis.asyncio.Redis]]:
    """A follower after its first snapshot."""
    async with schedule_of() as (schedule, client):
        follower = Scheduler(schedule, LEADER, spread=lambda: 0.5)
        await follower.reset(await log.snapshot())
        yield follower, schedule, client


async def catch_up(follower: Scheduler, log: MemoryLog) -> None:
    position = follower.position(log.region)
    assert position is not None
    changes = await log.read(position, limit=1000)
    if changes:
        await follower.apply(changes)


async def scheduled(schedule: Schedule) -> dict[str, Definition | None]:
    return {key: definition async for key, definition in schedule.scheduled()}


async def test_a_new_check_is_due_at_once() -> None:
    log = MemoryLog("us-east")
    async with following(log) as (follower, schedule, client):
        append(log, instance(checks=[HTTP, TCP]))
        await catch_up(follower, log)
        assert all(seconds <= 0 for seconds in (await due(client)).values())
        assert len((await schedule.claim(10)).checks) == 2


async def test_checks_that_report_themselves_are_not_scheduled() -> None:
    log = MemoryLog("us-east")
    append(log, instance(checks=[TTL]))
    async with following(log) as (_, schedule, _):
        assert await scheduled(schedule) == {}


async def test_a_removed_instance_leaves_the_schedule_with_all_that_was_remembered() -> None:
    log = MemoryLog("us-east")
    append(log, instance(checks=[HTTP]))
    async with following(log) as (follower, _schedule, client):
        await client.hset("meridian:us-east:probes:states", "default/user-service/user-1/http", "{}")
        log.append(instance().key, None)
        await catch_up(follower, log)
        assert await client.keys("meridian:us-east:probes:*") == ["meridian:us-east:probes:leader"]


async def probed(schedule: Schedule, client: redis.asyncio.Redis) -> State:
    """Probe the one check of the schedule as if it passed; its state from then on."""
    await client.zadd("meridian:us-east:probes:due", {"default/user-service/user-1/http": 0})
    state = State(Tally(Status.PASSING, 1))
    assert await schedule.finish([Result((await schedule.claim(1)).checks[0], state, 9.0)]) == [True]
    return state


@pytest.mark.parametrize(
    ("fields", "kept", "at_once"),
    [
        ({"weight": 7}, True, False),
        ({"port": 9090}, True, True),
        ({"checks": [{**HTTP, "interval": "20s"}]}, False, True),
        ({"epoch": 2}, False, True),
    ],
    ids=["nothing about the check", "another port", "another interval", "another registration"],
)
async def test_a_registration_keeps_what_is_remembered_of_an_unchanged_check(
    fields: dict[str, Any], kept: bool, at_once: bool
) -> None:
    log = MemoryLog("us-east")
    append(log, instance(checks=[HTTP]))
    epoch = fields.pop("epoch", 1)
    async with following(log) as (follower, schedule, client):
        state = await probed(schedule, client)
        append(log, msgspec.structs.replace(instance(**{"checks": [HTTP], **fields}), epoch=epoch))
        await catch_up(follower, log)
        (seconds,) = (await due(client)).values()
        assert (seconds <= 0) is at_once
        await client.zadd("meridian:us-east:probes:due", {"default/user-service/user-1/http": 0})
        assert (await schedule.claim(1)).checks[0].state == (state if kept else None)


async def test_a_recorded_verdict_reaches_the_definition_and_moves_nothing() -> None:
    log = MemoryLog("us-east")
    record = instance(checks=[HTTP])
    append(log, record)
    async with following(log) as (follower, schedule, client):
        await probed(schedule, client)
        append(log, verdict(record, "http", Status.PASSING))
        await catch_up(follower, log)
        (definition,) = (await scheduled(schedule)).values()
        assert definition is not None
        assert definition.recorded is Status.PASSING
        (seconds,) = (await due(client)).values()
        assert seconds > 8


async def test_a_snapshot_leaves_what_is_scheduled_already_as_it_is() -> None:
    log = MemoryLog("us-east")
    append(log, instance(checks=[HTTP]))
    async with following(log) as (_, schedule, client):
        await probed(schedule, client)
        before = await due(client)
        await Scheduler(schedule, LEADER).reset(await log.snapshot())
        assert (await due(client)).keys() == before.keys()
        (seconds,) = (await due(client)).values()
        assert 8 < seconds < 9
        assert len(await client.hgetall("meridian:us-east:probes:states")) == 1


async def test_a_snapshot_removes_what_left_while_nobody_followed() -> None:
    log = MemoryLog("us-east")
    append(log, instance(checks=[HTTP]))
    async with following(log) as (_, schedule, _):
        log.append(instance().key, None)
        await Scheduler(schedule, LEADER).reset(await log.snapshot())
        assert await scheduled(schedule) == {}


async def test_checks_with_a_verdict_are_spread_over_their_interval_after_a_loss() -> None:
    log = MemoryLog("us-east")
    append(log, verdict(instance(checks=[HTTP]), "http", Status.PASSING))
    async with following(log) as (_, _, client):
        (seconds,) = (await due(client)).values()
        assert 4.5 < seconds <= 5.0  # half of the interval, as this follower spreads


async def test_a_digest_that_differs_is_noticed() -> None:
    log = MemoryLog("us-east")
    async with following(log) as (follower, _, _):
        append(log, instance(checks=[HTTP]))
        (change,) = await log.read(Position("memory", 0), limit=1)
        with pytest.raises(Diverged):
            await follower.apply([msgspec.structs.replace(change, digest="0" * 64)])


async def test_a_gap_is_noticed() -> None:
    log = MemoryLog("us-east")
    async with following(log) as (follower, _, _):
        append(log, instance())
        append(log, instance(weight=2))
        with pytest.raises(Diverged):
            await follower.apply((await log.read(Position("memory", 0), limit=9))[1:])


async def test_changes_that_come_twice_do_no_harm() -> None:
    log = MemoryLog("us-east")
    async with following(log) as (follower, _, _client):
        append(log, instance(checks=[HTTP]))
        changes = await log.read(Position("memory", 0), limit=9)
        await follower.apply(changes)
        await follower.apply(changes)
        assert to_hex(follower.digest) == log.head.digest


steps = st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["both", "http", "none", "gone", "critical"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, min_size=1, max_size=25), st.integers(1, 6))
def test_replay_and_snapshot_lead_to_the_same_schedule(
    valkey_server: str, history: list[tuple[str, str]], stride: int
) -> None:
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
    asyncio.run(compare(history, stride))


async def compare(history: list[tuple[str, str]], stride: int) -> None:
    log, live = MemoryLog("us-east"), dict[str, Instance]()
    async with following(log) as (follower, schedule, client):
        for number, (id, what) in enumerate(history):
            step(log, live, id, what)
            if number % stride == 0:
                await catch_up(follower, log)
        await catch_up(follower, log)
        wanted = {check.key: check for record in live.values() for check in definitions(record)}
        assert await scheduled(schedule) == wanted
        assert (await due(client)).keys() == wanted.keys()
        assert to_hex(follower.digest) == log.head.digest
        await client.flushall()
        await schedule.lead(LEADER)
        other = Scheduler(schedule, LEADER)
        await other.reset(await log.snapshot())
        assert await scheduled(schedule) == wanted
        assert (await due(client)).keys() == wanted.keys()
        assert other.digest == follower.digest


def step(log: MemoryLog, live: dict[str, Instance], id: str, what: str) -> None:
    if what == "gone":
        if live.pop(id, None):
            log.append(instance(id=id).key, None)
        return
    if what == "critical":
        if id not in live or not live[id].checks:
            return
        live[id] = verdict(live[id], "http", Status.CRITICAL)
    else:
        checks = {"both": [HTTP, TCP], "http": [HTTP], "none": []}[what]
        live[id] = instance(id=id, checks=checks)
    append(log, live[id])


@asynccontextmanager
async def kept_in_step(log: MemoryLog, schedule: Schedule, who: str) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_in_step(log, schedule, who))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_schedule_is_made_afresh_after_valkey_lost_its_data() -> None:
    log = MemoryLog("us-east")
    append(log, verdict(instance(checks=[HTTP]), "http", Status.PASSING))
    async with schedule_of() as (schedule, client):
        await schedule.resign(LEADER)
        async with kept_in_step(log, schedule, "a worker"):
            await aeventually(lambda: due(client), what="the check is scheduled")
            await client.flushall()
            await aeventually(lambda: due(client), what="the check is scheduled again")
            (definition,) = (await scheduled(schedule)).values()
    assert definition is not None
    assert definition.recorded is Status.PASSING


async def test_another_worker_leads_when_the_leader_stops_without_a_word() -> None:
    log = MemoryLog("us-east")
    async with schedule_of() as (schedule, client):  # the test leads, and never renews
        append(log, instance(checks=[HTTP]))
        async with kept_in_step(log, schedule, "a worker"):
            await aeventually(lambda: due(client), what="the other worker has taken over")
        assert await schedule.lead("somebody") == 2  # it resigned when it was stopped
