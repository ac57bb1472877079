"""A page: one address of the dashboard, and what it shows."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from django.template.loader import render_to_string
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from catalog.errors import CatalogError
from dashboard.live.fragments import Content
from dashboard.memory.board import Board

MAX_PARAMETER = 2000  # characters of a parameter; positions in the logs of many regions are the longest


class Gathered(msgspec.Struct, frozen=True):
    """What a page gathered from outside memory, and when; `problem` says why it could not."""

    value: Any = None
    at: float | None = None
    problem: str = ""


class Page:
    """What is at one address. Not changed once made: screens share it.

    `arguments` come from the path, `query` from the query string, of which only `parameters` count. `content` reads the
    board's memory alone, so that a page is served whatever else is down. What has to be read from the database or from
    Valkey is `gather`ed separately, and may be old or missing.
    """

    template: ClassVar[str]
    title: ClassVar[str]
    area: ClassVar[str]  # the entry of the navigation that it belongs to
    every: ClassVar[float] = 10.0  # seconds between two refreshes of what is in no log, while the page is watched
    parameters: ClassVar[tuple[str, ...]] = ()
    gathers: ClassVar[bool] = False

    def __init__(self, board: Board, arguments: Mapping[str, str], query: Mapping[str, str]) -> None:
        self.board = board
        self.arguments = dict(arguments)
        self.query = {name: query[name][:MAX_PARAMETER] for name in self.parameters if query.get(name)}

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for addresses that show the same."""
        return type(self), tuple(sorted(self.arguments.items())), tuple(sorted(self.query.items()))

    @property
    def heading(self) -> str:
        """The heading, also used in the browser's title."""
        return self.title

    def found(self) -> bool:
        """Whether the subject of the address exists."""
        return True

    def touched_by(self, region: str, names: frozenset[str]) -> bool:
        """Whether a change of these names, as the view's listeners receive them, can be seen on the page."""
        return True

    def gather(self, now: float) -> Any:
        """Read what is not in memory; may block, and raises Unavailable."""
        return None

    def content(self, gathered: Gathered, now: float) -> Content:
        """What the page shows at `now`."""
        raise NotImplementedError

    def context(self) -> dict[str, Any]:
        """What the template needs besides the content: whatever never changes while the page is open."""
        return {}

    def link(self, **changed: str | None) -> str:
        """The query string of this page with some parameters changed, or removed for None."""
        query = {name: changed[name] if name in changed else self.query.get(name) for name in self.parameters}
        return "?" + urlencode({name: value for name, value in query.items() if value})


def part(name: str, context: Mapping[str, Any]) -> SafeString:
    """A template of the dashboard, rendered."""
    return render_to_string(f"dashboard/{name}", dict(context))


def gathered(page: Page, now: float) -> Gathered:
    """What the page gathers, or why it cannot."""
    try:
        return Gathered(page.gather(now), now)
    except CatalogError as error:
        return Gathered(problem=str(error))
