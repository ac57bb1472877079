"""Reaching Valkey: connections, names of keys, and errors.

Limits suit a store that may be lost: no caller waits long for it. Keys and channels are `meridian:<region>:<parts>`:

    leases, expired, clock, listening,                       registry/leases/store.py
    reviewed, sweeping, losses:*, spared:*
    probes:due, :definitions, :states, :leader, :seen        registry/checks/
    counters                                                 registry/checks/counters.py
    heard, heard:row:*, follower:*                           registry/freshness.py, federation/follow/
    doorbell, tokens                                         channels: registry/commit/doorbell.py, registry/access/
    layer                                                    Django Channels, see config/settings.py

Processes of two versions share them during a rolling restart, so a name never changes its meaning.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from catalog.errors import Unavailable

CONNECT_WITHIN = 0.5  # seconds
ANSWER_WITHIN = 2.0  # seconds
CANCEL_AGAIN = 1.0  # seconds after which a task that goes on is cancelled once more
_of_loops = WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, "redis.asyncio.Redis"]]()


def connection() -> "redis.Redis":
    """This process's client for threads. Answers are text. Raises RedisError when Valkey cannot be reached."""
    return _client(settings.MERIDIAN.valkey_url)


def aconnection(*, answer_within: float | None = ANSWER_WITHIN) -> "redis.asyncio.Redis":
    """A new client for one event loop, kept and closed by the caller. None waits for answers as long as it takes."""
    return redis.asyncio.Redis.from_url(
        settings.MERIDIAN.valkey_url,
        socket_timeout=answer_within,
        retry=redis.asyncio.retry.Retry(NoBackoff(), 1),
        **_options(),
    )


def shared_connection() -> "redis.asyncio.Redis":
    """The running event loop's client for short questions: to make one takes ten times as long as to ask."""
    clients = _of_loops.setdefault(asyncio.get_running_loop(), {})
    url = settings.MERIDIAN.valkey_url
    if url not in clients:
        clients[url] = aconnection()
    return clients[url]


def key(region: str, *parts: str) -> str:
    """A key or channel of this region: `meridian:<region>:<parts>`."""
    return ":".join(("meridian", region, *parts))


@contextmanager
def reaching(part: str) -> Iterator[None]:
    """Raises Unavailable, naming the part of the region that was asked for, when Valkey cannot be reached within.

    For threads and event loops alike.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"{part} cannot be reached: {str(error) or 'no answer in time'}") from error


async def ping() -> None:
    """Return when Valkey answers. Raises Unavailable."""
    with reaching("the cache (Valkey)"):
        await shared_connection().ping()


async def cancel_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they end. Once may not do: a client of Valkey that is just connecting swallows it.

    (It waits by `asyncio.wait_for`, which up to Python 3.11 forgets a cancellation that comes as the wait is over.)
    """
    going_on = set(tasks)
    while going_on:
        for task in going_on:
            task.cancel()
        ended, going_on = await asyncio.wait(going_on, timeout=CANCEL_AGAIN)
        await asyncio.gather(*ended, return_exceptions=True)


@lru_cache(maxsize=8)
def _client(url: str) -> "redis.Redis":
    # One retry, at once: a server that was restarted has closed the pool's connections, and they are not to blame.
    return redis.Redis.from_url(url, socket_timeout=ANSWER_WITHIN, retry=Retry(NoBackoff(), 1), **_options())


def _options() -> dict[str, Any]:
    # Under RESP3, the client's own choice, redis-py swallows the answer to a subscriber's ping.
    return {"socket_connect_timeout": CONNECT_WITHIN, "decode_responses": True, "protocol": 2}
