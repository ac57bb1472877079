"""Connections to Valkey, with limits that suit a store which may be lost: nobody waits long for it."""

from functools import lru_cache
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_WITHIN = 0.5  # seconds
ANSWER_WITHIN = 2.0


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


def key(region: str, *parts: str) -> str:
    """A key or channel of this region: `meridian:<region>:<parts>`."""
    return ":".join(("meridian", region, *parts))


@lru_cache(maxsize=8)
def _client(url: str) -> "redis.Redis":
    # One retry, at once: a server that was restarted has closed the pool's connections, and they are not to blame.
    return redis.Redis.from_url(url, socket_timeout=ANSWER_WITHIN, retry=Retry(NoBackoff(), 1), **_options())


def _options() -> dict[str, Any]:
    # Under RESP3, the client's own choice, redis-py swallows the answer to a subscriber's ping.
    return {"socket_connect_timeout": CONNECT_WITHIN, "decode_responses": True, "protocol": 2}
