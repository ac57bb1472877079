"""How long after its registration an instance is in the lookups of another server process of the region."""

import asyncio
import statistics
import time
from contextlib import ExitStack

from benchmarks.rig.content import BODY
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.parked_client import fetch
from config.local.ports import free_port

NAME = "visibility"
TARGET = "registration to visible in another process's lookup on the same machine: p99 under 50 ms"

REGISTRATIONS = 500
PAUSE = 0.01  # seconds between registrations


def run(harness: Harness) -> list[Figure]:
    """See TARGET. The time runs from sending the registration, so the commit is part of it."""
    with ExitStack() as stack:
        region = stack.enter_context(harness.region())
        other = stack.enter_context(region.another_server(free_port(), core=harness.server_core))
        harness.settle_on_load_core()
        delays = sorted(asyncio.run(_delays(region.url, other)))
    p99 = delays[int(len(delays) * 0.99)]
    note = f"of {len(delays)}; the slowest {delays[-1] * 1000:.1f} ms"
    return [
        Figure(name="visible elsewhere, p50", value=statistics.median(delays) * 1000, unit="ms"),
        Figure(name="visible elsewhere, p99", value=p99 * 1000, unit="ms", target=50, at_least=False, note=note),
    ]


async def _delays(here: str, there: str) -> list[float]:
    delays = []
    for number in range(REGISTRATIONS):
        waiting = asyncio.create_task(fetch(there, "GET", f"/services/visible-{number}?wait=10s"))
        await asyncio.sleep(PAUSE)
        began = time.monotonic()
        registered = asyncio.create_task(fetch(here, "PUT", f"/services/visible-{number}/a", BODY))
        status, _, _, _ = await waiting
        seen = time.monotonic()
        if status != 200 or (await registered)[0] != 201:
            raise RuntimeError("a registration or the lookup that waited for it failed")
        delays.append(seen - began)
    return delays
