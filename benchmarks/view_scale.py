"""A view of 100,000 instances: what each costs in memory, how long a cold start takes, whether lookups stay quick.

The instances are registered in bulk over HTTP, so that nothing here is a special case.
"""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.rig.content import register, send
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.processes import Region, answers, until

NAME = "view_scale"
TARGET = (
    "100,000 instances: 4 KB each, cold start in 15 s from the log and from the file, lookups 0.9 of those among 500"
)

MANY, FEW = 100_000, 500
SERVICES = 1_000

# Loads a view in a process of its own, from the file or by the log, and prints seconds and bytes for each instance.
LOAD = """
import asyncio, gc, os, sys, time
from pathlib import Path
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django
django.setup()
from django.conf import settings
from catalog.view import View
from discovery.view.follower import Following
from registry.log.local import DatabaseLog

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def main(directory, wanted):
    log, view = DatabaseLog(settings.MERIDIAN.region), View(clock=time.time)
    following = Following(log.region, view, log, Path(directory), clock=time.time, save=False)
    gc.collect()
    before, began = resident(), time.perf_counter()
    task = asyncio.create_task(following.run())
    while sum(map(len, view.region(log.region).services.values())) < wanted:
        await asyncio.sleep(0.005)
    took = time.perf_counter() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    gc.collect()
    print(took, (resident() - before) / wanted, flush=True)
    os._exit(0)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def run(harness: Harness) -> list[Figure]:
    """See TARGET."""
    with harness.region() as small, harness.region() as big:
        register(small.url, "user-service", 6)
        register(small.url, "other", FEW - 6)
        register(big.url, "user-service", 6)
        _fill(big)
        rates = harness.medians(
            few=lambda: harness.wrk(f"{small.url}/services/user-service").rate,
            many=lambda: harness.wrk(f"{big.url}/services/user-service").rate,
        )
        from_log = _loaded(harness, big, big.data / "nowhere")
        until((big.data / "view-us-east.snapshot").exists, what="the view is copied to disk", within=60)
        big.stop("server")  # which saves what it holds on the way out
        from_file = _loaded(harness, big, big.data)
    ratio = rates["many"] / rates["few"]
    return [
        Figure(name="memory per instance", value=from_log[1] / 1024, unit="KB", target=4, at_least=False),
        Figure(name="cold start from the log", value=from_log[0], unit="s", target=15, at_least=False),
        Figure(name="cold start from the file", value=from_file[0], unit="s", target=15, at_least=False),
        Figure(name="hot lookup among 100,000 to among 500", value=ratio, unit="x", target=0.9),
    ]


def _fill(region: Region) -> None:
    each = MANY // SERVICES
    for number in range(SERVICES):
        register(region.url, f"service-{number}", each)
    until(lambda: answers(f"{region.url}/services/service-{SERVICES - 1}"), what="the last service is served")
    send(region.url, "GET", "/services/user-service")


def _loaded(harness: Harness, region: Region, directory: Path) -> tuple[float, float]:
    directory.mkdir(exist_ok=True)
    command = ["taskset", "-c", str(harness.server_core), sys.executable, "-c", LOAD, str(directory), str(MANY)]
    began = time.monotonic()
    run = subprocess.run(command, env=region.environment, check=True, capture_output=True, text=True, timeout=180)
    seconds, size = map(float, run.stdout.split()[-2:])
    assert seconds <= time.monotonic() - began
    return seconds, size
