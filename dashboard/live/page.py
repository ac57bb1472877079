"""A page: one address of the dashboard, and what it shows."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from django.template.loader import render_to_string
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from catalog.errors import CatalogError
from dashboard.live.fragments import Sheet
from dashboard.memory.board import Board

LONGEST = 2000  # characters of a parameter: places in the logs of many regions are the longest that there are


class Gathered(msgspec.Struct, frozen=True):
    """What a page wanted to know that is not in memory, and when it was known; or why it could not be asked."""

    value: Any = None
    at: float | None = None
    problem: str = ""


class Page:
    """What is at one address. Frozen once made: screens share it.

    `arguments` come from the path, `query` from the query string, of which only `parameters` count. `sheet` reads the
    board's memory and nothing else, so that a page is there whatever else is away. What has to be asked of the
    database or of Valkey is `gather`ed apart, and may be old or missing.
    """

    template: ClassVar[str]
    title: ClassVar[str]
    area: ClassVar[str]  # which entry of the navigation it belongs to
    every: ClassVar[float] = 10.0  # seconds between two looks at what no log tells, while somebody watches
    parameters: ClassVar[tuple[str, ...]] = ()
    gathers: ClassVar[bool] = False

    def __init__(self, board: Board, arguments: Mapping[str, str], query: Mapping[str, str]) -> None:
        self.board = board
        self.arguments = dict(arguments)
        self.query = {name: query[name][:LONGEST] for name in self.parameters if query.get(name)}

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for addresses that show the same."""
        return type(self), tuple(sorted(self.arguments.items())), tuple(sorted(self.query.items()))

    @property
    def heading(self) -> str:
        """What the page is called, in its title too."""
        return self.title

    def found(self) -> bool:
        """Whether there is what the address names."""
        return True

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """Whether a change of these names, as the view tells them, can be seen on the page."""
        return True

    def gather(self, now: float) -> Any:
        """What is asked of the database or Valkey; may block, and raises Unavailable."""
        return None

    def sheet(self, gathered: Gathered, now: float) -> Sheet:
        """What the page shows at `now`."""
        raise NotImplementedError

    def context(self) -> dict[str, Any]:
        """What the template is given besides the sheet: what never changes while the page is looked at."""
        return {}

    def link(self, **changed: str | None) -> str:
        """The query string of this page with some parameters changed, or left out for None."""
        query = {name: changed[name] if name in changed else self.query.get(name) for name in self.parameters}
        return "?" + urlencode({name: value for name, value in query.items() if value})


def part(name: str, context: Mapping[str, Any]) -> SafeString:
    """A template of the dashboard with its values in."""
    return render_to_string(f"dashboard/{name}", dict(context))


def gathered(page: Page, now: float) -> Gathered:
    """What the page wants to know, or why that is not to be had."""
    try:
        return Gathered(page.gather(now), now)
    except CatalogError as error:
        return Gathered(problem=str(error))
