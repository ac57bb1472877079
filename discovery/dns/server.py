"""The DNS server: the view followed in one thread, questions answered in others.

The main thread answers over UDP. A second one has the event loop: it follows the log, answers over TCP, drops answers
whose time is up and writes the figures. Each further address has a UDP thread of its own.
"""

import asyncio
import contextlib
import gc
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import uvloop

from catalog.touched import EVERYTHING
from catalog.view import View
from discovery.dns import metrics as writing
from discovery.dns import tcp, udp
from discovery.dns.counters import Counters
from discovery.dns.metrics import Figures
from discovery.dns.responder import Responder
from discovery.dns.table import AnswerTable
from discovery.dns.zone import Zone

Follow = Callable[[View], Coroutine[Any, Any, None]]

EXPIRY_GRAIN = 0.1  # seconds between looks at the clock; TTLs are whole seconds
# How long the interpreter lets one thread go on while another waits (5 ms by default). The loop gives it up with every
# call to the kernel, and has to wait this long to get it back while a long batch of changes is being folded.
SWITCH_INTERVAL = 0.00005
STOP_WITHIN = 5.0  # seconds for the other threads
DRAINED_WITHIN = 1.0  # of these, for connections to take their last answers

logger = structlog.get_logger(__name__)


def _settle(region: str, names: frozenset[str], index: int) -> None:
    """Keep the garbage collector away from a view that was just loaded; a listener of the view.

    Records are frozen and hold no cycles, so there is nothing to find among them, and looking through those of a large
    catalog stops every thread for a tenth of a second and more.
    """
    if EVERYTHING in names:
        gc.freeze()


@dataclass(frozen=True, slots=True)
class Sockets:
    """The same address over both transports."""

    udp: socket.socket
    tcp: socket.socket

    @property
    def port(self) -> int:
        """The port of both."""
        port: int = self.udp.getsockname()[1]
        return port


def bind(host: str, port: int, *, shared: bool = False) -> Sockets:
    """Both sockets of an address. Port 0 takes one that is free for both. Raises OSError."""
    while True:
        datagrams = udp.bind(host, port, shared=shared)
        try:
            return Sockets(datagrams, tcp.bind(host, datagrams.getsockname()[1], shared=shared))
        except OSError:
            datagrams.close()
            if port:
                raise


class DnsServer:
    """Answers for `zone` on `sockets`. `follow` keeps the view that it is given in step with logs until cancelled.

    With `figures`, the counters are written to that file every few seconds.
    """

    def __init__(
        self,
        zone: Zone,
        sockets: list[Sockets],
        follow: Follow,
        *,
        clock: Callable[[], float] = time.time,
        figures: Path | None = None,
    ) -> None:
        self.counters = Counters()
        self.table = AnswerTable(retire=self.counters.retire)
        self.view = View(clock=clock)
        self.view.listeners += [self.table.touched, _settle]
        self._responder = Responder(self.view, zone, self.table, self.counters, clock=clock)
        self._sockets = sockets
        self._udp = [udp.UdpServer(pair.udp, self._responder, self.table, self.counters) for pair in sockets]
        self._follow = follow
        self._clock = clock
        self._figures = figures
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = threading.Event()
        self._stopping = False
        self._failure: Exception | None = None

    def serve(self) -> None:
        """Answer until `stop`; the caller's thread is the UDP loop of the first address.

        Raises what ended the following, if something did.
        """
        sys.setswitchinterval(SWITCH_INTERVAL)
        follower = threading.Thread(target=self._run_loop, name="dns-follower", daemon=True)
        others = [threading.Thread(target=server.serve, name="dns-udp", daemon=True) for server in self._udp[1:]]
        for thread in (follower, *others):
            thread.start()
        self._udp[0].serve()
        for thread in (follower, *others):
            thread.join(STOP_WITHIN)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End `serve`, from a signal handler or another thread. Connections get their answers first."""
        self._stopping = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._cancel)
        for server in self._udp:
            server.stop()

    def _run_loop(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._main())
        except asyncio.CancelledError:
            pass  # by `stop`
        except Exception as error:  # noqa: BLE001 - raised again by `serve`, in the caller's thread
            self._failure = error
            self.stop()

    def _cancel(self) -> None:
        self._task.cancel()

    async def _main(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - always, inside a coroutine
        self._task = task
        self._loop = asyncio.get_running_loop()
        if self._stopping:
            return
        connections = tcp.Connections(self.counters)
        servers = [await tcp.start(pair.tcp, self._responder, connections) for pair in self._sockets]
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(self.view))
                tasks.create_task(self._expire())
                if self._figures is not None:
                    tasks.create_task(self._write_figures(self._figures))
        finally:
            for server in servers:
                server.close()
            await connections.drain(DRAINED_WITHIN)
            if self._figures is not None:
                self._figures.unlink(missing_ok=True)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRY_GRAIN)
            self.table.expire(self._clock())

    async def _write_figures(self, path: Path) -> None:
        figures = Figures(self.counters, self.table)
        while True:
            try:
                await asyncio.to_thread(writing.write, path, figures)
            except OSError as error:
                logger.warning("the figures could not be written", path=str(path), reason=str(error))
            await asyncio.sleep(writing.WRITE_EVERY)
