"""The logs kept here, as they are served: one reader for each region, and how fresh each copy is."""

import asyncio
from collections.abc import Callable

from django.conf import settings

from catalog.errors import NotFound, Unavailable
from federation.serve.freshness import Words
from registry.database import in_thread
from registry.freshness import Heard
from registry.log import mirror
from registry.log.local import DatabaseLog
from registry.log.mirror import Kept

REMEMBERED = 0.5  # seconds: how old the answer may be to which logs are kept, and how fresh they are


class Logs:
    """Belongs to one event loop. `clock` gives wall time."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self.region: str = settings.MERIDIAN.region
        self._clock = clock
        self._logs: dict[str, DatabaseLog] = {}
        self._words = Words()
        self._heard: dict[str, Heard] = {}
        self._heard_at = float("-inf")
        self._looking = asyncio.Lock()

    async def of(self, region: str) -> DatabaseLog:
        """The log of a region. Raises NotFound when it is not kept here, and Unavailable."""
        log = self._logs.get(region)
        if log is None:
            if region != self.region and all(kept.region != region for kept in await self.kept()):
                raise NotFound(f"the log of {region[:80]!r} is not kept here")
            log = self._logs.setdefault(region, DatabaseLog(region))
        return log

    async def kept(self) -> list[Kept]:
        """Every log that is kept here. Raises Unavailable."""
        return await in_thread(mirror.heads)

    async def head(self, region: str) -> Kept:
        """Where one of them stands."""
        for kept in await self.kept():
            if kept.region == region:
                return kept
        raise NotFound(f"the log of {region[:80]!r} is not kept here")

    async def heard(self, region: str) -> Heard:
        """What is heard of a mirrored region; nothing at all when nobody knows."""
        if region == self.region:
            return Heard(region=region, heard_at=self._clock(), path=(region,))
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._heard_at > REMEMBERED:
                try:
                    self._heard = await self._words.read()
                except Unavailable:
                    pass  # what was known before grows old, which is what it then is
                self._heard_at = now
        return self._heard.get(region) or Heard(region=region)

    async def freshness(self, region: str) -> tuple[float | None, tuple[str, ...]]:
        """For how long nothing was heard of the log's origin, and the path that the log came."""
        if region == self.region:
            return 0.0, (region,)
        known = await self.heard(region)
        ago = None if known.heard_at is None else max(0.0, self._clock() - known.heard_at)
        return ago, (*(known.path or (region,)), self.region)

    async def close(self) -> None:
        """Stop listening."""
        for log in self._logs.values():
            await log.close()
        self._logs = {}
