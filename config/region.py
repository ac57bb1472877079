"""Runs one region on this machine from its plan: checks, preparation, processes, and their end."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from config.plan import RegionPlan, demo_process, preparation, region_claims, region_processes, valkey_process
from config.ports import busy_claim
from config.supervisor import Supervisor
from config.valkey import valkey_answers
from config.welcome import welcome

READY_WITHIN = 60.0
# Valkey warns of what matters only to a server that writes to disk; this one never does.
MUTED = ("WARNING Memory overcommit must be enabled!",)
COLOURS = {"valkey": 31, "server": 32, "worker": 33, "beat": 34, "dns": 35, "demo": 36, "meridian": 1}


class CannotStart(Exception):
    """The region cannot run as planned; the message is one sentence for the operator."""


def run_region(plan: RegionPlan) -> None:
    """Run the region until SIGINT or SIGTERM. Raises CannotStart; nothing is left running in either case."""
    plan.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive_use(plan.data):
        problem = busy_claim(region_claims(plan))
        if problem is not None:
            raise CannotStart(problem)
        asyncio.run(_run(plan))


@contextmanager
def exclusive_use(data: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises CannotStart when another region already runs over it."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"another region already runs over {data}: stop it, or choose another --data.") from None
        yield


async def _run(plan: RegionPlan) -> None:
    facts = {"region": plan.region, "url": plan.url, "dns": str(plan.dns), "valkey": plan.valkey_url}
    supervisor = Supervisor(say=_printer(), record=plan.data / "processes.json", facts=facts)
    _stop_on_signals(supervisor)
    try:
        await _start(plan, supervisor)
        await _announce(plan, supervisor)
        await supervisor.stopping.wait()
    finally:
        supervisor.say("meridian", "stopping")
        await supervisor.stop()
    supervisor.say("meridian", "stopped")


async def _start(plan: RegionPlan, supervisor: Supervisor) -> None:
    supervisor.say("meridian", f"preparing region {plan.region} over {plan.data}")
    valkey = valkey_process(plan)
    if valkey is not None and plan.valkey_port is not None:
        supervisor.start(valkey)
        await _until(supervisor, partial(asyncio.to_thread, valkey_answers, plan.valkey_port), within=10.0)
    if supervisor.stopping.is_set():
        return
    code = await supervisor.run_once(preparation(plan))
    if supervisor.stopping.is_set():
        return
    if code != 0:
        raise CannotStart("the region could not be prepared, for the reason above.")
    for process in region_processes(plan):
        supervisor.start(process)


async def _announce(plan: RegionPlan, supervisor: Supervisor) -> None:
    """Once the region is ready, start its demo and print where to look. One that takes long says so."""
    while not await _until(supervisor, partial(_is_ready, plan), within=READY_WITHIN):
        if supervisor.stopping.is_set():
            return
        supervisor.say("meridian", f"not ready after {READY_WITHIN:g} s more; the lines above should say why")
    demo = demo_process(plan)
    if demo is not None:
        supervisor.start(demo)
    for line in welcome(plan).splitlines():
        supervisor.say("", line)


async def _until(supervisor: Supervisor, probe: Callable[[], Awaitable[bool]], *, within: float) -> bool:
    """Ask `probe` until it says yes, the time is over or the supervisor stops; True for yes."""
    try:
        async with asyncio.timeout(within):
            while not supervisor.stopping.is_set():
                if await probe():
                    return True
                await asyncio.sleep(0.1)
    except TimeoutError:
        pass  # said to the caller by the result
    return False


async def _is_ready(plan: RegionPlan) -> bool:
    """True when the server answers 200 to `/health/ready`."""
    host = plan.url.removeprefix("http://").rpartition(":")[0].strip("[]")
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(host, plan.http.port)
            writer.write(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status


def _stop_on_signals(supervisor: Supervisor) -> None:
    """The first signal ends things in order, a second one at once."""

    def stop() -> None:
        if supervisor.stopping.is_set():
            supervisor.kill_all()
        supervisor.stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def _printer() -> Callable[[str, str], None]:
    """Writes lines with the name of their process before them, in its colour on a terminal."""
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def say(name: str, line: str) -> None:
        if any(words in line for words in MUTED):
            return
        label = f"{name:>8} | " if name else ""
        if coloured and name in COLOURS:
            label = f"\x1b[{COLOURS[name]}m{label}\x1b[0m"
        sys.stdout.write(f"{label}{line}\n")
        sys.stdout.flush()

    return say
