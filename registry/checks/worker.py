"""The probe worker: one event loop on a thread of a Celery pool process, started by its first round and never stopped.

The thread outlives the task that started it, so that a probe which takes long holds up no task, and the follower of the
log goes on between rounds. When the process ends, what was under way is lost, and its claims lapse.
"""

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import lru_cache

import redis.asyncio
import structlog
import uvloop
from django.conf import settings

from catalog.errors import Unavailable
from registry.checks import probe_heartbeat
from registry.checks.counters import Counters
from registry.checks.follower import keep_in_step
from registry.checks.prober import Prober, Round
from registry.checks.probes.engine import Engine
from registry.checks.probes.guard import Guard
from registry.checks.reports import tell
from registry.checks.schedule import Schedule
from registry.log.local import DatabaseLog
from registry.valkey import aconnection

ROUND = 1.0  # seconds; as often as beat asks for one
PATIENCE = 10.0  # seconds beyond a round after which the loop is taken for stuck
FLUSH = 1.0  # seconds between two additions to the region's counters
PAUSE = 1.0  # seconds before something that failed is begun again
logger = structlog.get_logger(__name__)


class ProbeWorker:
    """What one process needs to probe. `round` may be called from any thread."""

    def __init__(self) -> None:
        self._who = f"{os.uname().nodename}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._loop = uvloop.new_event_loop()
        self._ready = self._loop.create_future()
        threading.Thread(target=self._run, name="meridian-probes", daemon=True).start()

    def round(self, seconds: float = ROUND) -> Round:
        """Probe what is due for so long. Raises Unavailable when Valkey is, TimeoutError when the loop is stuck."""
        return asyncio.run_coroutine_threadsafe(self._round(seconds), self._loop).result(seconds + PATIENCE)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())

    async def _round(self, seconds: float) -> Round:
        client, prober = await asyncio.shield(self._ready)
        done: Round = await prober.round(seconds)
        await probe_heartbeat.beat(client, settings.MERIDIAN.region, time.time())
        return done

    async def _main(self) -> None:
        environment = settings.MERIDIAN
        client, log, counters = aconnection(), DatabaseLog(environment.region), Counters()
        schedule = Schedule(client, environment.region)
        async with Engine(Guard(environment.probe_networks)) as engine:
            prober = Prober(schedule, engine, tell, counters)
            self._ready.set_result((client, prober))
            await asyncio.gather(
                _for_ever("storing results", prober.store),
                _for_ever("following the log", lambda: keep_in_step(log, schedule, self._who)),
                _for_ever("counting", lambda: _count(counters, client, environment.region)),
            )


async def _count(counters: Counters, client: "redis.asyncio.Redis", region: str) -> None:
    while True:
        await asyncio.sleep(FLUSH)
        await counters.flush(client, region)


async def _for_ever(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do something that does not end, and do it again when it fails: nothing else would."""
    while True:
        try:
            await work()
        except Unavailable as error:
            logger.info("waiting for Valkey", what=what, reason=str(error))
        except Exception:  # a defect; the next attempt may do better than a worker that has stopped probing
            logger.exception("a part of probing failed", what=what)
        await asyncio.sleep(PAUSE)


@lru_cache(maxsize=1)
def _worker(pid: int) -> ProbeWorker:
    """The worker of the process `pid`: threads do not survive a fork."""
    return ProbeWorker()


def probe_round() -> Round:
    """One round of probes in this process. Raises Unavailable when Valkey cannot be reached."""
    return _worker(os.getpid()).round()
