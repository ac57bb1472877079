"""The pulse of probing: when a worker last completed a round, so that others can tell when nobody probes."""

from django.conf import settings
from redis.asyncio import Redis

from registry.checks.schedule import prefix, reaching_valkey
from registry.valkey import aconnection


def _key(region: str) -> str:
    return f"{prefix(region)}seen"


async def beat(client: Redis, region: str, now: float) -> None:
    """A round was completed at `now`. Raises Unavailable when Valkey is."""
    async with reaching_valkey():
        await client.set(_key(region), f"{now:.3f}")


async def last_round() -> float | None:
    """When a worker last completed a round of probes in this region, in seconds since the epoch; None when nobody has
    since Valkey began. Raises Unavailable when Valkey cannot be reached: nobody can probe then either."""
    async with reaching_valkey(), aconnection() as client:
        seen = await client.get(_key(settings.MERIDIAN.region))
    return float(seen) if seen is not None else None
