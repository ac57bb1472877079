"""The database's errors in the catalog's words."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, connection

from catalog.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


def translated(complaint: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorates what asks the database: when that fails it raises Unavailable, with `complaint` and the reason."""

    def decorate(work: Callable[P, T]) -> Callable[P, T]:
        @wraps(work)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return work(*args, **kwargs)
            except DatabaseError as error:
                connection.close()  # whatever is wrong with it, the next use makes a new one
                raise Unavailable(f"{complaint}: {error}".strip()) from error

        return guarded

    return decorate
