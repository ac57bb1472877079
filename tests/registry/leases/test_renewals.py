"""Renewals: many at once, acknowledged when Valkey has them, and never waiting long for one that is away."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis.asyncio

from catalog.errors import Invalid, Unavailable
from catalog.records.check import Check, CheckType, Verdict
from catalog.records.instance import Instance
from catalog.records.lease import Lease
from catalog.records.status import Status
from registry.leases.keys import LeaseKeys
from registry.leases.renewals import Renewals
from tests.harness.valkey import Valkey

KEYS = LeaseKeys("us-east")
NOW = 1_000_000.0


@pytest.fixture
async def client(valkey_url: str) -> AsyncIterator["redis.asyncio.Redis"]:
    async with redis.asyncio.Redis.from_url(valkey_url, decode_responses=True) as client:
        yield client


def instance(number: int = 1, *, ttl: float | None = 15.0) -> Instance:
    lease = None if ttl is None else Lease(ttl)
    return Instance(region="us-east", service="web", id=f"web-{number}", host="h", port=1, lease=lease)


async def calls(client: "redis.asyncio.Redis") -> int:
    stats = await client.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))


async def test_a_renewal_moves_the_deadline_to_its_ttl_from_now(client):
    await Renewals(client, "us-east", now=NOW).renew(instance())
    assert await client.zscore(KEYS.leases, instance().key) == NOW + 15.0


async def test_deadlines_lie_on_the_observed_clock(client):
    await client.hset(KEYS.clock, "blind", 40.5)
    await Renewals(client, "us-east", now=NOW).renew(instance())
    assert await client.zscore(KEYS.leases, instance().key) == NOW + 15.0 - 40.5


async def test_without_a_given_time_it_is_valkeys_own(client):
    await Renewals(client, "us-east").renew(instance())
    seconds, micros = await client.time()
    assert await client.zscore(KEYS.leases, instance().key) == pytest.approx(seconds + micros / 1e6 + 15.0, abs=2.0)


async def test_renewals_of_one_moment_travel_together(client):
    renewals = Renewals(client, "us-east", now=NOW)
    await renewals.renew(instance())
    before = await calls(client)
    await asyncio.gather(*(renewals.renew(instance(n)) for n in range(2500)))
    assert await calls(client) - before == 1
    assert await client.zcard(KEYS.leases) == 2500


async def test_renewals_that_come_while_a_batch_is_under_way_share_the_next(client):
    renewals = Renewals(client, "us-east", now=NOW)
    await renewals.renew(instance())
    before = await calls(client)

    async def many(worker: int) -> None:
        for turn in range(10):
            await renewals.renew(instance(worker * 10 + turn))

    await asyncio.gather(*map(many, range(50)))
    assert await client.zcard(KEYS.leases) == 500
    assert await calls(client) - before <= 11


async def test_an_instance_without_a_lease_has_nothing_to_renew(client):
    await Renewals(client, "us-east", now=NOW).renew(instance(ttl=None))
    assert await client.exists(KEYS.leases) == 0


async def test_a_report_counts_for_its_checks_ttl(client):
    reported = Instance(
        region="us-east", service="web", id="web-1", host="h", port=1,
        checks=(Check(name="self", type=CheckType.TTL, ttl=10.0),), verdicts=(Verdict("self", Status.PASSING),),
    )  # fmt: skip
    await Renewals(client, "us-east", now=NOW).report(reported, "self")
    assert await client.zscore(KEYS.leases, f"{reported.key}|self") == NOW + 10.0


async def test_a_report_of_a_check_that_is_not_there_is_refused(client):
    with pytest.raises(Invalid, match="no check 'other'"):
        await Renewals(client, "us-east", now=NOW).report(instance(), "other")


async def test_a_caller_that_goes_away_does_not_spoil_the_batch_for_others(client):
    renewals = Renewals(client, "us-east", now=NOW)

    async def one(number: int) -> None:
        await renewals.renew(instance(number))

    gone, stays = asyncio.create_task(one(1)), asyncio.create_task(one(2))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert await client.zscore(KEYS.leases, instance(2).key) == NOW + 15.0


async def test_a_server_says_that_it_takes_renewals(client):
    listening = asyncio.create_task(Renewals(client, "us-east").listen())
    async with asyncio.timeout(5):
        while not await client.exists(KEYS.listening):
            await asyncio.sleep(0.01)
    listening.cancel()
    seconds, _ = await client.time()
    assert float(await client.get(KEYS.listening)) == pytest.approx(seconds, abs=2.0)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    with Valkey(tmp_path) as valkey:
        yield valkey


@pytest.fixture
async def renewals(own_valkey: Valkey) -> AsyncIterator[Renewals]:
    """Renewals over a Valkey of the test's own, with one behind them already."""
    async with redis.asyncio.Redis(port=own_valkey.port, decode_responses=True, socket_timeout=2.0) as client:
        renewals = Renewals(client, "us-east", now=NOW)
        await renewals.renew(instance())
        yield renewals


async def test_a_dead_valkey_is_said_at_once(own_valkey: Valkey, renewals: Renewals):
    own_valkey.kill()
    began = time.monotonic()
    results = await asyncio.gather(*(renewals.renew(instance(n)) for n in range(100)), return_exceptions=True)
    assert {type(result) for result in results} == {Unavailable}
    assert time.monotonic() - began < 2.0


async def test_a_valkey_that_hangs_delays_nobody_for_much_more_than_a_second(own_valkey: Valkey, renewals: Renewals):
    own_valkey.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    early = asyncio.ensure_future(renewals.renew(instance(1)))
    await asyncio.sleep(0.3)  # so that the next one queues behind a batch under way
    late = asyncio.ensure_future(renewals.renew(instance(2)))
    results = await asyncio.gather(early, late, return_exceptions=True)
    own_valkey.process.send_signal(signal.SIGCONT)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert time.monotonic() - began < 1.8


async def test_renewals_go_on_when_valkey_is_back_empty(own_valkey: Valkey, renewals: Renewals):
    own_valkey.kill()
    with pytest.raises(Unavailable):
        await renewals.renew(instance())
    own_valkey.start()
    await renewals.renew(instance())
