"""The state of the dashboard itself: how far its memory can be trusted, as every message to a browser says."""

import msgspec

from catalog.view import State as Trust
from catalog.view import View


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is when it was so; `index` the place in each region's log that the memory has reached.

    `since` is since when the region's own log cannot be read: what is shown is from memory, and as of then.
    """

    at: float = 0.0
    index: dict[str, int] = {}
    since: float | None = None


def state_of(view: View, home: str, now: float) -> State:
    """How things stand in this process's memory."""
    own = view.region(home).freshness
    return State(
        at=now,
        index={region: known.index for region, known in sorted(view.regions.items())},
        since=None if own.state is Trust.LIVE else own.since or now,
    )
