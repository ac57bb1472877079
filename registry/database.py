"""Asking the database from an event loop or a thread: connections, errors, and consistent reads.

Django gives every thread a connection of its own and looks after it around each request. Whatever runs outside of
requests does it by what is here. `django.db.connection` means the connection of the thread that uses the name.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

from django.db import Error, close_old_connections, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.errors import Unavailable

CHUNK = 1000  # rows
UNUSABLE = "the database cannot be used"
T = TypeVar("T")

# A thread of its own: a database that hangs must hold up nothing else, and only one question waits for it at a time.
_pinging = ThreadPoolExecutor(1, thread_name_prefix="meridian-ping")


@contextmanager
def unavailable(complaint: str = UNUSABLE) -> Iterator[None]:
    """Within it, or in what it decorates, an error of the database is raised as Unavailable: `complaint: error`."""
    try:
        yield
    except Error as error:
        connection.close()  # whatever is wrong with it, the next use makes a new one
        raise Unavailable(f"{complaint}: {error}".strip()) from error


@contextmanager
def as_a_request() -> Iterator[None]:
    """Within it this thread asks the database as a request does: it keeps no connection, so none grows stale."""
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()


async def in_thread(work: Callable[[], T], *, on: Executor | None = None, complaint: str = UNUSABLE) -> T:
    """Do something that asks the database, on a thread that keeps no connection. Raises Unavailable."""
    return await asyncio.get_running_loop().run_in_executor(on, copy_context().run, _once, work, complaint)


def _once(work: Callable[[], T], complaint: str) -> T:
    with as_a_request(), unavailable(complaint):
        return work()


class DatabaseThread:
    """One thread with one connection that it keeps, for an event loop that asks often: one thing at a time."""

    def __init__(self, name: str, *, complaint: str = UNUSABLE) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"meridian-{name}")
        self._complaint = complaint

    async def run(self, work: Callable[[], T]) -> T:
        """Do something there. Raises Unavailable when the database fails; the next use then makes a new connection."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._translated, work)

    async def close(self) -> None:
        """Give the thread and its connection back, once all that waits is done."""
        await self.run(disconnect)
        self._thread.shutdown(wait=False)

    def _translated(self, work: Callable[[], T]) -> T:
        with unavailable(self._complaint):
            return work()


def disconnect() -> None:
    """Close this thread's connection. To be called on it, not handed over as `connection.close` by another thread."""
    connection.close()


async def ping() -> None:
    """Return when the database answers. Raises Unavailable when it refuses; it may also hang."""
    await in_thread(_ping, on=_pinging, complaint="the database cannot be reached")


def _ping() -> None:
    with connection.cursor() as cursor:
        cursor.execute('SELECT 1 FROM "registry_region" LIMIT 1')


@contextmanager
def consistent_read() -> Iterator[None]:
    """Within it, all statements of this thread see the database as it was at the first. Writers are not held up."""
    if connection.vendor == "sqlite":
        with _sqlite_read(connection):
            yield
        return
    with transaction.atomic():
        if len(connection.savepoint_ids) == 0:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


@contextmanager
def _sqlite_read(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """A deferred transaction: `atomic` would take the write lock, as settings tell it to, and stop all writers."""
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def chunks(statement: str, parameters: Sequence[Any], *, size: int = CHUNK) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows of a query, `size` at a time, as the database delivers them. Only within `consistent_read`."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, parameters)
        while rows := cursor.fetchmany(size):
            yield rows
