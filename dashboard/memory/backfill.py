"""Backfill: the health of the hour before this process started, read from the log in the tables."""

import asyncio
from functools import partial

import structlog

from catalog.errors import CatalogError
from dashboard.memory.board import Board
from dashboard.memory.history import KEPT
from registry.database import in_thread
from registry.log.health_history import steps_of_all

EVERY = 1.0  # seconds between two looks at the view
RETRY_AFTER = 30.0  # seconds after which a log that could not be read is read again

logger = structlog.get_logger(__name__)


class Backfill:
    """Brings the board's histories in line with a region's view after it was read whole: at the start, at a reset."""

    def __init__(self, board: Board) -> None:
        self._board = board
        # The services that the histories were last set from, by region. A view that is read whole again has another
        # mapping of them; changes go on in the same one.
        self._services: dict[str, object] = {}
        self._filled: set[str] = set()
        self._not_before = 0.0

    async def run(self) -> None:
        """Keep them so until cancelled."""
        while True:
            await self.update()
            await asyncio.sleep(EVERY)

    async def update(self) -> None:
        """Take in regions that are new or were read again, and forget those that have left."""
        view, now = self._board.view, self._board.clock()
        for region in self._services.keys() - view.regions.keys():
            del self._services[region]
            self._filled.discard(region)
            self._board.histories.forget(region)
        for region, known in list(view.regions.items()):
            if known.position is not None and self._services.get(region) is not known.services:
                self._services[region] = known.services
                self._board.histories.resync(region, dict(known.services), at=now)
        if now >= self._not_before:
            for region in self._services.keys() - self._filled:
                await self._fill(region, now)

    async def _fill(self, region: str, now: float) -> None:
        try:
            past = await in_thread(partial(steps_of_all, region, since=now - KEPT, now=now))
        except CatalogError as error:
            self._not_before = now + RETRY_AFTER
            logger.info("the last hour's health cannot be read yet", region=region, reason=str(error))
            return
        self._board.histories.backfill(region, past)
        self._filled.add(region)
