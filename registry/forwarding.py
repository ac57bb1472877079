"""Asking another region itself: the port through which requests leave this region.

Who may leave it, and how, is `federation`'s affair, which hands its way of sending to `use`. Without one every other
region is out of reach. What arrives from a peer is served by this process's own application, with an `Origin` in the
scope under `FORWARDED`; no client can put it there. What was forwarded once is never forwarded again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from catalog.errors import Unavailable

FORWARDED = "meridian.forwarded"
WITHIN = 5.0  # seconds for a write; a read that is forwarded has its own limit


class Origin(msgspec.Struct, frozen=True):
    """Where a forwarded request came from: the peer that vouches for it, who asked there, and why if they said."""

    region: str
    actor: str
    cause: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is to arrive: `target` is path and query as they stand on the wire, `actor` who asks, and
    `cause` why, where they say."""

    region: str
    method: str
    target: str
    actor: str
    cause: str = ""
    body: bytes = b""
    content_type: str = "application/json"


class Reply(msgspec.Struct, frozen=True):
    """What the region answered; names of headers are lower-case."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


Send = Callable[[Call], Awaitable[Reply]]


class Door:
    """The way out of this process."""

    def __init__(self) -> None:
        self._send: Send | None = None

    def use(self, send: Send | None) -> None:
        """Send through this from now on. It raises Unavailable when the region cannot be reached."""
        self._send = send

    async def send(self, call: Call, *, within: float = WITHIN) -> Reply:
        """Ask the region itself. Raises Unavailable when it cannot be reached or does not answer in time."""
        if self._send is None:
            raise Unavailable(f"{call.region} cannot be asked: this region has no way to reach another one")
        try:
            async with asyncio.timeout(within):
                return await self._send(call)
        except TimeoutError:
            done = "" if call.method in ("GET", "HEAD") else "; whether it was done is not known, so ask or repeat it"
            raise Unavailable(f"{call.region} did not answer within {within:g} s{done}") from None


door = Door()
use = door.use
send = door.send
