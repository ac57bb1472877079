"""Runs regions on this machine from their plans: checks, preparation, processes, peering, and their end."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from config.local.fork_server import ForkServer, fork_server
from config.local.peering import PeeringFailed, make_peers
from config.local.plan import RegionPlan, demo_process, preparation, region_claims, region_processes, valkey_process
from config.local.ports import busy_claim
from config.local.supervisor import Supervisor
from config.local.valkey import valkey_answers
from config.local.welcome import welcome_all

STILL_WAITING = 30.0  # seconds after which a start that waits says what it waits for, again and again
# Valkey warns of what matters only to a server that writes to disk; this one never does.
MUTED = ("WARNING Memory overcommit must be enabled!",)
COLOURS = {"valkey": 31, "server": 32, "worker": 33, "dns": 35, "demo": 36, "meridian": 1}


class CannotStart(Exception):
    """The region cannot run as planned; the message is one sentence for the operator."""


def run_regions(plans: Sequence[RegionPlan]) -> None:
    """Run the regions, each a peer of each, until SIGINT or SIGTERM.

    Raises CannotStart; nothing is left running in either case.
    """
    with ExitStack() as held:
        forks = held.enter_context(fork_server())
        for plan in plans:
            plan.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            held.enter_context(exclusive_use(plan.data))
        problem = busy_claim(tuple(claim for plan in plans for claim in region_claims(plan)))
        if problem is not None:
            raise CannotStart(problem)
        asyncio.run(_run(plans, forks))


@contextmanager
def exclusive_use(data: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises CannotStart when another region already runs over it."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"another region already runs over {data}: stop it, or choose another --data.") from None
        yield


async def _run(plans: Sequence[RegionPlan], forks: ForkServer) -> None:
    say = _printer()
    supervisors = {plan.region: _supervisor(plan, say, forks, several=len(plans) > 1) for plan in plans}
    _stop_on_signals(list(supervisors.values()))
    starts = [asyncio.create_task(_start(plan, supervisors[plan.region])) for plan in plans]
    try:
        await asyncio.gather(*starts)
        await _announce(plans, supervisors, say, forks)
        await asyncio.gather(*(supervisor.stopping.wait() for supervisor in supervisors.values()))
    finally:
        say("meridian", "stopping")
        for supervisor in supervisors.values():
            supervisor.stopping.set()
        # A start that is under way sees that it must stop, and starts nothing more.
        await asyncio.wait(starts)
        await asyncio.gather(*(supervisor.stop() for supervisor in supervisors.values()))
    say("meridian", "stopped")


def _supervisor(plan: RegionPlan, say: Callable[[str, str], None], forks: ForkServer, *, several: bool) -> Supervisor:
    """The supervisor of one region; where there are several, what its processes print is marked with its name."""
    facts = {"region": plan.region, "url": plan.url, "dns": str(plan.dns), "valkey": plan.valkey_url}

    def say_where(name: str, line: str) -> None:
        say(f"{plan.region} {name}" if several else name, line)

    return Supervisor(say=say_where, record=plan.data / "processes.json", facts=facts, forks=forks)


async def _start(plan: RegionPlan, supervisor: Supervisor) -> None:
    supervisor.say("meridian", f"preparing region {plan.region} over {plan.data}")
    valkey = valkey_process(plan)
    if valkey is not None and plan.valkey_port is not None:
        supervisor.start(valkey)
        await _wait(supervisor, partial(asyncio.to_thread, valkey_answers, plan.valkey_port), what="Valkey to answer")
    if supervisor.stopping.is_set():
        return
    code = await supervisor.run_once(preparation(plan))
    if supervisor.stopping.is_set():
        return
    if code != 0:
        raise CannotStart("the region could not be prepared, for the reason above.")
    for process in region_processes(plan):
        supervisor.start(process)


async def _announce(
    plans: Sequence[RegionPlan],
    supervisors: Mapping[str, Supervisor],
    say: Callable[[str, str], None],
    forks: ForkServer,
) -> None:
    """Once all are ready and peered, start their demos and print where to look. A slow start is reported."""
    for plan in plans:
        if not await _wait(supervisors[plan.region], partial(_is_ready, plan), what=f"{plan.url}/health/ready"):
            return
    if len(plans) > 1 and not await _made_peers(plans, supervisors, say, forks):
        return
    for plan in plans:
        demo = demo_process(plan)
        if demo is not None:
            supervisors[plan.region].start(demo)
    for line in welcome_all(plans).splitlines():
        say("", line)


async def _made_peers(
    plans: Sequence[RegionPlan],
    supervisors: Mapping[str, Supervisor],
    say: Callable[[str, str], None],
    forks: ForkServer,
) -> bool:
    """Make the regions peers; False when they are to stop before that is done. Raises CannotStart."""
    peering = asyncio.create_task(make_peers(plans, say, forks))
    stopping = asyncio.create_task(supervisors[plans[0].region].stopping.wait())
    await asyncio.wait({peering, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if peering.cancel():
        await asyncio.wait({peering})
        return False
    try:
        peering.result()
    except PeeringFailed as problem:
        raise CannotStart(f"the regions could not be made peers: {problem}") from None
    return True


async def _wait(supervisor: Supervisor, probe: Callable[[], Awaitable[bool]], *, what: str) -> bool:
    """Ask `probe` until it says yes, however slow the machine is; False when the supervisor stops first."""
    clock = asyncio.get_running_loop().time
    began = said = clock()
    while not supervisor.stopping.is_set():
        if await probe():
            return True
        if clock() - said > STILL_WAITING:
            said = clock()
            supervisor.say("meridian", f"still waiting for {what} after {said - began:.0f} s; Ctrl-C gives up")
        await asyncio.sleep(0.1)
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


def _stop_on_signals(supervisors: Sequence[Supervisor]) -> None:
    """The first signal ends things in order, a second one at once."""

    def stop() -> None:
        for supervisor in supervisors:
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
        colour = COLOURS.get(name.rpartition(" ")[2])
        if coloured and colour is not None:
            label = f"\x1b[{colour}m{label}\x1b[0m"
        with suppress(OSError):  # a full disk or a closed pipe behind our output must not end supervision
            sys.stdout.write(f"{label}{line}\n")
            sys.stdout.flush()

    return say
