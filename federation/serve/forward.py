"""Forwarding: a question or a write that is about another region, passed on to that region and answered by it.

The peer vouches for who asked: what its users may write here it has decided itself, and what it may pass on at all is
decided when it becomes a peer. Nothing is passed on twice, and nothing through a third region: a write whose answer is
lost on the way would otherwise be done somewhere, without an author.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from urllib.parse import quote

from catalog.errors import Forbidden, Invalid, Unavailable
from federation.client import Client
from federation.models import Peer
from federation.peers import trust
from federation.peers.sealing import Unopened
from federation.peers.trust import Known
from registry import forwarding
from registry.access import Grant
from registry.database import in_thread
from registry.forwarding import Call, Reply

PATH = "/federation/v1/forward"
METHOD, TARGET, ACTOR, CAUSE = "Meridian-Method", "Meridian-Target", "Meridian-Actor", "Meridian-Cause"
ANSWERED = "Meridian-Answered"
REMEMBERED = 2.0  # seconds: how old the table of peers may be
SAFE = frozenset({"GET", "HEAD"})
METHODS = SAFE | {"PUT", "POST", "PATCH", "DELETE"}
# What another region's users may ask of this one, besides its dialects. Tokens, peers and users are managed in their
# own region only.
TARGETS = ("/api/v1/instances", "/api/v1/services", "/api/v1/checks", "/api/v1/overrides", "/api/v1/policies")


class Forwarder:
    """Sends calls to peers. Belongs to one event loop."""

    def __init__(self) -> None:
        self._peers: dict[str, Known | Unopened] = {}
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()
        self._clients: dict[Known, Client] = {}

    async def send(self, call: Call) -> Reply:
        """Ask the region itself. Raises Unavailable when it is no peer, or cannot be reached."""
        client = await self._client(call.region)
        headers = {
            METHOD: call.method, TARGET: call.target, ACTOR: quote(call.actor, safe="@:/ "),
            "Content-Type": call.content_type, **({CAUSE: quote(call.cause)} if call.cause else {}),
        }  # fmt: skip
        status, answered, body = await client.send("POST", PATH, call.body, headers, within=forwarding.WITHIN)
        found = {name.lower(): value for name, value in answered.items()}
        if found.get(ANSWERED.lower()) != call.region:
            raise Unavailable(f"{call.region} does not take what is passed on from here: {status} {body[:200]!r}")
        kept = tuple((name.encode(), value.encode("latin-1")) for name, value in found.items() if _is_kept(name))
        return Reply(status, kept, body)

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.close()
        self._clients = {}

    async def _client(self, region: str) -> Client:
        async with self._looking:
            now = time.monotonic()
            if now - self._looked_at > REMEMBERED:
                with suppress(Unavailable):  # what was known before is used while the database is away
                    self._peers = await in_thread(_known)
                self._looked_at = now
        known = self._peers.get(region)
        if known is None:
            raise Unavailable(f"{region} cannot be asked: it is no peer of this region")
        if isinstance(known, Unopened):
            raise Unavailable(f"{region} cannot be asked: {known}")
        if known not in self._clients:
            for old in [old for old in self._clients if old[0] == region]:
                await self._clients.pop(old).close()
            self._clients[known] = Client(*known)
        return self._clients[known]


def _known() -> dict[str, Known | Unopened]:
    """The peers by region, or why they cannot be asked."""
    return {peer.region: _way_to(peer) for peer in trust.active_peers()}


def _way_to(peer: Peer) -> Known | Unopened:
    try:
        return trust.way_to(peer)
    except Unopened as error:
        return error


def _is_kept(name: str) -> bool:
    return name not in {"content-length", "transfer-encoding", "connection", "date", "server", ANSWERED.lower()}


def require_allowed(grant: Grant, method: str, target: str, dialects: Iterable[str]) -> None:
    """Raises Invalid or Forbidden unless the peer may pass this on. `dialects` are the paths of dialects."""
    if method not in METHODS:
        raise Invalid(f"{method[:20]!r} cannot be passed on", field=METHOD)
    path = target.partition("?")[0]
    if not any(path == allowed or path.startswith(f"{allowed}/") for allowed in (*TARGETS, *dialects)):
        raise Forbidden(f"{path[:200]} is this region's own affair and cannot be asked through a peer")
    if method not in SAFE and not grant.may_write(""):
        raise Forbidden(f"{grant} may follow this region and not write to it")


_forwarders: dict[asyncio.AbstractEventLoop, Forwarder] = {}


async def send(call: Call) -> Reply:
    """Ask the region itself, from whatever event loop this is. Raises Unavailable."""
    loop = asyncio.get_running_loop()
    for ended in [other for other in _forwarders if other.is_closed()]:
        del _forwarders[ended]
    forwarder = _forwarders.get(loop)
    if forwarder is None:
        forwarder = _forwarders[loop] = Forwarder()
    return await forwarder.send(call)


def install(use: Callable[[forwarding.Send | None], None] = forwarding.use) -> None:
    """Have this process pass on through here what is for other regions."""
    use(send)
