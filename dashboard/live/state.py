"""How current this process's memory is, as every message to a browser says."""

import msgspec

from catalog.view import State as FreshnessState
from catalog.view import View


class DashboardState(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is the server's time, `index` the position in each region's log that the view has reached.

    `since`: since when the region's own log cannot be read, so that everything shown is as of then; None while it can.
    """

    at: float = 0.0
    index: dict[str, int] = {}
    since: float | None = None


def state_of(view: View, home: str, now: float) -> DashboardState:
    """The state of a view at `now`."""
    own = view.region(home).freshness
    return DashboardState(
        at=now,
        index={region: known.index for region, known in sorted(view.regions.items())},
        since=None if own.state is FreshnessState.LIVE else own.since or now,
    )
