"""Makes the regions of one machine peers of each other, by the commands that an operator would give."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from tempfile import TemporaryFile
from typing import Any

from config.local.fork_server import Child, ForkServer
from config.local.plan import MANAGE, RegionPlan, region_environment

STILL_WAITING = 30.0  # seconds after which a command that has not ended is reported
Say = Callable[[str, str], None]


class PeeringFailed(Exception):
    """Two regions could not be made peers; the message is what the command said."""


async def make_peers(plans: Sequence[RegionPlan], say: Say, forks: ForkServer) -> None:
    """Make every two of the regions peers unless they are. All of them run. Raises PeeringFailed."""
    known = await asyncio.gather(*(_trusted(plan, say, forks) for plan in plans))
    trusted = dict(zip((plan.region for plan in plans), known, strict=True))
    for one, other in combinations(plans, 2):
        if (other.region, other.url) in trusted[one.region] and (one.region, one.url) in trusted[other.region]:
            continue
        invited = json.loads(await _peer(one, say, forks, "invite", other.region, "--url", one.url, "--json"))
        await _peer(other, say, forks, "accept", invited["token"], "--url", other.url)
        say("meridian", f"{one.region} and {other.region} are peers now")


async def _trusted(plan: RegionPlan, say: Say, forks: ForkServer) -> set[tuple[str, str]]:
    """The peers that the region trusts now: name and base URL."""
    status: dict[str, Any] = json.loads(await _peer(plan, say, forks, "status", "--json"))
    return {(peer["region"], peer["url"]) for peer in status["peers"] if peer["state"] == "active"}


async def _peer(plan: RegionPlan, say: Say, forks: ForkServer, *arguments: str) -> str:
    """What `manage.py peer` prints in that region. Raises PeeringFailed."""
    environment = {**os.environ, **region_environment(plan)}
    with TemporaryFile() as printed, TemporaryFile() as complaint:
        child = await forks.start(
            (*MANAGE, "peer", *arguments), environment, stdout=printed.fileno(), stderr=complaint.fileno()
        )
        code = await _ended(child, partial(say, "meridian"), f"`peer {arguments[0]}` in {plan.region}")
        printed.seek(0)
        complaint.seek(0)
        if code != 0:
            said = complaint.read().decode(errors="replace").strip()
            raise PeeringFailed(f"peer {arguments[0]} in {plan.region}: {said}")
        return printed.read().decode()


async def _ended(child: Child, say: Callable[[str], None], what: str) -> int:
    """The exit code of a command, however long it takes; if the wait for it is cancelled, it is killed."""
    ending = asyncio.create_task(child.wait())
    waited = 0.0
    try:
        while not (await asyncio.wait({ending}, timeout=STILL_WAITING))[0]:
            waited += STILL_WAITING
            say(f"still waiting for {what} after {waited:.0f} s")
    except asyncio.CancelledError:
        child.send_signal(signal.SIGKILL)
        await ending
        raise
    return ending.result()
