"""Ending tasks of an event loop."""

import asyncio
from collections.abc import Iterable

AGAIN = 1.0  # seconds after which a task that goes on is told once more to end


async def end_tasks(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they end. Once may not do: a client of Valkey that is just connecting swallows it.

    (It waits by `asyncio.wait_for`, which up to Python 3.11 forgets a cancellation that comes as the wait is over.)
    """
    going_on = set(tasks)
    while going_on:
        for task in going_on:
            task.cancel()
        ended, going_on = await asyncio.wait(going_on, timeout=AGAIN)
        await asyncio.gather(*ended, return_exceptions=True)
