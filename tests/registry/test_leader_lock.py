"""The leader lock over a real Valkey: one holder at a time, for as long as it renews, and no other gives it back."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from catalog.errors import Unavailable
from registry.leader_lock import LeaderLock, Term, free_all, held
from registry.valkey import aconnection, connection, key
from tests.harness.probes.schedules import nowhere
from tests.harness.waiting import aeventually

KEY = "meridian:us-east:a-lock"


@pytest.fixture
async def client(valkey_url: str) -> AsyncIterator[Redis]:
    async with aconnection() as connected:
        yield connected


def lock(client: Redis, *, lasts: float = 60.0) -> LeaderLock:
    return LeaderLock(client, KEY, lasts=lasts, part="the lock")


async def test_of_two_contenders_one_holds_it(client: Redis) -> None:
    assert await lock(client).take("one") is Term.NEW
    assert await lock(client).take("two") is Term.LOST
    assert await lock(client).take("one") is Term.RENEWED


async def test_a_holder_that_renews_no_more_loses_it_to_another(client: Redis) -> None:
    await lock(client, lasts=0.05).take("one")
    assert await aeventually(lambda: lock(client).take("two"), what="the lock has expired") is Term.NEW
    assert await lock(client).take("one") is Term.LOST


async def test_renewing_makes_it_last_again(client: Redis) -> None:
    await lock(client, lasts=1.0).take("one")
    await lock(client, lasts=60.0).take("one")
    assert await client.pttl(KEY) > 50_000


async def test_it_is_free_as_soon_as_its_holder_releases_it(client: Redis) -> None:
    await lock(client).take("one")
    assert await lock(client).release("one")
    assert await lock(client).take("two") is Term.NEW


async def test_another_does_not_release_it(client: Redis) -> None:
    await lock(client).take("one")
    assert not await lock(client).release("two")
    assert await lock(client).take("one") is Term.RENEWED


async def test_a_holder_that_lost_it_does_not_release_the_next_ones(client: Redis) -> None:
    await client.set(KEY, "two")
    assert not await lock(client).release("one")
    assert await client.get(KEY) == "two"


async def test_without_valkey_nothing_is_known_of_it() -> None:
    async with nowhere() as away:
        with pytest.raises(Unavailable, match="the lock cannot be reached"):
            await lock(away).take("one")


@pytest.mark.usefixtures("valkey_url")
def test_a_thread_holds_it_within_a_block_and_no_longer() -> None:
    with held(connection(), KEY, lasts=60.0) as first, held(connection(), KEY, lasts=60.0) as second:
        assert (first, second) == (True, False)
    assert connection().get(KEY) is None


@pytest.mark.usefixtures("valkey_url")
def test_a_thread_that_held_it_for_too_long_leaves_the_next_holder_alone() -> None:
    with held(connection(), KEY, lasts=60.0):
        connection().set(KEY, "another")
    assert connection().get(KEY) == "another"


async def test_a_region_s_only_worker_frees_what_its_predecessor_held(client: Redis) -> None:
    names = [("follower", "eu-west"), ("probes", "leader"), ("sweeping",)]
    ours = [LeaderLock(client, key("us-east", *name), lasts=60.0, part="the lock") for name in names]
    another_s = LeaderLock(client, key("eu-west", "sweeping"), lasts=60.0, part="the lock")
    for each in (*ours, another_s):
        await each.take("killed")
    free_all("us-east")
    assert [await each.take("next") for each in ours] == [Term.NEW] * len(ours)
    assert await another_s.take("next") is Term.LOST
