"""Renewals: the server's half of leases. Thousands a second, each acknowledged after Valkey has it.

All renewals that arrive while a batch is on its way travel together in the next one, as one call of a script. The
script computes the deadlines from the observed clock that it finds, because only there are the two sure to belong
together: a server that remembered the clock of a Valkey which has since lost everything would write wrong deadlines.
"""

import asyncio
from asyncio import Future
from typing import Any

import msgspec
import redis.asyncio
import structlog
from django.conf import settings
from redis.exceptions import NoScriptError, RedisError

from catalog.errors import Invalid, Unavailable
from catalog.records.instance import Instance
from registry.leases.keys import LeaseKeys
from registry.leases.store import PART, lease_member, named_check
from registry.valkey import aconnection
from registry.waits import LISTENING_NOTED

GIVE_UP = 1.0  # seconds for a batch to reach Valkey

# ARGV[1] is the time, or empty for Valkey's own; ARGV[2] alternates ttl and member. A missing clock is a store that
# has lost everything: the next sweep starts the clock without any blind time, as is assumed here.
RENEW = """
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local observed = now - tonumber(redis.call('HGET', KEYS[2], 'blind') or 0)
local pairs = cmsgpack.unpack(ARGV[2])
for i = 1, #pairs, 2 do pairs[i] = observed + pairs[i] end
for i = 1, #pairs, 1000 do redis.call('ZADD', KEYS[1], unpack(pairs, i, math.min(i + 999, #pairs))) end
return #pairs / 2
"""
LISTEN = """
local time = redis.call('TIME')
return redis.call('SET', KEYS[1], tonumber(time[1]) + tonumber(time[2]) / 1000000)
"""

log = structlog.get_logger(__name__)
_encode = msgspec.msgpack.Encoder().encode


class _Batch(Future[None]):
    """One answer for all callers in a batch. A caller that is cancelled must not cancel it for the others."""

    def cancel(self, msg: Any = None) -> bool:
        return False


class Renewals:
    """Coalesced renewals on one event loop. `now` is for tests; without it the time is Valkey's."""

    def __init__(self, client: "redis.asyncio.Redis", region: str, *, now: float | None = None) -> None:
        self._client = client
        self._keys = LeaseKeys(region)
        self._loop = asyncio.get_running_loop()
        self._sha = ""
        self._waiting: list[float | str] = []
        self._batch = self._new_batch()
        self._sender: asyncio.Task[None] | None = None
        self.now = now

    def renew(self, instance: Instance) -> Future[None]:
        """Renew an instance's lease; without one there is nothing to do. Await the result: it raises Unavailable.

        When the record says `lease_expired`, the caller also revives it: see `actions.revive`.
        """
        if instance.lease is None:
            return self._done()
        return self._add(instance.lease.ttl, instance.key)

    def report(self, instance: Instance, check: str) -> Future[None]:
        """Count a report of a `ttl` check from now; Invalid when there is no such check. As for `renew`, await it.

        The verdict itself goes to `actions.report_checks`.
        """
        found = named_check(instance, check)
        if found is None:
            raise Invalid(f"{instance.service}/{instance.id} has no check {check[:80]!r}", field="check")
        return self._add(found.ttl, lease_member(instance.key, check)) if found.ttl else self._done()

    async def listen(self) -> None:
        """Say for ever that this server takes renewals.

        Where no server does, silence means nothing: the sweep then counts the time as blind.
        """
        while True:
            try:
                await self._say_listening()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("the lease store cannot be reached", error=str(error))
            await asyncio.sleep(LISTENING_NOTED)

    def _add(self, ttl: float, member: str) -> Future[None]:
        waiting = self._waiting
        waiting.append(ttl)
        waiting.append(member)
        if self._sender is None:
            self._sender = self._loop.create_task(self._send_all())
        return self._batch

    async def _send_all(self) -> None:
        """Send batches until none waits. A task begins at the loop's next tick, so a whole tick shares the first."""
        try:
            while self._waiting:
                batch, pairs = self._batch, self._waiting
                self._batch, self._waiting = self._new_batch(), []
                await self._settle(batch, pairs)
        finally:
            self._sender = None

    async def _settle(self, batch: _Batch, pairs: list[float | str]) -> None:
        try:
            async with asyncio.timeout(GIVE_UP):
                await self._send(_encode(pairs))
        except Exception as error:  # noqa: BLE001 - whatever it is, every caller in the batch waits for it
            unavailable = Unavailable(f"{PART} cannot be reached: {str(error) or 'no answer in time'}")
            # Callers that queued meanwhile have waited as long; a dead store must not make them wait twice.
            late, self._batch, self._waiting = self._batch, self._new_batch(), []
            for failed in (batch, late):
                failed.set_exception(unavailable)
                failed.exception()  # marks it as seen: all callers may have gone away
        else:
            batch.set_result(None)

    async def _send(self, pairs: bytes) -> None:
        arguments = (2, self._keys.leases, self._keys.clock, "" if self.now is None else self.now, pairs)
        if not self._sha:
            self._sha = await self._client.script_load(RENEW)
        try:
            await self._client.evalsha(self._sha, *arguments)
        except NoScriptError:  # Valkey was restarted
            await self._client.eval(RENEW, *arguments)

    async def _say_listening(self) -> None:
        async with asyncio.timeout(GIVE_UP):
            if self.now is None:
                await self._client.eval(LISTEN, 1, self._keys.listening)
            else:
                await self._client.set(self._keys.listening, self.now)

    def belongs_to(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether these are that loop's renewals."""
        return self._loop is loop

    def _new_batch(self) -> _Batch:
        return _Batch(loop=self._loop)

    def _done(self) -> Future[None]:
        done = self._loop.create_future()
        done.set_result(None)
        return done


_of_loop: Renewals | None = None


def renewals() -> Renewals:
    """The renewals of the running event loop, over the region's Valkey."""
    global _of_loop  # noqa: PLW0603 - a process has one loop; tests have one after the other
    if _of_loop is None or not _of_loop.belongs_to(asyncio.get_running_loop()):
        _of_loop = Renewals(aconnection(), settings.MERIDIAN.region)
    return _of_loop


def renew(instance: Instance) -> Future[None]:
    """`Renewals.renew` of the running loop."""
    return renewals().renew(instance)


def report(instance: Instance, check: str) -> Future[None]:
    """`Renewals.report` of the running loop."""
    return renewals().report(instance, check)


async def listen() -> None:
    """`Renewals.listen` of the running loop; a server runs it for as long as it serves."""
    await renewals().listen()
