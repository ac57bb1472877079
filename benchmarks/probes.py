"""HTTP probes a second on one core, through everything but the database: claim, connect, judge, remember."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.processes import answers, running, until
from config.local.plan import BASE_DIR
from config.local.ports import free_port
from config.local.valkey import valkey_answers, valkey_command, valkey_url

NAME = "probes"
TARGET = "HTTP probes a second by one worker process on one core, at least 1,000"
LEAST = 1000.0
CHILD = (sys.executable, "-m", "benchmarks.rig.probe_processes")


@contextmanager
def surroundings(core: int) -> Iterator[tuple[str, str]]:
    """A target and a Valkey on the other core; yields their URLs."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-bench-")))
        log, target_port, valkey_port = directory / "bench.log", free_port(), free_port()
        stack.enter_context(running(valkey_command(valkey_port, directory), core=core, log=log))
        stack.enter_context(running((*CHILD, "target", str(target_port)), core=core, log=log, variables=environment()))
        url = f"http://127.0.0.1:{target_port}/health"
        until(lambda: valkey_answers(valkey_port), what="Valkey answers", within=10)
        until(lambda: answers(url), what="the target answers", within=10)
        yield url, valkey_url(valkey_port)


def environment() -> dict[str, str]:
    """What the processes need to find the project."""
    return {"PYTHONPATH": str(BASE_DIR), "DJANGO_SETTINGS_MODULE": "config.settings"}


def measure(harness: Harness, kind: str, target: str, valkey: str) -> dict[str, float]:
    """One run of a worker: probes a second, milliseconds of processor time for each, and how many failed."""
    command = ["taskset", "-c", str(harness.server_core), *CHILD, kind, target, valkey, str(harness.seconds)]
    done = subprocess.run(
        command, cwd=BASE_DIR, env={**os.environ, **environment()}, check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def run(harness: Harness) -> list[Figure]:
    """See TARGET."""
    with surroundings(harness.load_core) as (target, valkey):
        busy = [measure(harness, "probe", target, valkey) for _ in range(harness.rounds)]
        quiet = [measure(harness, "fleet", target, valkey) for _ in range(harness.rounds)]
    rate = median(run["rate"] for run in busy)
    used = median(run["share"] for run in busy)
    note = f"a new connection for each; the process had {used:.0%} of the core: {rate / used:.0f} a second of its time"
    return [
        Figure(name="HTTP probes a second", value=rate, unit="/s", target=LEAST, note=note),
        Figure(
            name="HTTP probes that failed under that load",
            value=sum(run["failed"] for run in busy),
            target=0,
            at_least=False,
        ),
        Figure(
            name="share of a core for 330 checks every 10 s",
            value=median(run["share"] for run in quiet) * 100,
            unit="%",
            note="probing alone, without Celery's own",
        ),
    ]
