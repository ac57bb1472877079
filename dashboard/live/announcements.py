"""The bell: after a correction every server process of the region hears that there was one, and tells open pages.

It carries a sentence for people and nothing that anything relies on: what was changed is in the log, and pages follow
that. While Valkey is away nobody is told the sentence, and that is all.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

GROUP = "corrections"
WITHIN = 1.0  # seconds that whoever made a correction waits for the bell at most
PAUSE = 2.0  # seconds before a bell that cannot be heard is listened for again
LONGEST = 600  # characters of a notice

logger = structlog.get_logger(__name__)


def ring(text: str) -> None:
    """Tell all who look at the dashboard, from a thread that may wait. Never raises: the correction stands."""
    try:
        async_to_sync(_send)(text[:LONGEST])
    except (OSError, RedisError) as error:
        logger.warning("a correction could not be announced", error=str(error), kind=type(error).__name__)


async def listen(heard: Callable[[str], None]) -> None:
    """Call `heard` with every notice, until cancelled."""
    while True:
        try:
            await _hear(heard)
        except (OSError, RedisError) as error:  # nothing else is amiss without Valkey
            logger.warning("corrections are not heard of", error=str(error), kind=type(error).__name__)
            await asyncio.sleep(PAUSE)


async def _send(text: str) -> None:
    layer: Any = get_channel_layer()
    async with asyncio.timeout(WITHIN):
        await layer.group_send(GROUP, {"type": "correction", "text": text})


async def _hear(heard: Callable[[str], None]) -> None:
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    while True:
        message = await layer.receive(channel)
        heard(str(message.get("text", "")))
