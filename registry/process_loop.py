"""An event loop on a thread of its own, for work that goes on between the tasks of a Celery pool process."""

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any, TypeVar

import structlog
import uvloop

from registry.valkey import cancel_all

AGAIN = 1.0  # seconds before work that failed begins again
T = TypeVar("T")
logger = structlog.get_logger(__name__)


class ProcessLoop:
    """Runs `main` for as long as the process lives: when it fails, it begins again."""

    def __init__(self, name: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._main = main
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"meridian-{name}", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def call(self, work: Coroutine[Any, Any, T], *, within: float) -> T:
        """Run something on the loop, from another thread. Raises TimeoutError when it takes longer (seconds)."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while True:
            try:
                self._loop.run_until_complete(self._main())
            except Exception:  # a defect; beginning again may do better than a region without this work
                logger.exception("background work failed", thread=self._thread.name)
            self._loop.run_until_complete(cancel_all(asyncio.all_tasks(self._loop)))
            self._loop.run_until_complete(asyncio.sleep(AGAIN))


def once_per_process(make: Callable[[], T]) -> Callable[[], T]:
    """Have `make` called once in each process, also after a fork: threads do not survive one."""
    made = lru_cache(maxsize=1)(lambda _pid: make())
    return lambda: made(os.getpid())


def process_name() -> str:
    """A name for this process in logs and locks that no other process has: `<host>:<pid>:<random>`."""
    return f"{os.uname().nodename}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
