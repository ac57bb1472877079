"""The probe worker: what a Celery pool process keeps running to probe, from its first round to its end.

Its loop outlives the task that started it, so that a probe which takes long holds up no task, and the follower of the
log goes on between rounds. When the process ends, what was under way is lost, and its claims lapse.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import redis.asyncio
import structlog
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
from registry.process_loop import ProcessLoop, once_per_process, process_name
from registry.valkey import aconnection
from registry.waits import ROUND, ROUND_GIVEN_UP

FLUSH = 1.0  # seconds between two additions to the region's counters
PAUSE = 1.0  # seconds before something that failed is begun again
logger = structlog.get_logger(__name__)


class ProbeWorker:
    """What one process needs to probe. `round` may be called from any thread."""

    def __init__(self) -> None:
        self._client = aconnection()
        self._prober: Prober
        self._ready = asyncio.Event()
        self._loop = ProcessLoop("probes", self._main)

    def round(self, seconds: float = ROUND) -> Round:
        """Probe what is due for so long. Raises Unavailable when Valkey is, TimeoutError when the loop is stuck."""
        return self._loop.call(self._round(seconds), within=seconds + ROUND_GIVEN_UP)

    async def _round(self, seconds: float) -> Round:
        await self._ready.wait()
        done = await self._prober.round(seconds)
        await probe_heartbeat.beat(self._client, settings.MERIDIAN.region, time.time())
        return done

    async def _main(self) -> None:
        region, networks = settings.MERIDIAN.region, settings.MERIDIAN.probe_networks
        log, counters, schedule = DatabaseLog(region), Counters(), Schedule(self._client, region)
        async with Engine(Guard(networks)) as engine:
            self._prober = Prober(schedule, engine, tell, counters)
            self._ready.set()
            await asyncio.gather(
                _for_ever("storing results", self._prober.store),
                _for_ever("following the log", partial(keep_in_step, log, schedule, process_name())),
                _for_ever("counting", partial(_count, counters, self._client, region)),
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


_worker = once_per_process(ProbeWorker)


def probe_round() -> Round:
    """One round of probes in this process. Raises Unavailable when Valkey cannot be reached."""
    return _worker().round()
