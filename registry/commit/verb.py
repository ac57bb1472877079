"""A verb: a function that changes the catalog, and the two ways of calling it."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from django.db import connection

from registry.commit.command import Command, Settles
from registry.commit.deadline import patience
from registry.commit.unit import Unit
from registry.commit.writer import is_writer_thread, join, submit

P = ParamSpec("P")
R = TypeVar("R")
Keys = Callable[..., Iterable[str]]


class Verb(Generic[P, R]):
    """A verb's body takes a `Unit` first, then what the caller gives, with keyword-only `actor` and `cause`.

    `verb(...)` blocks until the commit, or joins the transaction that the calling thread has open;
    `await verb.aio(...)` waits without blocking. Both raise what the body raised, and Unavailable when the database
    cannot be reached. A connection that breaks in the very moment of the commit leaves open whether it was done.
    """

    def __init__(self, body: Callable[Concatenate[Unit, P], R], keys: Keys) -> None:
        update_wrapper(self, body)
        self._body = body
        self._keys = keys

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if is_writer_thread():
            raise RuntimeError("a verb was called from the writer's own thread, which would wait for itself")
        future = Future[R]()
        command = self._command(future, None, args, kwargs)
        if connection.in_atomic_block:
            return cast("R", join(command))
        submit(command)
        return future.result()

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The same for a coroutine, which gets Unavailable after a while without a commit.

        The commit may happen nevertheless, also for a caller that is cancelled.
        """
        future = asyncio.get_running_loop().create_future()
        self.soon(future, *args, **kwargs)
        return cast("R", await future)

    def soon(self, future: "Settles", *args: P.args, **kwargs: P.kwargs) -> None:
        """The same for something like a future of the running loop; it is settled on that loop."""
        loop = asyncio.get_running_loop()
        patience(loop).watch(future)
        submit(self._command(future, loop, args, kwargs))

    def _command(
        self,
        future: "Future[R] | Settles",
        loop: asyncio.AbstractEventLoop | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Command:
        return Command(
            body=partial(_call, self._body, args, kwargs),
            actor=kwargs["actor"],
            cause=kwargs["cause"],
            keys=self._keys(*args, **kwargs),
            future=future,
            loop=loop,
        )


def _call(body: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], unit: Unit) -> R:
    return body(unit, *args, **kwargs)


def _none(*_: object, **__: object) -> Iterable[str]:
    return ()


def verb(*, keys: Keys = _none) -> Callable[[Callable[Concatenate[Unit, P], R]], Verb[P, R]]:
    """Make a body a verb. `keys` tells from the arguments which instances it reads, so that they are read in bulk."""

    def decorate(body: Callable[Concatenate[Unit, P], R]) -> Verb[P, R]:
        return Verb(body, keys)

    return decorate
