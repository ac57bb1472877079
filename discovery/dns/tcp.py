"""TCP: for what does not fit a datagram. RFC 7766, on the event loop that follows the log.

A connection may send many queries without waiting. It is closed when it does not finish one in time, when it does not
read its answers in time, and when there are too many.
"""

import asyncio
import socket
from collections import Counter
from typing import cast

from discovery.dns.counters import Counters
from discovery.dns.responder import Responder

IDLE = 10.0  # seconds for the next whole query, or for the answers to be read; RFC 7766 §6.2.3 says a few
MOST_CONNECTIONS = 1000
MOST_PER_CLIENT = 100
BACKLOG = 256
ANSWERED_AT_ONCE = 32  # queries of one connection before the others get their turn
UNSENT = 256 * 1024  # bytes of answers waiting for a slow reader before its queries are left unread


class Connections:
    """How many connections there are, and from where; its limits keep one client from shutting out the others."""

    def __init__(self, counters: Counters) -> None:
        self.open: set[Connection] = set()
        self._clients: Counter[str] = Counter()
        self._counters = counters
        self._left = asyncio.Event()

    def admit(self, connection: "Connection", client: str) -> bool:
        """Whether there is room for one more."""
        if len(self.open) >= MOST_CONNECTIONS or self._clients[client] >= MOST_PER_CLIENT:
            self._counters.connections_refused += 1
            return False
        self.open.add(connection)
        self._clients[client] += 1
        self._counters.connections = len(self.open)
        return True

    def leave(self, connection: "Connection", client: str) -> None:
        """One has ended, if it was ever let in."""
        if connection in self.open:
            self.open.remove(connection)
            self._clients[client] -= 1
            self._left.set()
            self._clients += Counter()  # forgets clients without connections
            self._counters.connections = len(self.open)

    async def drain(self, within: float) -> None:
        """Close them all, each once its answers are sent, or after `within` seconds in any case."""
        for connection in list(self.open):
            connection.close()
        try:
            async with asyncio.timeout(within):
                while self.open:
                    self._left.clear()
                    await self._left.wait()
        except TimeoutError:
            pass  # a client that has not read by now gets nothing


class Connection(asyncio.Protocol):
    """One client's connection: messages behind two bytes of length, RFC 1035 §4.2.2."""

    def __init__(self, responder: Responder, connections: Connections) -> None:
        self._responder = responder
        self._connections = connections
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._client = ""
        self._alarm: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._turn: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's own class derives from nothing
        self._client = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._connections.admit(self, self._client):
            transport.abort()
            return
        transport.set_write_buffer_limits(high=UNSENT)
        self._wind()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol. The alarm goes on running: a query must be whole in time, however it trickles in."""
        self._buffer += data
        if self._turn is None and not self._is_paused:
            self._answer()

    def eof_received(self) -> bool:
        """The client has said all; what it asked is still answered before the connection closes."""
        return self._turn is not None or self._is_paused

    def pause_writing(self) -> None:
        """The client does not read its answers: read no more of its queries until it does, or the alarm rings."""
        self._is_paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._is_paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._wind()
            self._answer()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        for waiting in (self._alarm, self._turn):
            if waiting is not None:
                waiting.cancel()
        self._connections.leave(self, self._client)
        self._transport = None

    def close(self) -> None:
        """Close after what has been answered is sent."""
        if self._transport is not None:
            self._transport.close()

    def _answer(self) -> None:
        """Answer the whole queries in the buffer, some at a time."""
        self._turn = None
        for _ in range(ANSWERED_AT_ONCE):
            if self._transport is None or self._transport.is_closing() or self._is_paused:
                return
            length = int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < 2 or len(self._buffer) < 2 + length:
                return
            packet = bytes(self._buffer[2 : 2 + length])
            del self._buffer[: 2 + length]
            answer = self._responder.over_tcp(packet)
            if answer is None:  # not a query: the client is not speaking DNS
                self._transport.abort()
                return
            self._transport.write(len(answer).to_bytes(2, "big") + answer)
            self._wind()
        self._turn = asyncio.get_running_loop().call_soon(self._answer)

    def _wind(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._transport is not None:
            self._alarm = asyncio.get_running_loop().call_later(IDLE, self._transport.abort)


async def start(bound: socket.socket, responder: Responder, connections: Connections) -> asyncio.Server:
    """Listen on a bound socket."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(responder, connections), sock=bound, backlog=BACKLOG)


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A TCP socket on the address, as `udp.bind` makes one for UDP. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
