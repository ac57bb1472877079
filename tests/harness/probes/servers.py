"""Real servers for probes to ask, each on a free port of the loopback address."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import grpc
from aiohttp import web
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import aio as health

from catalog.records.check import Check, CheckType

LOOPBACK = "127.0.0.1"


class HttpTarget:
    """Answers every path with `status`, `headers` and `body`, after `delay` seconds, and keeps the requests."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: str | bytes = "all well"
        self.delay = 0.0
        self.port = 0
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self.hits: Counter[str] = Counter()
        self.heard: Callable[[str], object] = lambda path: None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/health"

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path, dict(request.headers)))
        self.hits[request.path] += 1
        self.heard(request.path)
        await asyncio.sleep(self.delay)
        body = self.body.encode() if isinstance(self.body, str) else self.body
        return web.Response(status=self.status, headers=self.headers, body=body)


@asynccontextmanager
async def http_target(context: ssl.SSLContext | None = None) -> AsyncIterator[HttpTarget]:
    target = HttpTarget()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", target.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0, ssl_context=context, backlog=1024).start()
    target.port = runner.addresses[0][1]
    try:
        yield target
    finally:
        await runner.cleanup()


@asynccontextmanager
async def grpc_target(
    credentials: grpc.ServerCredentials | None = None,
) -> AsyncIterator[tuple[int, health.HealthServicer]]:
    server = grpc.aio.server()
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = f"{LOOPBACK}:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    await server.start()
    try:
        yield port, servicer
    finally:
        await server.stop(None)


class DnsTarget(asyncio.DatagramProtocol):
    """Answers every question with `records` of its type, or with `rcode`; with `cut`, only over TCP."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str]] = [("A", "10.0.0.1"), ("A", "10.0.0.2")]
        self.rcode = dns.rcode.NOERROR
        self.silent = False
        self.cut = False
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent:
            return
        assert self._transport is not None
        self._transport.sendto(self.answer(data, cut=self.cut), addr)

    def answer(self, data: bytes, *, cut: bool = False) -> bytes:
        question = dns.message.from_wire(data)
        response = dns.message.make_response(question)
        response.set_rcode(self.rcode)
        if cut:
            response.flags |= dns.flags.TC
            return response.to_wire()
        name = question.question[0].name
        response.answer = [dns.rrset.from_text(name, 5, "IN", kind, text) for kind, text in self.records]
        return response.to_wire()

    async def answer_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        answer = self.answer(data)
        writer.write(len(answer).to_bytes(2, "big") + answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def dns_target() -> AsyncIterator[DnsTarget]:
    target = DnsTarget()
    transport, server = await _bind(target)
    try:
        yield target
    finally:
        transport.close()
        server.close()
        await server.wait_closed()


async def _bind(target: DnsTarget) -> tuple[asyncio.DatagramTransport, asyncio.Server]:
    """One port of both kinds; whatever is free as one may be taken as the other."""
    loop = asyncio.get_running_loop()
    while True:
        server = await asyncio.start_server(target.answer_stream, LOOPBACK, 0)
        address = LOOPBACK, server.sockets[0].getsockname()[1]
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: target, local_addr=address)
        except OSError:
            server.close()
        else:
            return transport, server


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing and close."""


@asynccontextmanager
async def tcp_target(talk: Conversation = hang_up) -> AsyncIterator[int]:
    """A server that talks as told to each who connects, and closes; what it says is cut when the test ends."""
    talks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        talks.add(task)
        with suppress(ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def http_check(url: str, **fields: object) -> Check:
    return Check(name="http", type=CheckType.HTTP, url=url, **fields)  # type: ignore[arg-type]
