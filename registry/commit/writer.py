"""The writer: one thread per process that commits whatever is waiting, together.

A sync to disk costs about a millisecond whether it carries one change or five hundred. So callers queue, the thread
takes all who wait, runs their commands in one transaction, and answers them when it is committed. While it waits for
the disk the next batch gathers. Between processes the region's row is the queue.
"""

import atexit
import os
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread

import structlog
from django.conf import settings
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)

from catalog.errors import CatalogError, Invalid, Unavailable
from registry.commit import measures
from registry.commit.batch import Commit, commit
from registry.commit.command import Command, Outcome, answer
from registry.commit.hooks import hooks
from registry.commit.staging import Memory
from registry.commit.tail import tail

MOST_COMMANDS = 500  # in one commit: keeps a batch, and with it each caller's wait, to some tens of milliseconds
CROWD = 8  # commands in one commit that tell of many more on their way
LINGER = 0.001  # seconds that the next commit then waits for them: fewer commits cost less, and all are done sooner
IDLE = 1.0  # seconds after which a connection is tried before it is trusted with a transaction
THREAD_NAME = "meridian-writer"

log = structlog.get_logger(__name__)
after_commit = hooks.after_commit
after_renewal = hooks.after_renewal


class Writer:
    """The commits of one region in this process. `clock` gives wall time."""

    def __init__(self, region: str, *, clock: Callable[[], float] = time.time) -> None:
        self.region = region
        self._clock = clock
        self._queue = SimpleQueue[Command | None]()
        self._memory = Memory()
        self._used_at = 0.0
        self._latest = 0  # how many commands the latest commit had
        self._thread = Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def submit(self, command: Command) -> None:
        """Have the command committed soon; its future gets the outcome."""
        self._queue.put(command)

    def waiting(self) -> int:
        """How many commands are queued and not yet taken."""
        return self._queue.qsize()

    def close(self) -> None:
        """Commit what is waiting, then end the thread and its connection."""
        self._queue.put(None)
        self._thread.join(30.0)

    def _run(self) -> None:
        open_for_more = True
        while open_for_more:
            commands: list[Command] = []
            open_for_more = self._gather(commands)
            self._latest = len(commands)
            if commands:
                started = time.perf_counter()
                try:
                    self._write(commands)
                except Exception as error:  # a defect after the commit, say; without the thread all would wait for ever
                    log.exception("the writer stumbled", region=self.region, commands=len(commands))
                    answer(commands, [Outcome(error=error)] * len(commands))  # to those without an answer yet
                measures.COMMIT_SECONDS.observe(time.perf_counter() - started)
                measures.COMMIT_COMMANDS.observe(len(commands))
        connection.close()

    def _gather(self, commands: list[Command]) -> bool:
        """Wait for a command and take all that wait behind it; False when the writer was closed."""
        command = self._queue.get()
        if self._latest >= CROWD:
            time.sleep(LINGER)
        while command is not None:
            commands.append(command)
            if len(commands) == MOST_COMMANDS:
                return True
            try:
                command = self._queue.get_nowait()
            except Empty:
                return True
        return False

    def _write(self, commands: Sequence[Command]) -> Exception | None:
        """Commit the commands and answer them. Returns the error when the database could not be reached."""
        try:
            done = self._commit(commands)
        except (OperationalError, InterfaceError) as error:
            self._fail(commands, _unavailable(error), error)
            return error
        except Exception as error:  # noqa: BLE001 - the thread must live, and every caller needs an answer
            if len(commands) > 1:
                self._write_singly(commands)
            else:
                self._fail(commands, _blame(error), error)
        else:
            try:
                publish(done)  # first, so that this process's view mostly shows it before the caller is answered
            finally:
                answer(commands, done.outcomes)
        return None

    def _write_singly(self, commands: Sequence[Command]) -> None:
        """One command holds something that the database refuses. Which one shows when each goes alone."""
        for number, command in enumerate(commands):
            error = self._write([command])
            if error is not None and (rest := commands[number + 1 :]):
                # It is gone meanwhile. The others need not wait, each in its turn, until that is found out again.
                self._fail(rest, _unavailable(error), error)
                return

    def _commit(self, commands: Sequence[Command]) -> Commit:
        if time.monotonic() - self._used_at > IDLE and connection.connection is not None and not connection.is_usable():
            connection.close()
        done = commit(connection, self.region, commands, memory=self._memory, now=self._clock())
        self._used_at = time.monotonic()
        return done

    def _fail(self, commands: Sequence[Command], told: Exception, error: Exception) -> None:
        connection.close()  # the next commit gets a new one
        measures.COMMIT_FAILURES.labels(reason=type(told).__name__).inc()
        log.warning("commit failed", region=self.region, commands=len(commands), error=str(error))
        answer(commands, [Outcome(error=told)] * len(commands))


def publish(done: Commit) -> None:
    """Tell this process's followers and hooks what was committed."""
    if done.changes:
        tail(done.region).extend(done.log_id, done.changes)
        measures.LOG_INDEX.labels(region=done.region).set(done.changes[-1].index)
    hooks.tell(done.changes, done.renewed)


def join(command: Command) -> object:
    """Perform the command within the transaction that this thread has open, and return its value.

    It commits or vanishes with that transaction. Waiting for the writer instead would wait for ever on SQLite, whose
    only write lock this transaction holds.
    """
    region = local_region()
    try:
        done = commit(connection, region, [command], memory=Memory(), now=time.time())
    except (OperationalError, InterfaceError) as error:
        raise _unavailable(error) from error
    transaction.on_commit(lambda: publish(done))
    outcome = done.outcomes[0]
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"the database cannot be written to: {error}".strip())


def _blame(error: Exception) -> Exception:
    """The error for the only command of a failed transaction."""
    if isinstance(error, DataError | IntegrityError):
        return Invalid(f"the database refuses it: {error}")
    if isinstance(error, DatabaseError) and not isinstance(error, CatalogError):
        return _unavailable(error)
    return error


_writers: dict[str, Writer] = {}
_lock = Lock()


def local_region() -> str:
    """The region that this process writes to."""
    region: str = settings.MERIDIAN.region
    return region


def submit(command: Command) -> None:
    """Pass a command to this process's writer, which starts with the first one."""
    region = local_region()
    with _lock:  # so that nothing is queued behind the end of a writer that closes
        writer = _writers.get(region)
        if writer is None:
            writer = _writers[region] = Writer(region)
        writer.submit(command)


def waiting() -> int:
    """How many commands wait for this process's writer."""
    writer = _writers.get(local_region())
    return writer.waiting() if writer else 0


def is_writer_thread() -> bool:
    """Whether this is a writer's own thread, which must not wait for itself."""
    return current_thread().name == THREAD_NAME


def close_writers() -> None:
    """Commit and publish what is waiting, and end the threads. The next command starts a new one."""
    with _lock:
        closing = list(_writers.values())
        _writers.clear()
    for writer in closing:
        writer.close()
    hooks.close()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - it may have been held by a thread that the child does not have
    _lock = Lock()
    _writers.clear()
    hooks.after_fork()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(close_writers)
