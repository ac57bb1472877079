"""Reading the tables in one consistent state, in chunks, without holding up writers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

CHUNK = 1000


@contextmanager
def consistent_read() -> Iterator[None]:
    """Within it, all statements of this thread see the database as it was at the first of them."""
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
