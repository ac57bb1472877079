"""Waiting with an end: `eventually` on a thread, `aeventually` on an event loop."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

WITHIN = 10.0  # seconds; generous, as a busy machine only makes a passing test slower


def eventually(probe: Callable[[], Any], *, within: float = WITHIN, what: str = "") -> Any:
    """The first true answer of `probe`. Raises AssertionError with `what` when there is none in time."""
    deadline = time.monotonic() + within
    while not (answer := probe()):
        assert time.monotonic() < deadline, _too_late(within, what)
        time.sleep(0.02)
    return answer


async def aeventually(probe: Callable[[], Any], *, within: float = WITHIN, what: str = "") -> Any:
    """As `eventually`; `probe` may be a coroutine function."""
    deadline = time.monotonic() + within
    while True:
        answer = probe()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, _too_late(within, what)
        await asyncio.sleep(0.002)


def _too_late(within: float, what: str) -> str:
    return f"not within {within:g} s: {what or 'what the test waits for'}"
