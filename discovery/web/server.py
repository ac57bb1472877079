"""The discovery plane as an ASGI application, beside whatever else the process serves.

A lookup that was made before in the same words does not even come here: see `connection.py`. Any other hot one ends in
the first lines of `Application.__call__`: one look into a dict and two messages that were made when the answer was
encoded. Everything that costs more comes after them.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from catalog.errors import CatalogError
from discovery.access import NOTHING, shown_in
from discovery.plane import Plane
from discovery.web.access_log import log_exchange, log_failure
from discovery.web.asgi import matches, reply_problem
from discovery.web.fast_writes import Handler as Prompt
from discovery.web.request_cache import Verbatim
from registry.asgi import Disconnected, Message, Receive, Scope, Send, header, request_id

ASGI = Callable[[Scope, Any, Any], Awaitable[None]]
Handler = Callable[[Plane, Scope, Receive, Send], Awaitable[None]]

# Headers that a hot answer may depend on. Others send none of them but the host, nearly always one that is known.
TELLING = frozenset({b"authorization", b"x-consul-token", b"if-none-match", b"x-request-id", b"host"})
PROBED = frozenset({"health", "metrics"})  # asked by whatever address leads here, and by anybody
NO_BODY: Message = {"type": "http.response.body", "body": b""}

logger = structlog.get_logger(__name__)


class Application:
    """Hands each request to the dialect that its first path segment names, and all others to `otherwise`.

    `shortcut` may name a handler for a request, for writes so frequent that routing them would be most of their cost;
    `prompt` does the same for whoever needs no task of its own to answer.
    """

    def __init__(
        self,
        plane: Plane,
        dialects: Mapping[str, ASGI],
        *,
        shortcut: Callable[[Scope], Handler | None],
        otherwise: ASGI,
        prompt: Callable[[Scope], Prompt | None] = lambda _: None,
    ) -> None:
        self.plane = self._plane = plane
        self.prompt = prompt
        self._dialects = dict(dialects)
        self._shortcut = shortcut
        self._otherwise = otherwise
        self.verbatim = Verbatim(plane.answers, plane.access)
        self._hot = plane.answers.hot
        self._readers = plane.access.readers
        self._hosts = plane.access.door.accepted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one exchange."""
        if scope["type"] == "http":
            if scope["method"] == "GET":
                encoded = self._hot.get((scope["path"], scope["query_string"]))
                if encoded is not None and NOTHING in self._readers:
                    for name, value in scope["headers"]:
                        if name in TELLING and (name != b"host" or value not in self._hosts):
                            break
                    else:
                        encoded.hits += 1
                        await send(encoded.start)
                        await send(encoded.whole)
                        return
            await self._careful(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._otherwise(scope, receive, send)

    async def _careful(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        segment = path[1:].partition("/")[0]
        dialect = self._dialects.get(segment)
        if dialect is None:
            await self._otherwise(scope, receive, send)
            return
        if segment not in PROBED:
            try:
                self._plane.access.guard(scope["method"], scope["headers"])
            except CatalogError as error:
                await Exchange(scope, send).fail(error)
                return
        if scope["method"] == "GET" and await self._known(scope, send):
            return
        await self._accounted(scope, receive, send, dialect)

    async def _known(self, scope: Scope, send: Send) -> bool:
        """A hot lookup that shows a token or an entity tag."""
        headers = scope["headers"]
        encoded = self._hot.get((scope["path"], scope["query_string"]))
        if encoded is None or shown_in(headers) not in self._readers or header(scope, b"x-request-id") is not None:
            return False
        encoded.hits += 1
        if encoded.status == 200 and matches(header(scope, b"if-none-match"), encoded.etag):
            await send(encoded.unchanged)
            await send(NO_BODY)
        else:
            await send(encoded.start)
            await send(encoded.whole)
        return True

    async def _accounted(self, scope: Scope, receive: Receive, send: Send, dialect: ASGI) -> None:
        """Let a handler answer; make a problem of what it raises, and a line in the log of what is remarkable."""
        exchange = Exchange(scope, send)
        try:
            handler = self._shortcut(scope)
            if handler is not None:
                await handler(self._plane, scope, receive, exchange.send)
            else:
                await dialect(scope, receive, exchange.send)
        except Disconnected:
            exchange.status = 499  # as nginx logs it: nobody is there to be answered
        except CatalogError as error:
            await exchange.fail(error)
        except Exception as error:  # noqa: BLE001 - the last line of defence: the client is told, the log knows why
            log_failure(scope, exchange.id, error)
            await exchange.fail(error)
        exchange.log()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._plane.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._plane.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


class Exchange:
    """A request on its way: its id, when it began, and what was answered."""

    __slots__ = ("_began", "_scope", "_send", "id", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self.id = request_id(header(scope, b"x-request-id"))
        self.status = 0
        self._scope, self._send = scope, send
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send on, with the request's id among the headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], (b"x-request-id", self.id.encode())]}
        await self._send(message)

    async def fail(self, error: Exception) -> None:
        """Answer with a problem, unless an answer has begun: then it stays cut short, which a client can tell."""
        if self.status:
            logger.warning("an answer was cut short", path=self._scope["path"], request=self.id, reason=repr(error))
            return
        await reply_problem(self.send, error, body=self._scope["method"] != "HEAD")

    def log(self) -> None:
        """One line, if it is worth one."""
        log_exchange(self._scope, self.id, self.status, self._began)
