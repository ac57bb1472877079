"""Announcements of corrections: a notice sent to every server process of the region, for all open pages.

A notice is a sentence for people; nothing relies on it. What was changed is in the log, which pages follow. Without
Valkey no notice is delivered, and nothing else is affected.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

GROUP = "corrections"
SEND_TIMEOUT = 1.0  # seconds that a correction waits for its notice to be sent
RETRY_AFTER = 2.0  # seconds until a channel layer that failed is listened to again
MAX_LENGTH = 600  # characters of a notice

logger = structlog.get_logger(__name__)


def announce(text: str) -> None:
    """Show a notice on all open pages. For a thread without a loop; never raises: the correction stands."""
    try:
        async_to_sync(_send)(text[:MAX_LENGTH])
    except (OSError, RedisError) as error:
        logger.warning("a correction could not be announced", error=str(error), kind=type(error).__name__)


async def listen(receive: Callable[[str], None]) -> None:
    """Call `receive` with every notice, until cancelled."""
    while True:
        try:
            await _receive_all(receive)
        except (OSError, RedisError) as error:
            logger.warning("notices of corrections are not received", error=str(error), kind=type(error).__name__)
            await asyncio.sleep(RETRY_AFTER)


async def _send(text: str) -> None:
    layer: Any = get_channel_layer()
    async with asyncio.timeout(SEND_TIMEOUT):
        await layer.group_send(GROUP, {"type": "correction", "text": text})


async def _receive_all(receive: Callable[[str], None]) -> None:
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    while True:
        message = await layer.receive(channel)
        receive(str(message.get("text", "")))
