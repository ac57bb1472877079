"""One change seen by 5,000 parked blocking queries, and whether anybody else has to wait for it."""

import asyncio
import resource
import statistics
import sys
import time

import uvloop

from benchmarks.rig.content import BODY, register, send
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.parked_client import fetch, park

NAME = "parked"
TARGET = "one change seen by 5,000 parked queries within 0.4 s by one computation; renewals and /health within 100 ms"

CROWD = 5_000
SETTLE = 1.0  # seconds between parking and the change


def run(harness: Harness) -> list[Figure]:
    """See TARGET."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with harness.region() as region:
        register(region.url, "user-service", 6)
        harness.settle_on_load_core()
        rounds = [uvloop.run(_round(region.url, number)) for number in range(harness.rounds)]
    last, first, beside, computed = ([figures[place] for figures in rounds] for place in range(4))
    return [
        Figure(
            name="until the last of 5,000 has the change", value=statistics.median(last), unit="s", target=0.4,
            at_least=False, note=f"the first after {statistics.median(first) * 1000:.0f} ms",
        ),
        Figure(name="computations for it", value=max(computed), target=1, at_least=False),
        Figure(
            name="slowest renewal or /health meanwhile", value=statistics.median(beside), unit="s", target=0.1,
            at_least=False,
        ),
    ]  # fmt: skip


async def _round(url: str, number: int) -> tuple[float, float, float, float]:
    _, headers, _, _ = await fetch(url, "GET", "/services/user-service")
    crowd, transports = await park(url, f"/services/user-service?index={headers['meridian-index']}&wait=60s", CROWD)
    await asyncio.sleep(SETTLE)
    if crowd.answered_at:
        raise RuntimeError(f"{len(crowd.answered_at)} queries did not wait")
    before = await asyncio.to_thread(_computed, url)
    bystander = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.rig.bystander", url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert bystander.stdout is not None
    await bystander.stdout.readline()
    began = time.monotonic()
    status, _, _, _ = await fetch(url, "PUT", f"/services/user-service/new-{number}", BODY)
    if status != 201:
        raise RuntimeError(f"the change was answered {status}")
    async with asyncio.timeout(30):
        await crowd.done.wait()
        slowest = float((await bystander.communicate(b"over"))[0])
    computed = await asyncio.to_thread(_computed, url) - before
    for transport in transports:
        transport.close()
    if len(crowd.bodies) != 1:
        raise RuntimeError(f"the crowd was told {len(crowd.bodies)} different things")
    return max(crowd.answered_at) - began, min(crowd.answered_at) - began, slowest, computed


def _computed(url: str) -> float:
    _, _, body = send(url, "GET", "/metrics")
    for line in body.decode().splitlines():
        if line.startswith("meridian_topics_recomputed_total"):
            return float(line.rpartition(" ")[2])
    raise RuntimeError("the metrics do not tell how often a question was asked again")
