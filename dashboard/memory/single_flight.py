"""Shared: one answer for all who ask the same at about the same time, so that many pages cost no more than one."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from catalog.errors import Unavailable

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Asks every so many seconds at most; of several threads one asks, and the others are told the same.

    That the answer was not to be had is told to all alike: of a database that hangs nobody waits in a row.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._turn = threading.Lock()
        self._asked_at = float("-inf")
        self._answers: list[T] = []  # the last one, or none
        self._reason = ""

    def ask(self, question: Callable[[], T], now: float) -> T:
        """The answer as of at most so many seconds ago. Raises Unavailable as the question does."""
        with self._turn:
            # A clock that was put back asks too, or nobody would until it has caught up.
            if not 0 <= now - self._asked_at < self._every:
                self._ask(question, now)
            if not self._answers:
                raise Unavailable(self._reason)
            return self._answers[0]

    def _ask(self, question: Callable[[], T], now: float) -> None:
        try:
            self._answers, self._reason = [question()], ""
        except Unavailable as error:
            self._answers, self._reason = [], str(error)
        self._asked_at = now
