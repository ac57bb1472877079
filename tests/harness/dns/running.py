"""A DNS server with real sockets on a free port, following a log in memory."""

import asyncio
import socket
import threading
from pathlib import Path
from typing import Any, Self

import dns.message
import dns.query

from catalog.change import Record
from catalog.follow import follow
from catalog.log import MemoryLog
from catalog.view import View
from discovery.dns.server import DnsServer, bind
from discovery.dns.zone import Zone
from tests.harness.dns.name_server import REGION
from tests.harness.waiting import eventually

WITHIN = 10.0


class RunningServer:
    """Use it as a context manager. The server's UDP loop runs in a thread."""

    def __init__(self, *records: Record, host: str = "127.0.0.1", figures: Path | None = None, **zone: object) -> None:
        self.host = host
        self.log = MemoryLog(REGION)
        for record in records:
            self.log.append(record.key, record)
        sockets = bind(host, 0)
        self.port = sockets.port
        given = {"region": REGION, "addresses": ("127.0.0.1",), **zone}
        self.server = DnsServer(Zone(**given), [sockets], self._follow, figures=figures)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.server.serve, daemon=True)
        self.loop: asyncio.AbstractEventLoop | None = None

    async def _follow(self, view: View) -> None:
        self.loop = asyncio.get_running_loop()
        await follow(self.log, view)

    def __enter__(self) -> Self:
        self.thread.start()
        eventually(self.caught_up, what="the log is followed")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self.thread.join(WITHIN)
        assert not self.thread.is_alive(), "the server did not end"

    def caught_up(self) -> bool:
        """Whether the view is at the end of the log."""
        return self.server.view.position(REGION) == self.log.head.position

    def append(self, *records: Record) -> None:
        """Put records at the end of the log, on the thread that reads it, and wait for nothing more."""
        assert self.loop is not None
        for record in records:
            self.loop.call_soon_threadsafe(self.log.append, record.key, record)

    def udp(self, name: str, rdtype: str = "A", **options: Any) -> dns.message.Message:
        """Ask by UDP."""
        query = dns.message.make_query(name, rdtype, use_edns=options.pop("use_edns", 0), **options)
        return dns.query.udp(query, self._target, port=self.port, timeout=5)

    def tcp(self, name: str, rdtype: str = "A") -> dns.message.Message:
        """Ask by TCP."""
        return dns.query.tcp(dns.message.make_query(name, rdtype), self._target, port=self.port, timeout=5)

    def connect(self) -> socket.socket:
        """A TCP connection to it."""
        return socket.create_connection((self._target, self.port), timeout=5)

    @property
    def _target(self) -> str:
        return {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(self.host, self.host)
