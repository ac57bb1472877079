"""What lookups say of a service, rendered again when it may have changed."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

LARGE = 50  # instances; a lookup judges all of them, so of a large service it is made once a second at most
PAUSE = 1.0  # seconds between two lookups of a large service

T = TypeVar("T")


class LookupCache(Generic[T]):
    """The last result, what it was rendered from, and until when it holds if nothing changes."""

    def __init__(self) -> None:
        self._html: T | None = None
        self._source: Any = None
        self._at = self._until = float("-inf")

    def get(self, source: Any, now: float, instances: int, render: Callable[[], tuple[T, float]]) -> T:
        """The result for a service of so many instances. `render` returns it with the time until which it holds."""
        due = source != self._source or now >= self._until
        too_soon = instances > LARGE and now - self._at < PAUSE
        if self._html is None or (due and not too_soon):
            self._html, self._until = render()
            self._source, self._at = source, now
        return self._html

    def clear(self) -> None:
        """Forget it: the next one is rendered at once."""
        self._html = None
