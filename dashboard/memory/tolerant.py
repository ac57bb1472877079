"""Gathering: several things asked of the database and of Valkey, of which each may fail alone."""

from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError

from catalog.errors import CatalogError
from registry.breaker.holds import list_held
from registry.tables.held import State as HoldState

T = TypeVar("T")


class TolerantReads:
    """Asks one thing after the other, and keeps what went wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def ask(self, question: Callable[[], T], otherwise: T) -> T:
        """The answer, or `otherwise` when it cannot be had."""
        try:
            return question()
        except CatalogError as error:
            self._note(str(error))
        except (DatabaseError, OSError) as error:
            self._note(f"the database cannot be read: {error}".strip())
        return otherwise

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def held_now() -> dict[str, tuple[str, str]]:
    """What the breaker holds in this region: the key of each instance's record, with the hold's id and its formula."""
    return {member.key: (row.id, row.formula) for row in list_held(state=HoldState.OPEN) for member in row.held}
