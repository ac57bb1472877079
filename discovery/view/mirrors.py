"""The mirrors of other regions in this process's view: followed as they appear, and as fresh as their links are.

A mirror is followed in this region's own tables, like the region's own log. Whether it is *fresh* is another matter:
that depends on the last contact with its origin, which the mirror's follower publishes (`registry.freshness`). The
worse of the two counts. When neither database nor Valkey can be asked, what is known stays, and grows old by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import structlog

from catalog.errors import Unavailable
from catalog.follow import Follower
from catalog.log import Log
from catalog.view import Freshness, State, View
from discovery.view import snapshot_file
from discovery.view.follower import Following
from registry.freshness import MirrorStatus
from registry.valkey import cancel_all

CLOSED_WITHIN = 2.0  # seconds
LOOK_EVERY = 0.5  # seconds; the regions' names are asked for as often, which is one small query

logger = structlog.get_logger(__name__)


class ClosingLog(Log, Protocol):
    """What is needed of a mirror's log: it can be given back."""

    async def close(self) -> None:
        """Give back what following took."""


class Mirrors:
    """Follows every region in the tables but this one. `regions` and `statuses` may raise Unavailable.

    `log` makes the log of a region; a mirror that disappears from the tables is forgotten. `clock` gives wall time.
    """

    def __init__(
        self,
        home: str,
        *,
        regions: Callable[[], Awaitable[Collection[str]]],
        statuses: Callable[[], Awaitable[Mapping[str, MirrorStatus]]],
        log: Callable[[str], ClosingLog],
        data_dir: Path,
        clock: Callable[[], float],
        save: bool = True,
    ) -> None:
        self._home, self._data_dir, self._clock, self._save = home, data_dir, clock, save
        self._regions, self._read_statuses, self._log = regions, statuses, log
        self._followings: dict[str, Following] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._statuses: dict[str, MirrorStatus] = {}
        self._faults: dict[str, str] = {}  # what was said to have ended the following of a region
        self.beside: Collection[Follower] = ()  # told what each mirror's log tells the view
        self._view: View

    async def run(self, view: View) -> None:
        """Keep the view in step until cancelled. What was on disk is there at once."""
        self._view = view
        try:
            for region in self._on_disk():
                self._follow(region)
            while True:
                await self.look()
                await asyncio.sleep(LOOK_EVERY)
        except Exception:
            self._let_go()
            raise
        finally:
            await self._stop(list(self._tasks))

    async def look(self) -> None:
        """Look once: which regions there are, and how fresh."""
        try:
            there = frozenset(await self._regions()) - {self._home}
        except Unavailable:
            there = frozenset(self._followings)
        await self._stop([region for region, task in self._tasks.items() if task.done()])
        for region in sorted(there - self._followings.keys()):
            self._follow(region)
        gone = [region for region in self._followings if region not in there]
        await self._stop(gone)
        for region in gone:
            self._statuses.pop(region, None)
            self._faults.pop(region, None)
            self._view.forget(region)
        try:
            self._statuses.update(
                {name: status for name, status in (await self._read_statuses()).items() if name in there}
            )
        except Unavailable as error:
            logger.debug("the status of the mirrors cannot be read", reason=str(error))
        self._freshen()

    def lag(self, region: str) -> float | None:
        """For how many seconds the view may not have held all that the region has; None without any contact."""
        status = self._statuses.get(region)
        since = status.last_contact if status is not None else self._view.region(region).freshness.since
        return None if since is None else max(0.0, self._clock() - since)

    def reason(self, region: str) -> str:
        """Why the region is not followed just now, as its follower says; empty when it is."""
        status = self._statuses.get(region)
        return status.reason if status is not None else ""

    def status(self, region: str) -> MirrorStatus | None:
        """What its follower published last; None when nothing is known."""
        return self._statuses.get(region)

    def _freshen(self) -> None:
        now = self._clock()
        for region, following in self._followings.items():
            if following.in_step:
                self._faults.pop(region, None)
            status = self._statuses.get(region)
            if status is None:
                self._without_status(region)
                continue
            freshness = status.freshness(now)
            if freshness.state is State.LIVE and not following.in_step:
                freshness = Freshness(State.STALE, status.last_contact)
            following.heard_at = status.last_contact
            if freshness.state is State.UNKNOWN and self._view.position(region) is not None:
                freshness = self._view.region(region).freshness
            self._view.freshen(region, freshness)
        self._view.measured({name: status.delay for name, status in self._statuses.items() if status.delay is not None})

    def _let_go(self) -> None:
        """The followers ended: what is known of other regions is as of the last contact."""
        for region in self._followings:
            last_contact = status.last_contact if (status := self._statuses.get(region)) is not None else None
            if self._view.region(region).freshness.state is State.LIVE:
                self._view.mark_stale(region, self._clock() if last_contact is None else last_contact)

    def _without_status(self, region: str) -> None:
        """No status is known of a region: what is held of it may be as old as this process."""
        known = self._view.region(region)
        if known.position is not None and known.freshness.state is not State.STALE:
            self._view.mark_stale(region, self._clock())

    def _follow(self, region: str) -> None:
        log = self._log(region)
        following = Following(
            region, self._view, log, self._data_dir,
            clock=self._clock, save=self._save, is_mirror=True, beside=self.beside,
        )  # fmt: skip
        following.stepped = self._freshen
        self._followings[region] = following
        self._tasks[region] = asyncio.create_task(_run(following, log), name=f"mirror of {region}")

    async def _stop(self, regions: Collection[str]) -> None:
        tasks = [self._tasks.pop(region) for region in regions]
        for region in regions:
            del self._followings[region]
        await cancel_all(tasks)
        for region, task in zip(regions, tasks, strict=True):
            error = None if task.cancelled() else task.exception()
            if error is not None and self._faults.get(region) != repr(error):
                # One mirror's trouble must not end the others. It is followed again at the next look.
                self._faults[region] = repr(error)
                logger.error("a mirror could not be followed", region=region, exc_info=error)

    def _on_disk(self) -> list[str]:
        return [name for name in snapshot_file.regions_in(self._data_dir) if name != self._home]


async def _run(following: Following, log: ClosingLog) -> None:
    try:
        await following.run()
    finally:
        # A database that hangs must keep neither the process from ending nor a mirror from being forgotten.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN):
                await log.close()
