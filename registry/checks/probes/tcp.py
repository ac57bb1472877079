"""TCP checks: something accepts connections there."""

import asyncio

from catalog.records.check import Check
from catalog.records.status import Status
from registry.checks.probes.addresses import Place, lookup, shown, target
from registry.checks.probes.guard import AddressInfo
from registry.checks.probes.outcome import Answer
from registry.checks.probes.tools import Tools


def subject(check: Check, own: Place) -> str:
    """What is asked, for the beginning of an output."""
    return f"TCP connect {shown(target(check, own))}"


async def ask(tools: Tools, check: Check, own: Place) -> Answer:
    """Connect, and hang up. Raises OSError when no address accepts."""
    problem: OSError | None = None
    for info in await lookup(target(check, own), tools.guard):
        try:
            await _connect(tools, info)
        except OSError as error:
            problem = error
        else:
            return Answer(Status.PASSING, "connected")
    raise problem or OSError("no address")


async def _connect(tools: Tools, info: AddressInfo) -> None:
    with tools.guard.socket(info) as connection:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, info.sockaddr)
