"""Following one peer: its log into its mirror, its status into Valkey, verification now and then, until cancelled."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from catalog.errors import Compacted, Diverged, Unavailable
from catalog.follow import follow
from federation.client import Client
from federation.follow import audit
from federation.follow.breaker import wait_while_held
from federation.follow.follower import Mirroring
from federation.follow.relay import Clients, Routed
from federation.waits import (
    LOOK_EVERY,
    PUBLISH_EVERY,
    ROW_LASTS,
    SAVE_ALONE,
    SAVE_EVERY,
    VALKEY_WITHIN,
    VERIFY_EVERY,
)  # fmt: skip
from federation.wire import LogEntry, Row
from registry import freshness
from registry.breaker import holds
from registry.database import in_thread
from registry.freshness import MirrorStatus
from registry.valkey import reaching

LARGEST_SHARE = 0.02  # of the time may go into verifying mirrors
logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a following needs of its process: `run` runs work on the database in a thread."""

    here: str
    who: str
    valkey: "Redis"
    others: Clients
    run: Callable[..., Coroutine[Any, Any, Any]]
    clock: Callable[[], float] = time.time


class Following:
    """One peer, reached by `client`, which the caller closes."""

    def __init__(self, client: Client, around: Surroundings) -> None:
        self.region = client.region
        self._client, self._around = client, around
        self._delay: float | None = None
        self._resets = self._relays = 0
        self.mirroring = Mirroring(
            client.region, count_there=self._count_there, on_held=self._held, on_diverged=self._diverged,
            clock=around.clock,
        )  # fmt: skip
        self._log = Routed(
            client, here=around.here, others=around.others, since_contact=self.mirroring.since_contact,
            on_beat=self.mirroring.on_beat,
        )  # fmt: skip

    async def run(self) -> None:
        """Follow until cancelled. A defect ends it; the worker begins again."""
        try:
            await self._load()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow())
                group.create_task(self._look())
                group.create_task(self._publish_changes())
                group.create_task(self._verify())
        finally:
            await self._log.close()
            await self.mirroring.close()

    async def _load(self) -> None:
        """Begin with what was known when this was last followed."""
        try:
            known = (await freshness.read(self._around.valkey)).get(self.region)
        except Unavailable:
            known = None
        state = await self._around.run(audit.kept_state, self.region)
        values = {} if known is None else {"last_contact": known.last_contact, "delay": known.delay}
        values.setdefault("last_contact", state.heard_at)
        self._delay = values.get("delay")
        self.mirroring.note(follower=self._around.who, verified_at=state.verified_at, **values)
        await self.mirroring.load()

    async def _follow(self) -> None:
        run, last_contact = self._around.run, self.mirroring.status.last_contact or 0.0
        standing = (await run(holds.mirrors_held, self._around.clock())).get(self.region)
        if standing is not None:
            with suppress(Compacted):  # to be looked at again, which following does
                await self._held(standing.formula)
        elif await run(holds.is_mirror_approved, self.region, since=last_contact):
            self.mirroring.losses.lift()  # approved, and not caught up since
        await follow(self._log, self.mirroring)

    async def _count_there(self) -> int | None:
        entry = await self._entry()
        return entry.instances if entry else None

    async def _entry(self) -> LogEntry | None:
        """The log as the peer that serves it at present describes it."""
        try:
            row = await self._log.through.row()
        except Unavailable:
            return None
        return _entry_of(row, self.region)

    async def _held(self, formula: str) -> None:
        """See `OnHeld`."""
        await wait_while_held(
            self.mirroring.losses, formula, ours=await self._around.run(audit.count, self.region),
            count_there=self._count_there, note=self.mirroring.note, run=self._around.run, clock=self._around.clock,
        )  # fmt: skip

    async def _diverged(self, error: Diverged) -> None:
        ours = await in_thread(partial(audit.add_up, self.region))
        names = await audit.differing(self.region, ours, self._log.through)
        logger.error("a mirror diverged", region=self.region, reason=str(error), services=names)
        self.mirroring.note(equal=False, diverged=names)
        await self._around.run(audit.note_divergence, self.region, names, now=self._around.clock())

    async def _look(self) -> None:
        """Ask the peer what it keeps: for the matrix, for the delay, and for the digest of its head."""
        while True:
            began = time.perf_counter()
            try:
                row = await self._client.row()
            except Unavailable:
                row = None
            if row is not None:
                took = (time.perf_counter() - began) / 2
                self._delay = took if self._delay is None else 0.8 * self._delay + 0.2 * took
                self.mirroring.note(delay=round(self._delay, 4), place=row.place)
                await self._keep_row(row)
            await asyncio.sleep(LOOK_EVERY)

    async def _keep_row(self, row: Row) -> None:
        try:
            with reaching("the rows of the matrix"):
                await self._around.valkey.set(row_key(self.region), msgspec.json.encode(row), ex=ROW_LASTS)
        except Unavailable:
            return  # the matrix waits for Valkey

    async def _publish_changes(self) -> None:
        """Publish the mirror's status to the region's processes, and save what must last."""
        saved_at, published, alone = float("-inf"), None, False
        while True:
            now = asyncio.get_running_loop().time()
            status = self.mirroring.status
            if published != status:
                alone = not await self._publish(status)
                published = None if alone else status
            if now - saved_at >= (SAVE_ALONE if alone else SAVE_EVERY):
                saved_at = now
                await self._save()
            await asyncio.sleep(PUBLISH_EVERY)

    async def _publish(self, status: MirrorStatus) -> bool:
        """Whether Valkey has taken it. If not it is tried again in a moment, and saved in the tables meanwhile."""
        try:
            with reaching(freshness.PART):
                async with asyncio.timeout(VALKEY_WITHIN):
                    await freshness.publish(self._around.valkey, status)
        except Unavailable:
            return False
        return True

    async def _save(self) -> None:
        resets, self._resets = self.mirroring.resets - self._resets, self.mirroring.resets
        relays, self._relays = self._log.relays - self._relays, self._log.relays
        status = self.mirroring.status
        try:
            await self._around.run(
                audit.note_state, self.region, heard_at=status.last_contact, verified_at=status.verified_at,
                resets=resets, relays=relays,
            )  # fmt: skip
        except Unavailable:
            self._resets, self._relays = self._resets - resets, self._relays - relays

    async def _verify(self) -> None:
        """Verify the mirror now and then; one that differs from its digest is made again from a snapshot."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                sums = await in_thread(partial(audit.add_up, self.region))
            except Unavailable:
                await asyncio.sleep(LOOK_EVERY)
                continue
            if sums is not None and audit.is_sound(sums):
                self.mirroring.note(verified_at=self._around.clock(), equal=True, diverged=())
            elif sums is not None:
                await self._diverged(Diverged(f"the mirror of {self.region} no longer adds up to its digest"))
                self.mirroring.begin_again()
            await asyncio.sleep(max(VERIFY_EVERY, (loop.time() - began) / LARGEST_SHARE))


def _entry_of(row: Row, region: str) -> LogEntry | None:
    return next((entry for entry in row.logs if entry.region == region), None)


def row_key(region: str) -> str:
    """The key in Valkey of the row of the matrix that a peer gave last."""
    return f"{freshness.status_key()}:row:{region}"
