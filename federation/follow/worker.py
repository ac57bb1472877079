"""The worker: the followers of peers, on the event loop of a Celery pool process.

Every pool process of every worker of the region has one, started by the first task that Celery gives it, and each
tries to take the lock of every peer. The holder follows the peer and renews the lock every second; when a worker dies
its locks expire and another one takes over where the mirror stands. The locks only save work: two followers of one peer
queue for the mirror's row, and what the second one brings is skipped. So while Valkey is away followers go on.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from msgspec.structs import replace
from redis.asyncio import Redis

from catalog.errors import Unavailable
from federation.client import Client
from federation.follow.link import Following, Surroundings
from federation.models import Peer
from federation.peers.sealing import Unopened
from federation.peers.trust import Known, way_to
from federation.tables.peer import State
from federation.waits import LOCK_LASTS, LOCK_RENEWED
from registry import freshness
from registry.database import DatabaseThread
from registry.freshness import MirrorStatus
from registry.leader_lock import LeaderLock
from registry.process_loop import ProcessLoop, once_per_process, process_name
from registry.valkey import aconnection, cancel_all, key

REVOKED = "revoked"
logger = structlog.get_logger(__name__)


class Worker:
    """The followers of one process. Belongs to one event loop; `run` ends when it is cancelled."""

    def __init__(self, who: str | None = None) -> None:
        self.here: str = settings.MERIDIAN.region
        self.who = who or process_name()
        self.following: dict[str, asyncio.Task[None]] = {}
        # Two, because a write that waits for the database must not hold up the question who the peers are.
        self._looking, self._working = DatabaseThread("peers"), DatabaseThread("federation")
        self._clients: dict[Known, Client] = {}
        self._peers: dict[str, Known] = {}
        self._marked: dict[str, str] = {}  # why a peer is not followed, where its status says so
        self._valkey: Redis = aconnection()

    async def run(self) -> None:
        """Follow every peer that no other worker follows, until cancelled."""
        try:
            while True:
                await self.tick()
                await asyncio.sleep(LOCK_RENEWED)
        finally:
            await self._stop(list(self.following))
            for client in self._clients.values():
                await client.close()
            for thread in (self._looking, self._working):
                await thread.close()
            await self._valkey.aclose()

    async def tick(self) -> None:
        """Look at the peers once: begin to follow, go on, or end."""
        try:
            peers = await self._looking.run(lambda: list(Peer.objects.all()))
        except Unavailable:
            return  # followers go on; no new one can begin
        active, reasons = _sorted(peers)
        gone = [region for region in self.following if active.get(region) != self._peers.get(region)]
        await self._stop(gone)
        self._peers = active
        await self._forget_clients()
        for region in active:
            await self._follow_if_ours(region)
        self._marked = {region: why for region, why in self._marked.items() if reasons.get(region) == why}
        for region in reasons.keys() - self._marked.keys():
            await self._mark(region, reasons[region])

    async def _follow_if_ours(self, region: str) -> None:
        task = self.following.get(region)
        if task is not None and task.done():
            self._report_end(region, task)
            task = None
        try:
            ours = await self._lock(region).take(self.who)
        except Unavailable:
            return  # no other worker can take over while Valkey is away, so this one goes on
        if ours and task is None:
            following = Following(self._client(self._peers[region]), self._surroundings())
            self.following[region] = asyncio.create_task(following.run(), name=f"following {region}")
        elif task is not None and not ours:
            logger.warning("another worker follows this peer now", region=region)
            await self._stop([region])

    def _lock(self, region: str) -> LeaderLock:
        name, part = key(self.here, "follower", region), f"the lock of the follower of {region}"
        return LeaderLock(self._valkey, name, lasts=LOCK_LASTS, part=part)

    async def _stop(self, regions: list[str]) -> None:
        tasks = {region: self.following.pop(region) for region in regions}
        await cancel_all(tasks.values())
        for region in tasks:
            with suppress(Unavailable):  # it expires
                await self._lock(region).release(self.who)

    def _report_end(self, region: str, task: "asyncio.Task[None]") -> None:
        del self.following[region]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("following a peer failed; beginning again", region=region, exc_info=error)

    async def _mark(self, region: str, reason: str) -> None:
        """Have the peer's status say why it is not followed."""
        try:
            known = (await freshness.read(self._valkey)).get(region) or MirrorStatus(region=region)
            marked = replace(known, revoked=reason == REVOKED, reason=reason, follower="")
            await freshness.publish(self._valkey, marked)
            self._marked[region] = reason
            logger.warning("a peer is not followed", region=region, reason=reason)
        except Unavailable:
            pass  # the next look

    def _client(self, known: Known) -> Client:
        if known not in self._clients:
            self._clients[known] = Client(*known)
        return self._clients[known]

    async def _forget_clients(self) -> None:
        for known in set(self._clients) - set(self._peers.values()):
            await self._clients.pop(known).close()

    async def _others(self) -> list[Client]:
        return [self._client(known) for known in self._peers.values()]

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            here=self.here, who=self.who, valkey=self._valkey, others=self._others, run=self._on_database
        )

    async def _on_database(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Run work on the database for the followers. Raises Unavailable."""
        return await self._working.run(partial(work, *arguments, **named))


def _sorted(peers: Sequence[Peer]) -> tuple[dict[str, Known], dict[str, str]]:
    """The peers to follow, and of the others why they are not."""
    active, reasons = dict[str, Known](), dict[str, str]()
    for peer in peers:
        if peer.state == State.REVOKED:
            reasons[peer.region] = REVOKED
        elif peer.state == State.ACTIVE:
            try:
                active[peer.region] = way_to(peer)
            except Unopened as error:
                reasons[peer.region] = str(error)
    return active, reasons


@once_per_process
def _running() -> ProcessLoop:
    return ProcessLoop("followers", lambda: Worker().run())


def keep_following() -> bool:
    """See to it that this process follows the peers that no other process follows. Returns at once."""
    return _running().is_running
