"""Work on the database for whoever lives on an event loop: in a thread that keeps no connection."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Do it in some thread. The connection is given back at once: nobody knows when that thread is used again."""
    return await asyncio.to_thread(_closing, work)


def _closing(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connection.close()
