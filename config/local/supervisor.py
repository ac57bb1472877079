"""Keeps processes running: starts them, forwards their output, restarts those that die, stops them in order."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import IO

from config.local.fork_server import Child, ForkServer
from config.local.plan import Process

FIRST_DELAY, LONGEST_DELAY = 0.5, 15.0
SETTLED = 30.0  # a process that has run this long is started again at once; the next attempts wait longer each
LINE_LIMIT = 256 * 1024
RECORD_RETRY = 5.0  # seconds until a record that could not be written, on a full disk say, is tried again


class Supervisor:
    """Runs processes as children of this one, each in a process group of its own, all of which end with this one.

    `say(name, line)` receives every line that a process prints, and the supervisor's own messages as "meridian".
    `record` is a JSON file that holds `facts` and the pids of what is running. Keeping processes running matters more
    than the record: when it cannot be written, that is reported and tried again, and nothing else waits for it.
    """

    def __init__(
        self,
        *,
        say: Callable[[str, str], None],
        record: Path,
        facts: Mapping[str, object],
        forks: ForkServer | None = None,
    ) -> None:
        self.say = say
        self.record = record
        self.facts = facts
        self.stopping = asyncio.Event()
        self._forks = forks or ForkServer()
        self._running: dict[str, Child] = {}
        self._keepers: dict[str, tuple[Process, asyncio.Task[None]]] = {}
        self._record_failed = False

    def start(self, process: Process) -> None:
        """Start `process` and keep it running until `stop`."""
        self._keepers[process.name] = (process, asyncio.create_task(self._keep(process)))

    async def run_once(self, process: Process) -> int:
        """Run `process` to its end and return its exit code; `stop` ends it too."""
        child, printing = await self._spawn(process)
        stop = asyncio.create_task(self.stopping.wait())
        wait = asyncio.create_task(child.wait())
        await asyncio.wait({stop, wait}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not wait.done():
            await self._end(process, child)
        return await self._reap(process, child, printing)

    async def stop(self) -> None:
        """End every process, the last started first, each within its grace. Safe to call twice."""
        self.stopping.set()
        for process, keeper in reversed(self._keepers.values()):
            while not keeper.done():
                # A process that is just being started appears a moment later.
                child = self._running.get(process.name)
                if child is not None:
                    await self._end(process, child)
                await asyncio.wait({keeper}, timeout=0.05)
            await keeper
        with suppress(OSError):
            self.record.unlink(missing_ok=True)

    def kill_all(self) -> None:
        """End every process at once, without asking."""
        self.stopping.set()
        for child in self._running.values():
            _signal_group(child.pid, signal.SIGKILL)

    async def _keep(self, process: Process) -> None:
        clock = asyncio.get_running_loop().time
        delay = 0.0
        while not self.stopping.is_set():
            began = clock()
            outcome = await self._attempt(process)
            if self.stopping.is_set():
                return
            delay = 0.0 if clock() - began > SETTLED else min(max(FIRST_DELAY, delay * 2), LONGEST_DELAY)
            self.say("meridian", f"{process.name} {outcome}; again {f'in {delay:g} s' if delay else 'at once'}")
            await self._pause(delay)

    async def _attempt(self, process: Process) -> str:
        """Run the process until it ends; returns how. Never raises: no fault of the machine may end supervision."""
        try:
            child, printing = await self._spawn(process)
            code = await self._reap(process, child, printing)
        except Exception as error:  # noqa: BLE001 - no descriptor, memory or process left: it is tried again
            return f"could not be started ({error})"
        return f"ended unexpectedly ({describe_exit(code)})"

    async def _pause(self, delay: float) -> None:
        try:
            async with asyncio.timeout(delay):
                await self.stopping.wait()
        except TimeoutError:
            return

    async def _spawn(self, process: Process) -> tuple[Child, asyncio.Task[None]]:
        # A pipe of our own: asyncio's would make `wait` last until every heir of the process has closed it as well.
        reading, writing = os.pipe()
        try:
            environment = {**os.environ, **process.environment}
            child = await self._forks.start(process.command, environment, stdout=writing, stderr=writing)
        finally:
            os.close(writing)
        self._running[process.name] = child
        self._write_record()
        return child, asyncio.create_task(self._pass_on(process.name, os.fdopen(reading, "rb", buffering=0)))

    async def _pass_on(self, name: str, pipe: IO[bytes]) -> None:
        """Say every line that comes out of the pipe, until its last writer has closed it."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LINE_LIMIT)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        with closing(transport):
            while True:
                try:
                    line = await reader.readline()
                except ValueError:
                    # A line above the limit: asyncio has dropped it, and the next one is whole again.
                    self.say(name, "(a line too long to show)")
                    continue
                if not line:
                    return
                self.say(name, line.decode(errors="replace").rstrip("\n"))

    async def _end(self, process: Process, child: Child) -> None:
        """Ask the process to end, and kill it when it has not done so within its grace."""
        _signal(child, signal.SIGTERM)
        try:
            async with asyncio.timeout(process.grace):
                await child.wait()
        except TimeoutError:
            self.say("meridian", f"{process.name} did not end within {process.grace:g} s and is killed")
            _signal_group(child.pid, signal.SIGKILL)

    async def _reap(self, process: Process, child: Child, printing: asyncio.Task[None]) -> int:
        """Once the process has ended: kill what it had started, which could hold its port; forward its last output."""
        code = await child.wait()
        _signal_group(child.pid, signal.SIGKILL)
        del self._running[process.name]
        self._write_record()
        # Only a process that has left the group could still hold the pipe; its output is not worth waiting for.
        await asyncio.wait({printing}, timeout=1.0)
        printing.cancel()
        return code

    def _write_record(self) -> None:
        pids = {name: child.pid for name, child in self._running.items()}
        draft = self.record.with_suffix(".new")
        try:
            draft.write_text(json.dumps({**self.facts, "supervisor": os.getpid(), "processes": pids}, indent=1) + "\n")
            draft.replace(self.record)
        except OSError as error:
            if not self._record_failed:
                self.say("meridian", f"{self.record} cannot be written ({error}); everything runs on without it")
            self._record_failed = True
            asyncio.get_running_loop().call_later(RECORD_RETRY, self._retry_record)
        else:
            self._record_failed = False

    def _retry_record(self) -> None:
        if self._record_failed and not self.stopping.is_set():
            self._write_record()


def describe_exit(code: int) -> str:
    """An exit code in words: "exit code 1" or "SIGKILL"."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _signal(child: Child, number: signal.Signals) -> None:
    try:
        child.send_signal(number)
    except ProcessLookupError:
        return  # it has just exited


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # the group is empty
