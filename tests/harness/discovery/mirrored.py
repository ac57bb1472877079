"""A discovery plane whose view also follows two mirrored regions; the test writes their logs and says what is heard."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from catalog.change import Change, Position, Record
from catalog.errors import Unavailable
from catalog.log import MemoryLog, Snapshot
from catalog.records.instance import settled
from catalog.records.override import Override, Scope
from catalog.records.policy import Policy
from catalog.records.registration import from_mapping, to_instance
from catalog.records.status import Status
from catalog.view import State
from config.dialects import DIALECTS
from discovery.plane import Plane
from discovery.view.mirrors import Mirrors
from discovery.web import server
from registry import forwarding
from registry.forwarding import Call, Reply
from registry.freshness import MirrorStatus
from tests.harness.discovery.world import BEGAN, REGION, Exchange, Silent, World, _not_ours

WEST, SOUTH = "eu-west", "ap-south"


class MirrorLog(MemoryLog):
    """A mirror's log, which may be closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


class AwayLog(MirrorLog):
    """The log of a region whose tables cannot be reached."""

    async def read(self, after: Position, *, limit: int) -> Sequence[Change]:
        raise Unavailable("the database is away")

    async def snapshot(self) -> Snapshot:
        raise Unavailable("the database is away")


class MirroringWorld(World):
    """`us-east` with mirrors of the regions in `logs`; all are heard unless the test says otherwise."""

    def __init__(self, data: Path, *, is_open: bool = True, is_away: bool = False) -> None:
        super().__init__(data, is_open=is_open)
        kind = AwayLog if is_away else MirrorLog
        self.logs = {WEST: kind(WEST), SOUTH: kind(SOUTH)}
        self.log = kind(REGION)
        self.is_away = self.valkey_is_away = is_away
        self.statuses = {
            region: MirrorStatus(region=region, last_contact=BEGAN, delay=delay) for region, delay in DELAYS.items()
        }
        self.calls: list[Call] = []
        self.mirrors = Mirrors(
            REGION,
            regions=self._regions,
            statuses=self._statuses,
            log=lambda region: self.logs[region],
            data_dir=data,
            clock=lambda: self.now,
        )
        self.plane = Plane(
            log=self.log, tokens=self.tokens, renewals=Silent, data_dir=data, mirrors=self.mirrors,
            clock=lambda: self.now,
        )  # fmt: skip
        self.application = server.Application(self.plane, DIALECTS, beside={}, otherwise=_not_ours)

    async def _regions(self) -> set[str]:
        if self.is_away:
            raise Unavailable("the database is away")
        return {REGION, *self.logs}

    async def _statuses(self) -> Mapping[str, MirrorStatus]:
        if self.valkey_is_away:
            raise Unavailable("Valkey is away")
        return self.statuses

    async def far(
        self, region: str, id: str, *, service: str = "web", status: Status = Status.PASSING, **given: Any
    ) -> None:
        """Write an instance of another region; returns once the view has it."""
        registration = from_mapping({"host": "10.9.0.1", "port": 8080, **given})
        instance = to_instance(registration, region=region, service=service, id=id, now=self.now)
        if status is Status.CRITICAL:
            instance = settled(msgspec.structs.replace(instance, lease_expired=True), self.now)
        await self.write(region, instance)

    async def write(self, region: str, record: Record, *, removed: bool = False) -> None:
        """Write a record into a region's log; returns once the view has it."""
        log = self.log if region == REGION else self.logs[region]
        change = log.append(record.key, None if removed else record, at=self.now)
        await self.reached(region, change.index)

    async def reached(self, region: str, index: int) -> None:
        """Return once the view is that far."""
        async with asyncio.timeout(5):
            while self.plane.view.region(region).index < index:
                await asyncio.sleep(0.001)

    async def policy(self, **fields: Any) -> Policy:
        """Set a policy for `web`."""
        policy = Policy(**{"region": REGION, "service": "web", "order": (WEST, SOUTH), **fields})
        await self.write(REGION, policy)
        return policy

    async def opinion(self, **fields: Any) -> Override:
        """What us-east's operator thinks of eu-west."""
        given = {"scope": Scope.REGION, "status": Status.CRITICAL, "target": WEST, "reason": "loss", "author": "alice"}
        override = Override(id="o-1", region=REGION, created_at=self.now, **{**given, **fields})
        await self.write(REGION, override)
        return override

    async def unheard(self, region: str, *, since: float, reason: str = "") -> None:
        """Let the region have been silent since then."""
        self.statuses[region] = msgspec.structs.replace(self.statuses[region], last_contact=since, reason=reason)
        await self.mirrors.look()

    async def answering(self, call: Call) -> Reply:
        """Another region, as far as this one can tell."""
        self.calls.append(call)
        headers = ((b"content-type", b"application/json"), (b"meridian-region", call.region.encode()))
        return Reply(200, headers, b'"from %s"' % call.region.encode())

    def passed_on(self, method: str, target: str, *, body: bytes = b"") -> Exchange:
        """A request that eu-west has passed on to this region."""
        scope = {
            "type": "http", "method": method, "path": target.partition("?")[0], "raw_path": target.encode(),
            "query_string": target.partition("?")[2].encode(), "client": ("10.9.9.9", 1), "headers": [],
            forwarding.FORWARDED: forwarding.Origin(WEST, "token:ci@10.0.0.7/http"),
        }  # fmt: skip
        return Exchange(self.application, scope, body)


DELAYS = {WEST: 0.080, SOUTH: 0.020}


@contextlib.asynccontextmanager
async def federated(data: Path, **given: Any) -> AsyncIterator[MirroringWorld]:
    """A federation that is running."""
    world = MirroringWorld(data, **given)
    forwarding.use(world.answering)
    await world.plane.start()
    try:
        async with asyncio.timeout(5):
            await world.plane.following.ready.wait()
            view = world.plane.view
            while not world.is_away and any(view.region(region).freshness.state is not State.LIVE for region in DELAYS):
                await asyncio.sleep(0.001)
        yield world
    finally:
        forwarding.use(None)
        await world.plane.stop()
