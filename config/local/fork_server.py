"""A process that has imported everything already, from which those of all regions on this machine are forked.

An interpreter that has loaded Django and ours takes seconds of processor time and 80 MB. A fork of one takes some
milliseconds, and shares with all others what it does not change. The server runs no thread and opens no connection, so
there is nothing in it that a fork could not take along. It ends with the supervisor, and what it forked with it; then
and where it cannot be had, processes are started as commands.
"""

import asyncio
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import Protocol

from django.conf import settings
from django.db import connections
from django.utils.functional import empty

from config.local.child_lifetime import die_with

LONGEST = 1 << 17  # bytes of a request: a command and its environment
# What processes of a region import. Not config.asgi, which opens connections and starts threads.
PRELOADED = (
    "config.management.commands.dns",
    "config.management.commands.prepare",
    "config.management.commands.serve",
    "config.management.commands.work",
    "config.urls",
    "config.wire_dashboard",
    "dashboard.live.routing",
    "discovery.web.server",
    "federation.management.commands.peer",
    "federation.metrics",
    "federation.serve.forward",
    "federation.serve.routes",
    "federation.tasks",
)


class Child(Protocol):
    """A process that was started, as asyncio has them."""

    @property
    def pid(self) -> int: ...

    async def wait(self) -> int: ...

    def send_signal(self, signal: int) -> None: ...


class Forked:
    """A child of the fork server. Where it stands comes with its end."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        """Wait for the end; returns the exit code, negative for a signal."""
        code: int = await asyncio.shield(self.ended)
        return code

    def send_signal(self, signal: int) -> None:
        """Send it, unless the process has ended."""
        if not self.ended.done():
            os.kill(self.pid, signal)


class ForkServer:
    """The supervisor's side: `start` starts processes, on the event loop that first does so."""

    def __init__(self, channel: socket.socket | None = None) -> None:
        self._channel = channel
        self._asked = list[asyncio.Future[Forked]]()  # in the order of the requests
        self._children: dict[int, Forked] = {}
        self._is_heard = False

    async def start(self, command: Sequence[str], environment: Mapping[str, str], *, stdout: int, stderr: int) -> Child:
        """Start a command in a process group of its own; it ends with this process."""
        if self._channel is not None and _is_ours(command):
            with suppress(OSError):
                return await self._fork(self._channel, command, environment, (stdout, stderr))
        return await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            # A group of its own: the terminal's Ctrl-C reaches the supervisor alone, which ends things in order.
            process_group=0,
            # The event loop runs in the main thread, so the kernel's watch on the parent's thread is one on us.
            preexec_fn=partial(die_with, os.getpid()),
        )

    async def _fork(
        self, channel: socket.socket, command: Sequence[str], environment: Mapping[str, str], outputs: Sequence[int]
    ) -> Forked:
        loop = asyncio.get_running_loop()
        if not self._is_heard:
            self._is_heard = True
            loop.add_reader(channel, self._hear, channel)
        request = json.dumps({"command": command[1:], "environment": dict(environment)}).encode()
        socket.send_fds(channel, [request], outputs)
        asked = loop.create_future()
        self._asked.append(asked)
        return await asyncio.shield(asked)

    def _hear(self, channel: socket.socket) -> None:
        try:
            said = channel.recv(LONGEST)
        except OSError:
            said = b""
        if not said:
            self._lose(channel)
            return
        pid, code = json.loads(said)
        if code is None:
            self._children[pid] = child = Forked(pid)
            self._asked.pop(0).set_result(child)
        else:
            self._children.pop(pid).ended.set_result(code)

    def _lose(self, channel: socket.socket) -> None:
        """The server has ended, and what it had forked with it."""
        asyncio.get_running_loop().remove_reader(channel)
        self._channel = None
        channel.close()
        for child in self._children.values():
            child.ended.set_result(-signal.SIGKILL)
        for asked in self._asked:
            asked.set_exception(ConnectionError("the fork server has ended"))
        self._children, self._asked = {}, []


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """A fork server for as long as the block lasts; enter it before there are threads or event loops.

    Processes that are forked leave here too, by SystemExit, so that they end as interpreters do.
    """
    if sys.platform != "linux":
        yield ForkServer()
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sys.stdout.flush()
    parent = os.getpid()
    server = os.fork()
    if not server:
        ours.close()
        sys.exit(_serve(theirs, parent))
    theirs.close()
    ours.setblocking(False)
    try:
        yield ForkServer(ours)
    finally:
        ours.close()
        os.kill(server, signal.SIGKILL)  # whatever it still imports
        os.waitpid(server, 0)


def _serve(channel: socket.socket, parent: int) -> int:
    """Fork what is asked for, and tell of each end, until the supervisor has gone. In a fork, its exit code."""
    os.setpgid(0, 0)
    die_with(parent)
    for module in PRELOADED:
        import_module(module)
    gc.collect()
    gc.freeze()  # or the first collection of each fork would touch, and so copy, all pages
    woken, waking = socket.socketpair()
    waking.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking.fileno())
    while True:
        ready, _, _ = select.select([channel, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _tell_of_ends(channel)
        if channel in ready:
            request, outputs, _, _ = socket.recv_fds(channel, LONGEST, 2)
            if not request:
                return 0
            server = os.getpid()
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                for end in (channel, woken, waking):
                    end.close()
                return _run(json.loads(request), outputs, server)
            for output in outputs:
                os.close(output)
            channel.send(json.dumps([pid, None]).encode())


def _tell_of_ends(channel: socket.socket) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            channel.send(json.dumps([ended[0], os.waitstatus_to_exitcode(ended[1])]).encode())


def _run(request: Mapping[str, Mapping[str, str]], outputs: Sequence[int], parent: int) -> int:
    """In the fork: be the command, as if an interpreter had just begun with it."""
    os.setpgid(0, 0)
    die_with(parent)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for output, standard in zip(outputs, (1, 2), strict=True):
        os.dup2(output, standard)
        os.close(output)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.environ.clear()
    os.environ.update(request["environment"])
    _forget_settings()
    sys.argv = list(request["command"])
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
    return 0


def _forget_settings() -> None:
    """Have Django read its settings afresh, from the environment as it is now."""
    sys.modules.pop("config.settings", None)
    settings._wrapped = empty
    connections.__dict__.clear()
    connections.__init__()  # type: ignore[misc]


def _is_ours(command: Sequence[str]) -> bool:
    """Whether a command is one for this interpreter: a script or a module."""
    return command[0] == sys.executable and (command[1] == "-m" or command[1].endswith(".py"))
