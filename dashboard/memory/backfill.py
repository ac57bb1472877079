"""Seeding: what the histories of a process that has just started do not know, the log in the tables tells."""

import asyncio
from functools import partial

import structlog

from catalog.errors import CatalogError
from dashboard.memory.board import Board
from dashboard.memory.history import KEPT
from registry.database import in_thread
from registry.log.health_history import steps_of_all

LOOK_EVERY = 1.0  # seconds
AGAIN = 30.0  # seconds after which a log that could not be read is asked again

logger = structlog.get_logger(__name__)


class Backfill:
    """Keeps the board's histories true to views that were read whole: at the start, and after a reset."""

    def __init__(self, board: Board) -> None:
        self._board = board
        # The services that stand in the histories, by region. A view that is read anew has another mapping of them;
        # changes go on in the same one.
        self._settled: dict[str, object] = {}
        self._seeded: set[str] = set()
        self._not_before = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Take in the regions that are new, or new again, and let go of those that have left."""
        view, now = self._board.view, self._board.clock()
        for region in self._settled.keys() - view.regions.keys():
            del self._settled[region]
            self._seeded.discard(region)
            self._board.histories.forget(region)
        for region, known in list(view.regions.items()):
            if known.position is not None and self._settled.get(region) is not known.services:
                self._settled[region] = known.services
                self._board.histories.settle(region, dict(known.services), at=now)
        if now >= self._not_before:
            for region in self._settled.keys() - self._seeded:
                await self._seed(region, now)

    async def _seed(self, region: str, now: float) -> None:
        try:
            past = await in_thread(partial(steps_of_all, region, since=now - KEPT, now=now))
        except CatalogError as error:
            self._not_before = now + AGAIN
            logger.info("the last hour's health is not known yet", region=region, reason=str(error))
            return
        self._board.histories.seed(region, past)
        self._seeded.add(region)
