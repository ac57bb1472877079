"""Single flight: one result for all callers that ask for the same within a few seconds."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from catalog.errors import Unavailable

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Fetches at most once every so many seconds; other threads wait for the same result.

    Failures are shared too: a database that hangs is not waited for once per caller.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._lock = threading.Lock()
        self._fetched_at = float("-inf")
        self._results: list[T] = []  # the last one, or none
        self._reason = ""

    def get(self, fetch: Callable[[], T], now: float) -> T:
        """The result, at most so many seconds old. Raises Unavailable as `fetch` did."""
        with self._lock:
            # A clock that was put back fetches too: else none would until it has caught up.
            if not 0 <= now - self._fetched_at < self._every:
                self._fetch(fetch, now)
            if not self._results:
                raise Unavailable(self._reason)
            return self._results[0]

    def _fetch(self, fetch: Callable[[], T], now: float) -> None:
        try:
            self._results, self._reason = [fetch()], ""
        except Unavailable as error:
            self._results, self._reason = [], str(error)
        self._fetched_at = now
