"""How old an answer may be: `max_lag` is checked, and what must be `consistent` is asked of the region itself."""

from catalog.errors import Invalid
from catalog.query_types import ALL, NEAREST
from catalog.view import State
from discovery.access import actor
from discovery.answers.cache import Encoded, spoken
from discovery.plane import Plane
from discovery.web import forwarding
from discovery.web.problems import TooOld
from registry.asgi import Scope, Send, client_address

WAY = "http"


async def answered_elsewhere(plane: Plane, scope: Scope, send: Send, regions: tuple[str, ...]) -> bool:
    """Let a consistent question be answered by the region that it is about; False when that is this one.

    Then this process's view holds all that the region's log holds. Raises Unavailable when neither can be had in time.
    """
    if len(regions) > 1 or regions in ((ALL,), (NEAREST,)):
        raise Invalid("only one region at a time can be asked itself: name it in `region`", field="consistent")
    region = regions[0] if regions else plane.region
    if not forwarding.is_elsewhere(scope, region, local=plane.region):
        await plane.confirmed()
        return False
    grant = plane.access.may_read(scope)
    await forwarding.pass_on(
        scope,
        send,
        region=region,
        actor=actor(scope, grant, client_address(scope), WAY),
        within=forwarding.CONSISTENT_WITHIN,
        without=frozenset({"region", "consistent"}),
        and_say=(("region", region), ("consistent", "true")),
    )
    return True


def require(plane: Plane, encoded: Encoded, max_lag: float | None) -> None:
    """Raises TooOld, naming the region and the reason, when the answer rests on one that may be further behind."""
    if max_lag is None:
        return
    for region in [part.region for part in encoded.parts if part.used] or [encoded.region]:
        lag = plane.lag(region)
        if lag is None or lag > max_lag:
            raise TooOld(_spoken(plane, region, lag, max_lag))


def _spoken(plane: Plane, region: str, lag: float | None, max_lag: float) -> str:
    freshness = plane.view.region(region).freshness
    heard = "was never heard here" if lag is None else f"was last heard {lag:.1f} s ago, and {max_lag:g} s are allowed"
    state = f" ({spoken(freshness)})" if freshness.state is not State.LIVE else ""
    reason = plane.mirrors.reason(region) if plane.mirrors is not None else ""
    return f"{region} {heard}{state}" + (f": {reason}" if reason else "")
