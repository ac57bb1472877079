"""A command: one call of a verb on its way to the writer, and the answer on its way back."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

import msgspec

from registry.commit.deadline import patience
from registry.commit.unit import Unit


class Settles(Protocol):
    """The part of a future that a command uses."""

    def done(self) -> bool:
        """Whether it is settled or cancelled."""
        ...

    def set_result(self, value: Any, /) -> None:
        """Finish."""
        ...

    def set_exception(self, error: Any, /) -> None:
        """Fail."""
        ...


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command: a value, or an error."""

    value: Any = None
    error: BaseException | None = None


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A verb's body with its arguments bound. `keys` are the instances it is known to touch, to be read in bulk.

    `future` belongs to `loop` for an asynchronous caller, and to a waiting thread when `loop` is None.
    """

    body: Callable[[Unit], Any]
    actor: str
    cause: str
    keys: Iterable[str]
    future: "Future[Any] | Settles"
    loop: asyncio.AbstractEventLoop | None


def answer(commands: Sequence[Command], outcomes: Sequence[Outcome]) -> None:
    """Hand every caller its outcome. An event loop is woken once for all of its callers."""
    by_loop = defaultdict[asyncio.AbstractEventLoop, list[tuple[Any, Outcome]]](list)
    for command, outcome in zip(commands, outcomes, strict=True):
        if command.loop is None:
            _settle_one(command.future, outcome)
        else:
            by_loop[command.loop].append((command.future, outcome))
    for loop, pairs in by_loop.items():
        try:
            # In the turn after the next: by then this process's view has mostly folded the commit in.
            loop.call_soon_threadsafe(loop.call_soon, _settle, pairs, loop)
        except RuntimeError:
            continue  # the loop is closed and its callers with it; what was committed stays


def _settle(pairs: Iterable[tuple[Any, Outcome]], loop: asyncio.AbstractEventLoop) -> None:
    forget = patience(loop).forget
    for future, outcome in pairs:
        forget(future)
        _settle_one(future, outcome)


def _settle_one(future: Any, outcome: Outcome) -> None:
    if future.done():
        return  # the caller has gone away
    if outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome.value)
