"""The leader lock: of several processes that could do the same work, one at a time does it.

The lock is a key in Valkey with its holder's name, which is gone `lasts` seconds after its holder last took it. Each
step is one script, so that two contenders never both have it. The work behind it must still bear two workers for a
moment: a holder that stood still for longer than the lock lasts does not know yet that it has lost it.
"""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import cast
from uuid import uuid4

import redis
import redis.asyncio

from registry.valkey import connection, key, reaching

# KEYS: the lock. ARGV: who takes it, and for how many milliseconds. Answers with a Term.
TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if holder then return 1 end
return 2
"""
# KEYS: the lock. ARGV: who gives it back; that of another is left alone. Answers 1 when it was theirs.
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Term(IntEnum):
    """What came of taking a lock. False when another holds it."""

    LOST = 0
    RENEWED = 1
    NEW = 2  # it was free: what an earlier term knew may no longer be so


class LeaderLock:
    """A lock for event loops, taken again and again while the work lasts. Errors are Unavailable and name `part`."""

    def __init__(self, client: "redis.asyncio.Redis", key: str, *, lasts: float, part: str) -> None:
        self._key, self._lasts, self._part = key, lasts, part
        self._take, self._release = client.register_script(TAKE), client.register_script(RELEASE)

    async def take(self, holder: str) -> Term:
        """Take it, or renew it, for `holder`. Raises Unavailable."""
        arguments: list[str | int] = [holder, int(self._lasts * 1000)]
        with reaching(self._part):
            return Term(await cast("Awaitable[int]", self._take(keys=[self._key], args=arguments)))

    async def release(self, holder: str) -> bool:
        """Let another take it at once; False when it was not the holder's. Raises Unavailable."""
        with reaching(self._part):
            return bool(await cast("Awaitable[int]", self._release(keys=[self._key], args=[holder])))


@contextmanager
def held(client: "redis.Redis", key: str, *, lasts: float) -> Iterator[bool]:
    """A lock for threads, held within, for `lasts` seconds at most; False when another holds it. Raises RedisError."""
    holder = uuid4().hex
    taken = bool(client.register_script(TAKE)(keys=[key], args=[holder, int(lasts * 1000)]))
    try:
        yield taken
    finally:
        if taken:
            client.register_script(RELEASE)(keys=[key], args=[holder])


def free_all(region: str) -> None:
    """Free every lock of a region, for its only worker: one that was killed would hold them until they lapse.

    Raises Unavailable.
    """
    with reaching("the locks of the worker"):
        client = connection()
        followers = client.scan_iter(key(region, "follower", "*"))
        client.delete(key(region, "sweeping"), key(region, "probes", "leader"), *followers)
