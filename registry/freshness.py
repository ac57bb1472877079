"""What is heard of the other regions, told by whoever mirrors them to everybody in this region who answers for them.

It rests in Valkey, one field a region, and is renewed about every second. Losing it costs knowledge, never records: a
reader that finds nothing, or something old, knows when it last knew. All times are wall clock of this region.
"""

from typing import Any

import msgspec
from django.conf import settings
from redis.asyncio import Redis

from catalog.errors import Unavailable
from catalog.view import Freshness, State
from registry.valkey import key, reaching, shared_connection

PART = "the status of the mirrors"
FRESH_FOR = 5.0  # seconds without a word of a region after which what is known of it is called stale


class Heard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one mirrored region.

    `heard_at` is when this region last held all that the origin had; `path` the regions that the log came through, the
    origin first; `delay` the seconds that a request takes one way; `equal` whether the digest was proven equal at
    `verified_at`. `reason` says why the region is not followed just now, `held` what the breaker holds. `place` is
    the latitude and longitude that it last gave: a region that is lost stays where it was.
    """

    region: str
    log_id: str = ""
    index: int = 0
    known: int = 0
    heard_at: float | None = None
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
        if self.heard_at is None:
            return Freshness(State.UNKNOWN)
        fresh = not (self.revoked or self.held) and now - self.heard_at < FRESH_FOR
        return Freshness(State.LIVE) if fresh else Freshness(State.STALE, self.heard_at)

    def lag(self, now: float) -> float:
        """For how many seconds this region may not have held all that the origin has; 0 while it is live."""
        if self.heard_at is None or self.freshness(now).state is State.LIVE:
            return 0.0
        return max(0.0, now - self.heard_at)


_decoder = msgspec.json.Decoder(Heard)
_encoder = msgspec.json.Encoder()


def heard_key() -> str:
    """Where it rests."""
    return key(settings.MERIDIAN.region, "heard")


def encode(heard: Heard) -> str:
    """As it rests."""
    return _encoder.encode(heard).decode()


def decode(text: str | bytes) -> Heard:
    """Read what `encode` wrote."""
    return _decoder.decode(text)


def changed(heard: Heard, **values: Any) -> Heard:
    """The same with other values."""
    return msgspec.structs.replace(heard, **values)


async def publish(client: "Redis", heard: Heard) -> None:
    """Tell everybody. Raises Unavailable when Valkey is."""
    with reaching(PART):
        await client.hset(heard_key(), heard.region, encode(heard))


async def forget(client: "Redis", region: str) -> None:
    """Nothing is to be said of this region any more. Raises Unavailable."""
    with reaching(PART):
        await client.hdel(heard_key(), region)


async def read(client: "Redis | None" = None) -> dict[str, Heard]:
    """What is heard of every mirrored region. Raises Unavailable when Valkey cannot be reached."""
    with reaching(PART):
        stored = await (client or shared_connection()).hgetall(heard_key())
    try:
        return {str(region): decode(text) for region, text in stored.items()}
    except msgspec.DecodeError as error:
        raise Unavailable(f"what is heard of other regions cannot be read: {error}") from error
