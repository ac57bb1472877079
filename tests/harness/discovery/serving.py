"""A discovery plane behind a real HTTP server on loopback, and clients that speak to it byte by byte.

The server runs on a thread of its own, on the event loop that a region uses. Its date stands still, so that answers can
be compared to the last byte.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Coroutine
from pathlib import Path
from threading import Condition, Thread
from typing import Any, NamedTuple, Self, TypeVar

import uvloop
from uvicorn import Config, Server

from discovery.web.http1.connection import Connection
from tests.harness.discovery.world import World, opened

T = TypeVar("T")
PATIENT = 10.0  # seconds that a test waits for anything at all


class Raw(NamedTuple):
    """An answer, taken apart and as it came."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Door:
    """The server. Use it with `with`; `world` is what it serves."""

    def __init__(
        self, data: Path, *, idle: float = 60, certificate: tuple[Path, Path] | None = None, **given: Any
    ) -> None:
        self._data, self._given, self._idle = data, given, idle
        self._certificate = certificate
        self.world: World
        self.port = 0
        self.connections: list[Connection] = []
        self.mishaps: list[dict[str, Any]] = []  # what the event loop was not told how to handle
        self._received, self._news = 0, Condition()
        self._loop: asyncio.AbstractEventLoop
        self._ending: asyncio.Event
        self._thread = Thread(target=self._run, name="server of a test", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        with self._news:
            assert self._news.wait_for(lambda: self.port, PATIENT), "the server does not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(PATIENT)
        assert not self._thread.is_alive(), "the server does not end"
        assert self.mishaps == []

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run this where the server runs."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENT)

    def knows(self, request: bytes) -> bool:
        """Whether a request would be answered by its very bytes."""
        return request in self.world.application.request_cache.requests

    def connect(self, **given: Any) -> "Line":
        """A client's connection."""
        return Line(self, **given)

    def ask(self, request: bytes, method: str = "GET") -> Raw:
        """The answer to one request on a connection of its own."""
        with self.connect() as line:
            line.send(request)
            return line.answer(method)

    def learn(self, request: bytes) -> Raw:
        """Ask until the request is known by its bytes; returns the answer that it has then."""
        with self.connect() as line:
            for _ in range(2):
                line.send(request)
                line.answer()
            assert self.knows(request), "nothing was learned: the test would say nothing"
            line.send(request)
            return line.answer()

    @property
    def received(self) -> int:
        """Bytes that the server has read from its clients."""
        return self._received

    def wait_received(self, total: int) -> None:
        """Return once the server has read so many bytes in all."""
        with self._news:
            assert self._news.wait_for(lambda: self._received >= total, PATIENT), "the server does not read"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda _, context: self.mishaps.append(context))
        async with opened(self._data, **self._given) as self.world:
            server = Server(self._configured())
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup()
            await server.on_tick(0)  # sets the date
            with self._news:
                self.port = server.servers[0].sockets[0].getsockname()[1]
                self._news.notify_all()
            await self._ending.wait()
            await server.shutdown()

    def _configured(self) -> Config:
        certificate, key = self._certificate or (None, None)
        return Config(
            self.world.application, port=0, http=self._observed(), ws="websockets-sansio", interface="asgi3",
            lifespan="off", server_header=False, proxy_headers=False, access_log=False, log_config=None,
            timeout_keep_alive=self._idle, timeout_graceful_shutdown=1,  # type: ignore[arg-type]
            ssl_certfile=certificate, ssl_keyfile=key,
        )  # fmt: skip

    def _observed(self) -> type[Connection]:
        """The connection that is tested, telling how far it has read."""
        door = self

        class Observed(Connection):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                door.connections.append(self)
                super().connection_made(transport)

            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                with door._news:
                    door._received += len(data)
                    door._news.notify_all()

        return Observed


class Line:
    """A client's end of a connection. Every wait has an end."""

    def __init__(self, door: Door, *, tls: bool = False, receive_buffer: int | None = None) -> None:
        self._door, self._unread = door, b""
        plain = socket.socket()
        if receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(PATIENT)
        plain.connect(("127.0.0.1", door.port))
        self.socket = _trusting().wrap_socket(plain) if tls else plain

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send this, however the network cuts it up."""
        self.socket.sendall(data)

    def packets(self, *packets: bytes) -> None:
        """Send these so that the server reads each by itself."""
        for packet in packets:
            before = self._door.received
            self.send(packet)
            self._door.wait_received(before + len(packet))

    def answer(self, method: str = "GET") -> Raw:
        """The next answer; `method` is what it was asked with."""
        head = self._until(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.decode().partition(":") for line in lines)}
        status = int(first.split()[1])
        body = b"" if method == "HEAD" or status in {100, 204, 304} else self._exactly(int(headers["content-length"]))
        return Raw(status, headers, body, head + body)

    def rest(self) -> bytes:
        """Everything that still comes until the server ends the connection."""
        while self._more():
            pass
        found, self._unread = self._unread, b""
        return found

    def abort(self) -> None:
        """Vanish without a word of farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            assert self._more(), f"the connection ended after {self._unread!r}"
        return self._exactly(self._unread.index(mark) + len(mark))

    def _exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            assert self._more(), f"the connection ended after {self._unread!r}"
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

    def _more(self) -> bool:
        received = self.socket.recv(65536)
        self._unread += received
        return bool(received)


def request(method: str, target: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    """A request as clients write it; with a body it says how long that is."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *headers]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body


def get(target: str, *headers: str, host: str = "localhost") -> bytes:
    """A lookup."""
    return request("GET", target, *headers, host=host)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Tells what came: an application for everything that is not of the discovery plane, WebSockets included."""
    if scope["type"] == "websocket":
        await _echo_messages(receive, send)
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    names = [name.decode() for name, _ in scope["headers"]]
    told = json.dumps(
        {"method": scope["method"], "path": scope["path"], "headers": names, "body": body.decode()}
    ).encode()
    headers = [(b"content-length", b"%d" % len(told)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})


async def _echo_messages(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "end this":
            await send({"type": "websocket.close", "code": 4003, "reason": "as you wish"})
            return
        given = {key: message[key] for key in ("text", "bytes") if message.get(key) is not None}
        await send({"type": "websocket.send", **given})


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
