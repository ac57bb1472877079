"""The HTTP server of one instance: small enough that hundreds of them share a process and an event loop."""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from http import HTTPStatus
from typing import cast

from demo.plan import InstancePlan

LOOPBACK = "127.0.0.1"
MOST_HEADER_BYTES = 16 * 1024
# Longer than any sensible timeout of a check, short enough that no connection is kept for minutes.
HANG_SECONDS = 20.0


class Behaviour(StrEnum):
    """What `/health` does: answer 200, answer 503, or answer only after `HANG_SECONDS`."""

    HEALTHY = "healthy"
    FAILING = "failing"
    HANGING = "hanging"


class HttpServer:
    """A listening server for `plan`, with `/health` and `/`. Change `behaviour` and `reason` at any time."""

    def __init__(self, plan: InstancePlan) -> None:
        self.plan = plan
        self.behaviour = Behaviour.HEALTHY
        self.reason = ""
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._started = 0.0
        self._answered = 0

    @property
    def port(self) -> int:
        """The port it listens on. Raises RuntimeError when it does not."""
        if self._server is None:
            raise RuntimeError(f"{self.plan.id} does not listen")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen on a free port of the loopback address."""
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        self._server = await loop.create_server(lambda: _Connection(self), LOOPBACK, 0, backlog=16)

    def close(self) -> None:
        """Stop listening and drop every connection, as a process that dies does. Closing twice is harmless."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self.connections):
            connection.drop()

    def answer(self, path: str) -> tuple[HTTPStatus, dict[str, object]]:
        """Status and JSON body for a GET of `path`."""
        self._answered += 1
        about: dict[str, object] = {
            "service": self.plan.service,
            "instance": self.plan.id,
            "version": self.plan.version,
            "zone": self.plan.zone,
        }
        if path == "/":
            return HTTPStatus.OK, about | {"requests": self._answered}
        if path != "/health":
            return HTTPStatus.NOT_FOUND, {"error": f"nothing at {path}"}
        if self.behaviour is Behaviour.FAILING:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"status": "unhealthy", "reason": self.reason} | about
        uptime = int(asyncio.get_running_loop().time() - self._started)
        return HTTPStatus.OK, {"status": "healthy", "uptime_seconds": uptime} | about


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as far as GET and HEAD need it; requests in one connection are answered in their order."""

    __slots__ = ("_buffer", "_delayed", "_owner", "_transport")

    def __init__(self, owner: HttpServer) -> None:
        self._owner = owner
        self._buffer = b""
        self._delayed: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do all that asyncio.Transport does without being one.
        self._transport = cast(asyncio.Transport, transport)
        self._owner.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._owner.connections.discard(self)
        if self._delayed is not None:
            self._delayed.cancel()

    def drop(self) -> None:
        """Close the connection without an answer."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._take_requests()

    def _take_requests(self) -> None:
        while self._delayed is None and self._transport is not None and not self._transport.is_closing():
            head, blank, rest = self._buffer.partition(b"\r\n\r\n")
            if len(head) > MOST_HEADER_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
            if not blank:
                return
            self._buffer = rest
            self._take_request(head.decode("latin-1"))

    def _take_request(self, head: str) -> None:
        request, *fields = head.split("\r\n")
        words = request.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        method, target, protocol = words
        if method not in ("GET", "HEAD") or _has_body(fields):
            # The body would be taken for the next request, so the connection ends here.
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED)
            return
        path, close = target.partition("?")[0], _wants_close(protocol, fields)
        if path == "/health" and self._owner.behaviour is Behaviour.HANGING:
            loop = asyncio.get_running_loop()
            self._delayed = loop.call_later(HANG_SECONDS, self._answer_late, method, path, close)
        else:
            self._answer(method, path, close)

    def _answer_late(self, method: str, path: str, close: bool) -> None:
        self._delayed = None
        self._answer(method, path, close)
        self._take_requests()

    def _answer(self, method: str, path: str, close: bool) -> None:
        status, body = self._owner.answer(path)
        self._send(status, body, close=close, head_only=method == "HEAD")

    def _refuse(self, status: HTTPStatus) -> None:
        self._send(status, {"error": status.phrase}, close=True, head_only=False)

    def _send(self, status: HTTPStatus, body: dict[str, object], *, close: bool, head_only: bool) -> None:
        if self._transport is None:
            return
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(content)}\r\nconnection: {'close' if close else 'keep-alive'}\r\n\r\n"
        )
        self._transport.write(head.encode() if head_only else head.encode() + content)
        if close:
            self._transport.close()


def _fields_named(fields: list[str], name: str) -> list[str]:
    pairs = (field.partition(":") for field in fields)
    return [value.strip().lower() for key, _, value in pairs if key.strip().lower() == name]


def _has_body(fields: list[str]) -> bool:
    lengths = _fields_named(fields, "content-length")
    return any(length != "0" for length in lengths) or bool(_fields_named(fields, "transfer-encoding"))


def _wants_close(protocol: str, fields: list[str]) -> bool:
    said = _fields_named(fields, "connection")
    return "close" in said or (protocol == "HTTP/1.0" and "keep-alive" not in said)
