"""A client that parks thousands of blocking queries over raw sockets and notes when each is answered."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit


@dataclass(slots=True)
class Crowd:
    """Parked queries of one path: when each was answered, by the monotonic clock, and what it was told."""

    size: int
    answered_at: list[float] = field(default_factory=list)
    bodies: set[bytes] = field(default_factory=set)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    connected: int = 0


class _Parked(asyncio.Protocol):
    def __init__(self, crowd: Crowd, request: bytes) -> None:
        self._crowd, self._request = crowd, request
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.WriteTransport", transport).write(self._request)
        self._crowd.connected += 1
        if self._crowd.connected == self._crowd.size:
            self._crowd.ready.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, gap, body = self._received.partition(b"\r\n\r\n")
        if not gap or len(body) < _length(head):
            return
        crowd = self._crowd
        crowd.answered_at.append(time.monotonic())
        crowd.bodies.add(body)
        if len(crowd.answered_at) == crowd.size:
            crowd.done.set()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def park(url: str, path: str, size: int) -> tuple[Crowd, list[asyncio.BaseTransport]]:
    """Open `size` connections, each with one query; returns when all are sent. The caller closes the transports."""
    place = urlsplit(url)
    host, port = place.hostname or "", place.port or 80
    request = f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
    crowd = Crowd(size)
    loop = asyncio.get_running_loop()
    transports: list[asyncio.BaseTransport] = []
    for start in range(0, size, 250):
        opened = await asyncio.gather(
            *(
                loop.create_connection(lambda: _Parked(crowd, request), host, port)
                for _ in range(min(250, size - start))
            )
        )
        transports += [transport for transport, _ in opened]
    await crowd.ready.wait()
    return crowd, transports


async def fetch(url: str, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes, float]:
    """One request over a connection of its own: status, headers, body, and how long it took."""
    place = urlsplit(url)
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: {place.netloc}\r\n{length}\r\n".encode() + body)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    writer.close()
    return int(lines[0].split()[1]), headers, content, time.monotonic() - began
