"""The doorbell: a message after each commit that wakes followers in other processes.

It carries the log's new end, on which nothing relies: a message that is lost costs its follower one poll's delay.
"""

import asyncio
from collections.abc import Callable

import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from catalog.change import Change, Position
from registry.commit.tail import tail
from registry.valkey import ANSWER_WITHIN, aconnection, connection, key

AGAIN = 0.5  # seconds before trying a lost Valkey again
QUIET = 5.0  # seconds without a message after which the connection is tried

log = structlog.get_logger(__name__)


def channel(region: str) -> str:
    """Where a region's doorbell rings."""
    return key(region, "doorbell")


class Ringer:
    """The hook that rings after each commit. Says once that Valkey is lost, and once that it is back."""

    def __init__(self) -> None:
        self._lost = False

    def __call__(self, changes: list[Change]) -> None:
        """Ring for the last of these changes."""
        region = changes[-1].region
        self.ring_for(region, tail(region).log_id, changes[-1].index)

    def ring_for(self, region: str, log_id: str, index: int) -> None:
        """Ring for the new end of a log."""
        try:
            connection().publish(channel(region), f"{log_id} {index}")
        except (RedisError, OSError) as error:
            if not self._lost:
                log.warning("doorbell is silent: followers poll", error=str(error))
            self._lost = True
        else:
            if self._lost:
                log.info("doorbell rings again")
            self._lost = False


ring = Ringer()
ring_for = ring.ring_for


class Listening:
    """Listens to a region's doorbell on one event loop, and connects again whenever the connection is lost.

    `on_ring` is called with the position that was rung for, and with None when rings may have been missed.
    """

    def __init__(self, region: str, on_ring: Callable[[Position | None], None]) -> None:
        self.connected = False
        self._region = region
        self._on_ring = on_ring

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                if self.connected:
                    log.warning("doorbell is not connected: polling", region=self._region, error=str(error))
            finally:
                self.connected = False
                self._on_ring(None)
            await asyncio.sleep(AGAIN)

    async def _listen(self) -> None:
        async with aconnection() as client, client.pubsub() as pubsub:
            await pubsub.subscribe(channel(self._region))
            self.connected = True
            self._on_ring(None)  # whatever was rung before the subscription
            while True:
                await self._hear(pubsub)

    async def _hear(self, pubsub: PubSub) -> None:
        # Told to ignore subscriptions, the client would swallow a pong as well; so it ignores nothing.
        message = await pubsub.get_message(timeout=QUIET)
        if message is None:
            await pubsub.ping()
            message = await pubsub.get_message(timeout=ANSWER_WITHIN)
        if message is None:
            raise TimeoutError("Valkey does not answer")
        if message["type"] == "message":
            log_id, _, index = str(message["data"]).partition(" ")
            self._on_ring(Position(log_id, int(index)) if index.isascii() and index.isdigit() else None)
