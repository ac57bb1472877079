"""The logs kept here, over HTTP, for the regions that may follow them.

    GET  /federation/v1/regions                  the logs kept here, with their heads and how fresh they are
    GET  /federation/v1/logs/{region}/changes    the changes after a position, and then every further one as it comes
    GET  /federation/v1/logs/{region}/snapshot   the whole state at one index
    GET  /federation/v1/logs/{region}/digests    the digest of each service
    POST /federation/v1/accept                   an invited region accepts
    POST /federation/v1/forward                  a request that the peer passes on for one of its users

A question for changes is answered as soon as there are any and stays open for some seconds, so that those that come
next need no further question: a change is on its way as soon as it is committed. Beats in between tell a follower that
the link is alive although nothing happens.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from urllib.parse import parse_qsl, unquote

import msgspec
from django.conf import settings
from starlette.routing import Route, Router

from catalog.change import Change, Position, encode_lines
from catalog.errors import Compacted, Invalid, NotFound, Unavailable
from federation import wire
from federation.peers import trust
from federation.serve import forward
from federation.serve.logs import Logs
from federation.waits import BEAT
from registry.access import Grant, presented
from registry.access.process import process_table
from registry.asgi import ASGI, Message, Receive, Scope, Send, begin, disconnected, header, piece, read_body, reply
from registry.database import in_thread
from registry.forwarding import FORWARDED, Origin
from registry.log import mirror
from registry.log.local import DatabaseLog

Handler = Callable[["Serving", Scope, Receive, Send], Awaitable[None]]

BATCH = 1000  # changes in one piece of a stream
LONGEST_WAIT = 60.0  # seconds that one stream lasts; the follower then asks again
LARGEST_BODY = 16_384


class Serving:
    """What the handlers share. Belongs to the event loop of the first request.

    `dialects` are the paths of the dialects in which a peer's users may ask this region.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, dialects: Sequence[str] = ("/services",)) -> None:
        self.clock, self.dialects = clock, dialects
        self.application: ASGI | None = None  # what answers a request that is passed on
        self._logs: Logs | None = None

    @property
    def logs(self) -> Logs:
        """The logs kept here."""
        if self._logs is None:
            self._logs = Logs(clock=self.clock)
        return self._logs


def application(serving: Serving | None = None) -> Router:
    """The ASGI application. It raises CatalogError, which the server around it makes a problem of."""
    serving = serving or Serving()
    rows: tuple[tuple[str, str, Handler], ...] = (
        ("/regions", "GET", regions),
        ("/logs/{region}/changes", "GET", changes),
        ("/logs/{region}/snapshot", "GET", snapshot),
        ("/logs/{region}/digests", "GET", digests),
        ("/accept", "POST", accept),
        ("/forward", "POST", forwarded),
    )
    routes = [Route(f"/federation/v1{path}", Endpoint(serving, handler), methods=[way]) for path, way, handler in rows]
    return Router(routes, default=_nothing_here)


class Endpoint:
    """One path and its handler."""

    def __init__(self, serving: Serving, handler: Handler) -> None:
        self._serving, self._handler = serving, handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._handler(self._serving, scope, receive, send)


async def _nothing_here(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise NotFound(f"{scope['path'][:200]} is no path of the federation")


def require_peer(scope: Scope) -> Grant:
    """Who asks. Raises Unauthenticated or Forbidden unless it is a peer."""
    grant = process_table().authenticate(presented(header(scope, b"authorization")))
    grant.require_peer()
    return grant


async def regions(serving: Serving, scope: Scope, _receive: Receive, send: Send) -> None:
    """`GET /federation/v1/regions`"""
    require_peer(scope)
    await _reply(send, await row_of(serving.logs))


async def row_of(logs: Logs) -> wire.Row:
    """What this region keeps. Raises Unavailable."""
    entries = []
    for kept in await logs.kept():
        ago, path = await logs.freshness(kept.region)
        known = await logs.status(kept.region)
        entries.append(
            wire.LogEntry(
                region=kept.region, log_id=kept.log_id, index=kept.index, digest=kept.digest, instances=kept.instances,
                ago=ago, path=path, known=max(known.known, kept.index), equal=known.equal, diverged=known.diverged,
                reason=known.reason, held=known.held,
            )
        )  # fmt: skip
    return wire.Row(region=logs.region, logs=tuple(entries), place=settings.MERIDIAN.place)


async def changes(serving: Serving, scope: Scope, receive: Receive, send: Send) -> None:
    """`GET /federation/v1/logs/{region}/changes?log_id=&after=&wait=`"""
    require_peer(scope)
    scope["parked"] = True
    region = scope["path_params"]["region"]
    given = _parameters(scope)
    position = Position(given.get("log_id", ""), _number(given, "after"))
    wait = min(float(_number(given, "wait", 30)), LONGEST_WAIT)
    log = await serving.logs.of(region)
    stream = Stream(serving, scope, send, log, position)
    await stream.open()  # raises Compacted while a status can still say so
    sending, gone = asyncio.create_task(stream.run(wait)), asyncio.create_task(disconnected(receive))
    try:
        await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, gone):
            task.cancel()
    outcome = (await asyncio.gather(sending, gone, return_exceptions=True))[0]
    if not isinstance(outcome, asyncio.CancelledError):
        # Without the end of the compressed stream a follower knows that it was cut short.
        await piece(send, b"", last=True)
        if isinstance(outcome, BaseException):
            raise outcome


class Stream:
    """The changes of one log on their way to one peer."""

    def __init__(self, serving: Serving, scope: Scope, send: Send, log: DatabaseLog, after: Position) -> None:
        self._serving, self._scope, self._send, self._log = serving, scope, send, log
        self._position = after
        self._packing = wire.Packing()

    async def open(self) -> None:
        """Begin the answer. Raises Compacted when the position is not in this log."""
        try:
            found = await self._log.read(self._position, limit=BATCH)
        except Compacted:
            await self._explain()
            raise
        headers = [(b"content-type", wire.CHANGES.encode()), (b"cache-control", b"no-store")]
        await begin(self._send, 200, headers)
        await self._tell(found, beat=True)

    async def run(self, seconds: float) -> None:
        """Send what comes, for so long, or until it is compacted away: a client that asks again gets a status."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await self._log.wait(self._position, timeout=BEAT)
            require_peer(self._scope)  # a revoked peer gets nothing more
            try:
                found = await self._log.read(self._position, limit=BATCH)
            except Compacted:
                break
            await self._tell(found)
        await piece(self._send, self._packing.end())

    async def _tell(self, found: Sequence[Change], *, beat: bool = False) -> None:
        """Send changes, and how far the log goes where they do not say it themselves."""
        lines = wire.encode_changes(found) if found else b""
        if found:
            self._position = Position(self._position.log_id, found[-1].index)
        index = self._position.index
        if len(found) == BATCH:  # there is more, and a follower likes to know how much
            index = max(index, (await self._serving.logs.head(self._log.region)).index)
        if beat or not found or len(found) == BATCH or self._log.region != self._serving.logs.region:
            ago, path = await self._serving.logs.freshness(self._log.region)
            said = wire.Beat(log_id=self._position.log_id, index=index, ago=ago, path=path)
            lines = wire.encode_beat(said) + lines
        await piece(self._send, self._packing.pack(lines))

    async def _explain(self) -> None:
        """Raise Compacted with what a follower must know to tell a log that is behind from one that is another."""
        kept = await self._serving.logs.head(self._log.region)
        raise Compacted(f"log {kept.log_id} holds {kept.floor} to {kept.index}")


async def snapshot(serving: Serving, scope: Scope, _receive: Receive, send: Send) -> None:
    """`GET /federation/v1/logs/{region}/snapshot`"""
    require_peer(scope)
    log = await serving.logs.of(scope["path_params"]["region"])
    taken = await log.snapshot()
    _, path = await serving.logs.freshness(log.region)
    position = taken.head.position
    opening = wire.Opening(
        region=log.region, log_id=position.log_id, index=position.index, digest=taken.head.digest, path=path
    )
    packing = wire.Packing()
    headers = [(b"content-type", wire.SNAPSHOT.encode()), (b"cache-control", b"no-store")]
    await begin(send, 200, headers)
    await piece(send, packing.pack(msgspec.json.encode(opening) + b"\n"))
    async for chunk in taken.chunks:
        require_peer(scope)
        await piece(send, await asyncio.to_thread(packing.pack, encode_lines(chunk)))
    await piece(send, packing.end(), last=True)


async def digests(serving: Serving, scope: Scope, _receive: Receive, send: Send) -> None:
    """`GET /federation/v1/logs/{region}/digests`"""
    require_peer(scope)
    region = scope["path_params"]["region"]
    await serving.logs.of(region)
    sums = await in_thread(partial(mirror.sums, region))
    if sums is None:
        raise NotFound(f"nothing is kept of {region[:80]!r}")
    position = sums.head.position
    found = wire.Digests(log_id=position.log_id, index=position.index, digest=sums.digest, services=sums.services)
    await _reply(send, found)


async def accept(_serving: Serving, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /federation/v1/accept`: the bearer of an invitation becomes a peer."""
    invitation = presented(header(scope, b"authorization")) or ""
    body = await read_body(scope, receive, most=LARGEST_BODY)
    try:
        acceptance = msgspec.json.decode(body, type=wire.Acceptance)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"not an acceptance: {error}") from None
    now = _serving.clock()
    welcome = await in_thread(partial(trust.admit, invitation, acceptance, now=now))
    await _reply(send, welcome)


async def forwarded(serving: Serving, scope: Scope, receive: Receive, send: Send) -> None:
    """`POST /federation/v1/forward`: answered by this process as if it had been asked here."""
    grant = require_peer(scope)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    method, target = headers.get(forward.METHOD.lower(), ""), headers.get(forward.TARGET.lower(), "")
    forward.require_allowed(grant, method, target, serving.dialects)
    if serving.application is None:
        raise Unavailable("nothing can be passed on to this process")
    path, _, query = target.partition("?")
    described = [
        pair for pair in scope["headers"] if pair[0] in (b"content-type", b"content-length", b"transfer-encoding")
    ]
    inner = {
        **scope, "method": method, "path": unquote(path), "raw_path": path.encode("latin-1"), "root_path": "",
        "query_string": query.encode("latin-1"),
        "headers": [*described, (b"host", str(settings.MERIDIAN.http).encode())],  # a name that Django answers to
        FORWARDED: Origin(
            trust.region_of(grant),
            unquote(headers.get("meridian-actor", "")),
            unquote(headers.get("meridian-cause", "")),
        ),
    }  # fmt: skip
    inner.pop("path_params", None)
    inner.pop("app", None)

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered = (forward.ANSWERED.lower().encode(), serving.logs.region.encode())
            message = {**message, "headers": [*message["headers"], answered]}
        await send(message)

    await serving.application(inner, receive, answer)


async def _reply(send: Send, value: object) -> None:
    await reply(send, 200, msgspec.json.encode(value), content_type=wire.JSON)


def _parameters(scope: Scope) -> Mapping[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1")))


def _number(given: Mapping[str, str], name: str, default: int = 0) -> int:
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid("must be a whole number", field=name)
    return int(text)
