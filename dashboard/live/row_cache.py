"""Rendered HTML by key, rendered again only when what it shows has changed."""

from collections.abc import Callable, Container
from typing import Any


class RowCache:
    """The rows of one page as last rendered, each with its source: everything that it was rendered from."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Any, str]] = {}
        self.rendered = 0

    def get(self, key: str, source: Any, render: Callable[[], str]) -> str:
        """The row; `render` is called when its source differs from the last one."""
        known = self._rows.get(key)
        if known is not None and known[0] == source:
            return known[1]
        html = render()
        self._rows[key] = (source, html)
        self.rendered += 1
        return html

    def keep(self, keys: Container[str]) -> None:
        """Drop all other rows."""
        for key in [key for key in self._rows if key not in keys]:
            del self._rows[key]
