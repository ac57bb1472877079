"""Connections to the region's Valkey, with timeouts short enough that losing it delays nobody for long."""

from functools import lru_cache

import redis
import redis.asyncio
from django.conf import settings

CONNECT_TIMEOUT = 0.5  # seconds
SOCKET_TIMEOUT = 2.0  # seconds


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    """This process's client; it connects when it is used, and raises `redis.RedisError` then."""
    return redis.Redis.from_url(
        settings.MERIDIAN.valkey_url,
        decode_responses=True,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=SOCKET_TIMEOUT,
    )


def aconnection() -> redis.asyncio.Redis:
    """A new client for one event loop."""
    return redis.asyncio.Redis.from_url(
        settings.MERIDIAN.valkey_url,
        decode_responses=True,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_timeout=SOCKET_TIMEOUT,
    )
