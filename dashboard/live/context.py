"""What the dashboard of this process works with, put here once by whoever wires the server."""

import msgspec

from dashboard.live.screens import Screens
from dashboard.memory.board import Board
from discovery.answers.limits import Watchers
from registry.access.door import Door


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """`is_open` says whether pages may be read without signing in. `secure` whether cookies are for TLS alone."""

    board: Board
    screens: Screens
    watchers: Watchers
    door: Door
    is_open: bool
    secure: bool


_kept: list[Installed] = []


def install(installed: Installed) -> None:
    """Let the pages of this process work with it from now on."""
    _kept[:] = [installed]


def installed() -> Installed:
    """What was installed. Raises RuntimeError in a process that is no server."""
    if not _kept:
        raise RuntimeError("the dashboard is part of a region's server: start it with `manage.py serve` or `up`")
    return _kept[0]
