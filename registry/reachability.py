"""Whether what a region stands on can be reached: asked in the background, so that nobody waits for the answer."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from catalog.errors import Unavailable
from registry.checks.counters import counters_key, exposition
from registry.checks.schedule import reaching_valkey
from registry.models import Region
from registry.valkey import aconnection

# A thread of its own: a database that hangs must hold up nobody else, and only one question waits for it at a time.
_asking = ThreadPoolExecutor(1, thread_name_prefix="meridian-reachable")


async def database() -> None:
    """Return when the database answers. Raises Unavailable when it refuses; it may also hang."""
    await asyncio.get_running_loop().run_in_executor(_asking, _ask_database)


def _ask_database() -> None:
    try:
        close_old_connections()
        Region.objects.filter(name=settings.MERIDIAN.region).exists()
    except DatabaseError as error:
        connection.close()
        raise Unavailable(f"the database cannot be reached: {error}") from error


async def cache() -> None:
    """Return when Valkey answers. Raises Unavailable."""
    async with reaching_valkey(), aconnection() as client:
        await client.ping()


async def worker_metrics() -> str:
    """What the region's workers have counted, in Prometheus's text format. Raises Unavailable."""
    async with reaching_valkey(), aconnection() as client:
        stored = await client.hgetall(counters_key(settings.MERIDIAN.region))
    return exposition({str(sample): str(amount) for sample, amount in stored.items()})
