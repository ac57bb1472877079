"""Reads of the database and of Valkey that fail one by one: a page shows what it got, and says what is missing."""

from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError

from catalog.errors import CatalogError
from registry.breaker.holds import list_holds
from registry.tables.held import State as HoldState

T = TypeVar("T")


class TolerantReads:
    """Reads one thing after the other, and collects the problems."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, fetch: Callable[[], T], default: T) -> T:
        """What `fetch` returns, or `default` when it fails."""
        try:
            return fetch()
        except CatalogError as error:
            self._note(str(error))
        except (DatabaseError, OSError) as error:
            self._note(f"the database cannot be read: {error}".strip())
        return default

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def held_formulas() -> dict[str, str]:
    """The instances of this region that the breaker holds: the formula of the hold by record key."""
    return {member.key: row.formula for row in list_holds(state=HoldState.OPEN) for member in row.held}
