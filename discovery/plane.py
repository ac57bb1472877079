"""The discovery plane of one process: everything that it takes to answer, started and stopped as one."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from catalog.errors import NotFound, Unavailable
from catalog.follow import BATCH, Follower
from catalog.log import Log
from catalog.query_types import ALL, NEAREST
from catalog.records.instance import Instance
from catalog.view import State, View
from discovery.access import LOOPBACK, REMEMBERED, Access, Authenticates
from discovery.answers.cache import Answers, Encoded
from discovery.answers.limits import Watchers
from discovery.answers.watches import Topics
from discovery.view.follower import Following
from discovery.view.mirrors import Mirrors
from registry.leases.renewals import Renewals
from registry.valkey import cancel_all

CONFIRMED = 2.0  # seconds that a question which must not be answered from the past waits for the log
CLOSED_WITHIN = 2.0  # seconds
CAUGHT_UP = 2.0  # seconds that a writer waits at most for this process's view to hold what it wrote
MOMENT = 0.05  # seconds: a registration at another server of the region is here by then
ANEW = 5.0  # seconds before a part that has failed is restarted
FAULT = 60.0  # seconds for which `/health` reports the failure of a part

Work = Callable[[], Coroutine[Any, Any, None]]
logger = structlog.get_logger(__name__)


class Plane:
    """One region's view, the answers made from it, and who may ask. Belongs to the event loop that starts it.

    `renewals` makes the way to the lease store once the loop runs. `mirrors` brings other regions into the view.
    Followers put `beside` it before the start get what every log gives the view. `clock` gives wall time. Nothing
    in here reads a database for a lookup, unless the lookup asks for that.
    """

    def __init__(
        self,
        *,
        log: Log,
        tokens: Authenticates,
        renewals: Callable[[], Renewals],
        data_dir: Path,
        mirrors: Mirrors | None = None,
        most_watchers: int = 16_000,
        watchers_per_client: int = 6_000,
        allowed_hosts: Sequence[str] = LOOPBACK,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.region = log.region
        self.clock = clock
        self.view = View(clock=clock)
        self.mirrors = mirrors
        self._log = log
        self.beside: list[Follower] = []
        self.following = Following(self.region, self.view, log, data_dir, clock=clock, beside=self.beside)
        if mirrors is not None:
            mirrors.beside = self.beside
        self.answers = Answers(self.view, clock=clock)
        self.topics = Topics(self.view, self.answers, clock=clock)
        self.watchers = Watchers(most=most_watchers, per_client=watchers_per_client)
        self.access = Access(tokens, allowed_hosts)
        self.renewals: Renewals
        self.renewed = 0
        self._make_renewals = renewals
        self._closing: list[Work] = []
        self._also: list[Work] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: dict[str, tuple[float, str]] = {}  # when a part failed last, and how

    def also(self, work: Work) -> None:
        """Have this run in the background too, from `start` to `stop`."""
        self._also.append(work)

    def at_end(self, close: Work) -> None:
        """Have this done by `stop`, after everything else."""
        self._closing.append(close)

    async def start(self) -> None:
        """Begin to follow the log. Returns at once; `following.ready` tells when there is something to answer from."""
        self.renewals = self._make_renewals()
        work: list[Work] = [self.following.run, self._look_around, self.renewals.listen, *self._also]
        if self.mirrors is not None:
            work.append(partial(self.mirrors.run, self.view))
        self._tasks = [asyncio.create_task(self._keep_up(part)) for part in work]

    async def stop(self) -> None:
        """Stop following; what the view holds is saved."""
        await cancel_all(self._tasks)
        self._tasks = []
        for close in self._closing:
            # A database that hangs must not keep the process from ending.
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSED_WITHIN):
                    await close()

    async def caught_up(self, index: int) -> None:
        """Return once this process's lookups show the log up to `index`, or after a while in any case."""
        lost_at = self.following.lost_at
        if lost_at is not None and self.clock() - lost_at > CAUGHT_UP:
            return  # the log could not be followed for as long as anybody would wait: not every writer has to find out
        await self.following.reached(index, timeout=CAUGHT_UP)

    async def confirmed(self) -> None:
        """Return once this process's lookups show all that the region's log holds now.

        Raises Unavailable when the log cannot be read, or not in time.
        """
        try:
            async with asyncio.timeout(CONFIRMED):
                while (position := self.view.position(self.region)) is not None:
                    if not self.following.is_sound:
                        raise Unavailable(f"the view of {self.region} differs from its log and is being replaced")
                    changes = await self._log.read(position, limit=BATCH)
                    if not changes:
                        return
                    await self.following.reached(changes[-1].index, timeout=CONFIRMED)
        except TimeoutError:
            raise Unavailable(f"the log of {self.region} could not be read within {CONFIRMED:g} s") from None
        raise Unavailable(f"nothing is known of {self.region} yet")

    def lag(self, region: str) -> float | None:
        """For how many seconds the view may not have held all that a region has; None when there never was contact."""
        if region != self.region:
            return self.mirrors.lag(region) if self.mirrors is not None else None
        if self.view.region(region).freshness.state is State.LIVE:
            return 0.0
        since = self.view.region(region).freshness.since
        return None if since is None else max(0.0, self.clock() - since)

    def find(self, namespace: str, service: str, id: str) -> Instance | None:
        """The instance of this region, as the view has it."""
        instances = self.view.region(self.region).services.get((namespace, service))
        return instances.get(id) if instances else None

    async def instance(self, namespace: str, service: str, id: str) -> Instance:
        """The same. Raises NotFound, but not before the view has had a moment to catch up with another server."""
        found = self.find(namespace, service, id)
        if found is None:
            await self.following.reached(self.head + 1, timeout=MOMENT)
            found = self.find(namespace, service, id)
        if found is None:
            raise NotFound(f"{service}/{id} is not registered here: register it again")
        return found

    def require_regions(self, wanted: tuple[str, ...]) -> None:
        """Raises NotFound, naming the regions that are known, unless at least one of the wanted is.

        The others of a list are answered for as what they are: unknown.
        """
        if wanted in ((), (ALL,), (NEAREST,)):
            return
        if not any(region == self.region or region in self.view.regions for region in wanted):
            known = ", ".join(sorted({self.region, *self.view.regions}))
            raise NotFound(f"no region {', '.join(wanted)[:80]!r} is known here: known are {known}")

    @property
    def head(self) -> int:
        """The index of the region's view."""
        return self.view.region(self.region).index

    def head_of(self, encoded: Encoded) -> int:
        """The furthest index that the answer could have: that of the view of its region, or the sum over several."""
        regions = [part.region for part in encoded.parts] or [encoded.region]
        return sum(self.view.region(region).index for region in regions)

    def faults(self) -> Iterator[str]:
        """The parts that have failed lately, each with the kind of what was wrong."""
        for part, (at, reason) in self._failed.items():
            if self.clock() - at < FAULT:
                yield f"{part} failed and was restarted: {reason}"

    async def _keep_up(self, work: Work) -> None:
        """Run a part until it ends by itself; restart it when a defect has ended it.

        Restarting it beats ending the process: a defect that comes back at once, or one in what lookups do without,
        would take lookups away as often as the supervisor gives them back. The log has the traceback, `/health` the
        fault, and what the part kept up to date says itself that it grows old.
        """
        part = getattr(work.func if isinstance(work, partial) else work, "__qualname__", repr(work))
        while True:
            try:
                await work()
            except Exception as error:
                self._failed[part] = (self.clock(), type(error).__name__)
                logger.exception("a part of the plane failed and is restarted", part=part)
            else:
                return
            await asyncio.sleep(ANEW)

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(REMEMBERED)
            self.access.refresh()
