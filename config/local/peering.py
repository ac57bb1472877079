"""Makes the regions of one machine peers of each other, by the commands that an operator would give."""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

from config.local.child_lifetime import die_with
from config.local.plan import MANAGE, RegionPlan, region_environment

STILL_WAITING = 30.0  # seconds after which a command that has not ended is reported
Say = Callable[[str, str], None]


class PeeringFailed(Exception):
    """Two regions could not be made peers; the message is what the command said."""


async def make_peers(plans: Sequence[RegionPlan], say: Say) -> None:
    """Make every two of the regions peers unless they are. All of them run. Raises PeeringFailed."""
    known = await asyncio.gather(*(_trusted(plan, say) for plan in plans))
    trusted = dict(zip((plan.region for plan in plans), known, strict=True))
    for one, other in combinations(plans, 2):
        if (other.region, other.url) in trusted[one.region] and (one.region, one.url) in trusted[other.region]:
            continue
        invited = json.loads(await _peer(one, say, "invite", other.region, "--url", one.url, "--json"))
        await _peer(other, say, "accept", invited["token"], "--url", other.url)
        say("meridian", f"{one.region} and {other.region} are peers now")


async def _trusted(plan: RegionPlan, say: Say) -> set[tuple[str, str]]:
    """The peers that the region trusts now: name and base URL."""
    status: dict[str, Any] = json.loads(await _peer(plan, say, "status", "--json"))
    return {(peer["region"], peer["url"]) for peer in status["peers"] if peer["state"] == "active"}


async def _peer(plan: RegionPlan, say: Say, *arguments: str) -> str:
    """What `manage.py peer` prints in that region. Raises PeeringFailed."""
    child = await asyncio.create_subprocess_exec(
        *MANAGE, "peer", *arguments,
        env={**os.environ, **region_environment(plan)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        process_group=0,
        preexec_fn=partial(die_with, os.getpid()),
    )  # fmt: skip
    output = asyncio.create_task(child.communicate())
    waited = 0.0
    try:
        while not (await asyncio.wait({output}, timeout=STILL_WAITING))[0]:
            waited += STILL_WAITING
            say("meridian", f"still waiting for `peer {arguments[0]}` in {plan.region} after {waited:.0f} s")
    except asyncio.CancelledError:
        child.kill()
        await output
        raise
    printed, complaint = output.result()
    if child.returncode != 0:
        raise PeeringFailed(f"peer {arguments[0]} in {plan.region}: {complaint.decode(errors='replace').strip()}")
    return printed.decode()
