"""The heartbeat of the probes: when a worker last completed a round. Servers stop trusting verdicts when it is old."""

from django.conf import settings
from redis.asyncio import Redis

from registry.checks.schedule import probes_key
from registry.valkey import reaching, shared_connection

PART = "the heartbeat of the probes"


async def beat(client: Redis, region: str, now: float) -> None:
    """Note that a round was completed at `now`. Raises Unavailable."""
    with reaching(PART):
        await client.set(probes_key(region, "seen"), f"{now:.3f}")


async def last_round() -> float | None:
    """When a worker of this region last completed a round, in seconds since the epoch; None before the first since
    Valkey began. Raises Unavailable: without Valkey no worker can probe either."""
    with reaching(PART):
        seen = await shared_connection().get(probes_key(settings.MERIDIAN.region, "seen"))
    return float(seen) if seen is not None else None
