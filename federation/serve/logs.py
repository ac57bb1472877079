"""The logs kept here, as they are served: one reader for each region, and how fresh each copy is."""

import asyncio
from collections.abc import Callable

from django.conf import settings

from catalog.errors import NotFound, Unavailable
from federation.serve.freshness import StatusReader
from registry.database import in_thread
from registry.freshness import MirrorStatus
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
        self._reader = StatusReader()
        self._statuses: dict[str, MirrorStatus] = {}
        self._read_at = float("-inf")
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

    async def status(self, region: str) -> MirrorStatus:
        """The status of a mirrored region; an empty one when nothing is known."""
        if region == self.region:
            return MirrorStatus(region=region, last_contact=self._clock(), path=(region,))
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._read_at > REMEMBERED:
                try:
                    self._statuses = await self._reader.read()
                except Unavailable:
                    pass  # what was known before grows old, as it should
                self._read_at = now
        return self._statuses.get(region) or MirrorStatus(region=region)

    async def freshness(self, region: str) -> tuple[float | None, tuple[str, ...]]:
        """Seconds since the last contact with the log's origin, None without one, and the path that the log came."""
        if region == self.region:
            return 0.0, (region,)
        known = await self.status(region)
        ago = None if known.last_contact is None else max(0.0, self._clock() - known.last_contact)
        return ago, (*(known.path or (region,)), self.region)

    async def close(self) -> None:
        """Stop listening."""
        for log in self._logs.values():
            await log.close()
        self._logs = {}
