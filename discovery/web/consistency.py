"""Consistency: how old an answer may be, and asking the region itself for what must be consistent."""

import msgspec

from catalog.errors import Invalid
from catalog.query_types import ALL, NEAREST
from catalog.view import State
from discovery.answers.cache import Encoded
from discovery.answers.headers import freshness_text
from discovery.plane import Plane
from discovery.web import forwarding
from discovery.web.problems import TooOld
from discovery.web.request import Request


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """What a client demands: an answer that is at most `max_lag` seconds old, or one from the region itself."""

    max_lag: float | None = None
    consistent: bool = False

    @property
    def is_any(self) -> bool:
        """Whether any answer will do, however old."""
        return self.max_lag is None and not self.consistent


ANY = Consistency()


async def answered_elsewhere(request: Request, regions: tuple[str, ...], *, parameter: str = "region") -> bool:
    """Let a consistent read be answered by the region that it is about; False when that is this one.

    Then this process's view holds all that the region's log holds. `parameter` is what names a region in the query.
    Raises Unavailable when neither can be had in time.
    """
    plane = request.plane
    if len(regions) > 1 or regions in ((ALL,), (NEAREST,)):
        raise Invalid(f"only one region at a time can be asked itself: name it in `{parameter}`", field="consistent")
    region = regions[0] if regions else plane.region
    if not forwarding.is_elsewhere(request.scope, region, local=plane.region):
        await plane.confirmed()
        return False
    await forwarding.pass_on(
        request,
        region=region,
        actor=request.actor(request.may_read()),
        within=forwarding.CONSISTENT_WITHIN,
        without=(parameter, "consistent"),
        and_say=((parameter, region), ("consistent", "true")),
    )
    return True


def require(plane: Plane, encoded: Encoded, consistency: Consistency) -> None:
    """Raises TooOld, naming the region and the reason, when the answer rests on one that may be further behind."""
    if consistency.max_lag is None:
        return
    for region in [part.region for part in encoded.parts if part.used] or [encoded.region]:
        lag = plane.lag(region)
        if lag is None or lag > consistency.max_lag:
            raise TooOld(_text(plane, region, lag, consistency.max_lag))


def _text(plane: Plane, region: str, lag: float | None, max_lag: float) -> str:
    freshness = plane.view.region(region).freshness
    contact = (
        "was never in contact"
        if lag is None
        else f"had its last contact {lag:.1f} s ago, and {max_lag:g} s are allowed"
    )
    state = f" ({freshness_text(freshness)})" if freshness.state is not State.LIVE else ""
    reason = plane.mirrors.reason(region) if plane.mirrors is not None else ""
    return f"{region} {contact}{state}" + (f": {reason}" if reason else "")
