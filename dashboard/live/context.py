"""What the pages of this process work with, set once by whatever wires the server."""

import msgspec

from dashboard.live.screens import Screens
from dashboard.memory.board import Board
from discovery.answers.limits import Watchers
from registry.access.door import Door


class DashboardContext(msgspec.Struct, frozen=True, kw_only=True):
    """`is_open`: pages may be read without signing in. `secure`: cookies are sent over TLS only."""

    board: Board
    screens: Screens
    watchers: Watchers
    door: Door
    is_open: bool
    secure: bool


_current: DashboardContext | None = None


def install(context: DashboardContext | None) -> None:
    """Use this context from now on; None takes it away again."""
    global _current  # noqa: PLW0603 - one dashboard for each process
    _current = context


def current_context() -> DashboardContext:
    """The context of this process. Raises RuntimeError in a process that is not a server."""
    if _current is None:
        raise RuntimeError("the dashboard is part of a region's server: start it with `manage.py serve` or `up`")
    return _current
