"""The status of each mirrored region, written by its follower and read by every process that answers for the region.

It is in Valkey, one field a region, and is renewed about every second. Losing it loses no records: a reader that finds
nothing, or something old, still has the time of the last contact. All times are wall clock of this region.
"""

import msgspec
from django.conf import settings
from redis.asyncio import Redis

from catalog.errors import Unavailable
from catalog.view import Freshness, State
from registry.valkey import key, reaching, shared_connection

PART = "the status of the mirrors"
FRESH_FOR = 5.0  # seconds after the last contact with a region until its mirror is stale; see federation/waits.py


class MirrorStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one mirrored region.

    `last_contact` is when this region last held all that the origin had; `path` the regions that the log came through,
    the origin first; `delay` the seconds that a request takes one way; `equal` whether the digest was proven equal at
    `verified_at`. `reason` says why the region is not followed at present, `held` what the breaker holds. `place` is
    the latitude and longitude that it last gave: a region that is lost stays where it was.
    """

    region: str
    log_id: str = ""
    index: int = 0
    known: int = 0
    last_contact: float | None = msgspec.field(default=None, name="heard_at")  # the name that processes share
    path: tuple[str, ...] = ()
    delay: float | None = None
    digest: str = ""
    equal: bool | None = None
    verified_at: float | None = None
    diverged: tuple[str, ...] = ()
    reason: str = ""
    held: str = ""
    revoked: bool = False
    follower: str = ""
    place: tuple[float, float] | None = None

    def freshness(self, now: float) -> Freshness:
        """How far the mirror can be trusted at `now`."""
        if self.last_contact is None:
            return Freshness(State.UNKNOWN)
        fresh = not (self.revoked or self.held) and now - self.last_contact < FRESH_FOR
        return Freshness(State.LIVE) if fresh else Freshness(State.STALE, self.last_contact)

    def lag(self, now: float) -> float:
        """For how many seconds this region may not have held all that the origin has; 0 while it is live."""
        if self.last_contact is None or self.freshness(now).state is State.LIVE:
            return 0.0
        return max(0.0, now - self.last_contact)


_decode = msgspec.json.Decoder(MirrorStatus).decode


def status_key() -> str:
    """The hash in Valkey, by region."""
    return key(settings.MERIDIAN.region, "heard")


async def publish(client: "Redis", status: MirrorStatus) -> None:
    """Write a mirror's status. Raises Unavailable."""
    with reaching(PART):
        await client.hset(status_key(), status.region, msgspec.json.encode(status).decode())


async def read(client: "Redis | None" = None) -> dict[str, MirrorStatus]:
    """The status of every mirrored region. Raises Unavailable."""
    with reaching(PART):
        stored = await (client or shared_connection()).hgetall(status_key())
    try:
        return {str(region): _decode(text) for region, text in stored.items()}
    except msgspec.DecodeError as error:
        raise Unavailable(f"{PART} cannot be read: {error}") from error
