"""The worker of a region on one machine: every periodic task on a thread of one process, without broker and beat.

Celery shares work among machines. Here there is only one, and a queue between a clock and a worker on
one machine costs more than the work.
"""

import threading
import time
from collections.abc import Callable, Mapping

import structlog
from django.db import connection

Task = Callable[[], object]
ENDING = 5.0  # seconds for tasks under way once the worker is to end
logger = structlog.get_logger(__name__)


class LocalWorker:
    """Runs each task every so many seconds, as beat would: one that takes longer begins again at once, never twice."""

    def __init__(self, tasks: Mapping[str, tuple[Task, float]]) -> None:
        self._stopping = threading.Event()
        # A probe or a follower that hangs must not keep the process from ending.
        self._threads = [
            threading.Thread(target=self._repeat, args=(name, task, every), name=name, daemon=True)
            for name, (task, every) in tasks.items()
        ]

    def start(self) -> None:
        """Begin; returns at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing more, and give what is under way some time to come to its end."""
        self._stopping.set()
        until = time.monotonic() + ENDING
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _repeat(self, name: str, task: Task, every: float) -> None:
        while not self._stopping.is_set():
            due = time.monotonic() + every
            try:
                if connection.errors_occurred:
                    connection.close()  # the next question makes a new one
                task()
            except Exception:  # a defect; the next run may do better than a region without this task
                logger.exception("a task failed", task=name)
            self._stopping.wait(max(0.0, due - time.monotonic()))
        connection.close()
