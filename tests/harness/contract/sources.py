"""The logs that the contract is held for, each with a way to make history in it."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import pytest
from django.db import connection

from catalog.change import Head, Position, Record
from catalog.log import Log, MemoryLog
from catalog.records.check import Verdict
from catalog.records.instance import Instance, instance_key, with_verdict
from catalog.records.override import Override, Scope, validated
from catalog.records.registration import Registration, from_mapping, succeed, to_instance
from federation.follow.remote_log import RemoteLog
from registry import actions
from registry.commit.tail import Tail
from registry.commit.writer import close_writers, local_region
from registry.log.compaction import compact
from registry.log.local import DatabaseLog
from registry.models import ChangeRow, InstanceRow, OverrideRow, Region, Tombstone
from tests.harness.contract.histories import ClearOverride, Compact, Deregister, Register, Report, SetOverride, Step
from tests.harness.federation.serving import FederationServer

T = TypeVar("T")
WHY = "the history says so"


class Source(Protocol):
    """A log with a past that can be made."""

    log: Log

    async def open(self) -> None:
        """Begin with an empty log."""
        ...

    async def make(self, step: Step) -> None:
        """Let something happen."""
        ...

    async def head(self) -> Head:
        """The end of the log as its owner has it."""
        ...

    async def records(self) -> dict[str, Record]:
        """The present state as its owner has it."""
        ...

    async def close(self) -> None:
        """Give back what `open` took."""
        ...


def registration(step: Register) -> Registration:
    """What an instance says when it registers."""
    checks = [{"type": "ttl", "ttl": 5, "name": "beat"}] if step.checked else []
    return from_mapping({"host": "10.0.0.1", "port": step.port, "tags": ["blue"], "checks": checks})


def scope_of(step: SetOverride) -> tuple[str, str]:
    """The service and the tag that the override speaks about."""
    return ("", "blue") if step.scope is Scope.TAG else ("web", "")


class MemorySource:
    """`MemoryLog`, and the rules of the catalog applied to it by hand."""

    def __init__(self) -> None:
        self.memory = MemoryLog("us-east")
        self.log: Log = self.memory
        self._state: dict[str, Record] = {}
        self._clock = 1.0

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def make(self, step: Step) -> None:
        """See `Source.make`."""
        self._clock += 1
        match step:
            case Register():
                self._register(step)
            case Deregister():
                self._remove(instance_key("default", step.service, step.id))
            case Report():
                self._report(step)
            case SetOverride():
                self._override(step)
            case ClearOverride():
                standing = sorted(key for key in self._state if key.startswith("override/"))
                if standing:
                    self._remove(standing[step.which % len(standing)])
            case Compact():
                self.memory.compact(round(self.memory.head.position.index * step.share))
            case _:
                raise AssertionError(step)

    async def head(self) -> Head:
        """See `Source.head`."""
        return self.memory.head

    async def records(self) -> dict[str, Record]:
        """See `Source.records`."""
        return dict(self._state)

    def _register(self, step: Register) -> None:
        record = to_instance(registration(step), region="us-east", service=step.service, id=step.id, now=self._clock)
        previous = self._state.get(record.key)
        if isinstance(previous, Instance):
            record = succeed(previous, record)
        if record != previous:
            self._put(record)

    def _report(self, step: Report) -> None:
        record = self._state.get(instance_key("default", step.service, step.id))
        if isinstance(record, Instance) and record.verdicts and record.verdicts[0].status is not step.status:
            self._put(with_verdict(record, Verdict("beat", step.status, "", self._clock), self._clock))

    def _override(self, step: SetOverride) -> None:
        service, tag = scope_of(step)
        override = Override(
            id=f"o{self._clock:g}",
            region="us-east",
            scope=step.scope,
            service=service,
            tag=tag,
            weight=step.weight,
            reason="test",
            author="ann",
            created_at=self._clock,
        )
        self._put(validated(override))

    def _put(self, record: Record) -> None:
        self._state[record.key] = record
        self.memory.append(record.key, record, at=self._clock)

    def _remove(self, key: str) -> None:
        if self._state.pop(key, None) is not None:
            self.memory.append(key, None, at=self._clock)


class DatabaseSource:
    """The tables, written by the verbs. `recent` is the tail that the log reads from."""

    def __init__(self, recent: Tail | None = None) -> None:
        self._recent = recent
        self.region = local_region()
        self.log: Log = DatabaseLog(self.region, recent=recent)

    async def open(self) -> None:
        """See `Source.open`."""
        await in_thread(_wipe)
        async for _ in (await self.log.snapshot()).chunks:  # from now on the region has a log, if an empty one
            raise AssertionError("a wiped region holds nothing")

    async def close(self) -> None:
        """See `Source.close`."""
        assert isinstance(self.log, DatabaseLog)
        await self.log.close()
        await asyncio.to_thread(close_writers)

    async def make(self, step: Step) -> None:
        """See `Source.make`."""
        match step:
            case Register():
                await actions.register.aio(
                    registration(step), namespace="default", service=step.service, id=step.id, actor="test", cause=WHY
                )
            case Deregister() if await in_thread(lambda: _has(step.service, step.id)):
                await actions.deregister.aio(
                    namespace="default", service=step.service, id=step.id, actor="test", cause=WHY
                )
            case Report():
                report = actions.Report(
                    namespace="default", service=step.service, id=step.id, check="beat", status=step.status
                )
                await actions.report_checks.aio([report], actor="test", cause=WHY)
            case SetOverride():
                service, tag = scope_of(step)
                request = actions.OverrideRequest(
                    scope=step.scope, service=service, tag=tag, weight=step.weight, reason="test"
                )
                await actions.set_override.aio(request, actor="test", cause=WHY)
            case ClearOverride():
                standing = await in_thread(_standing)
                if standing:
                    await actions.clear_override.aio(standing[step.which % len(standing)], actor="test", cause=WHY)
            case Compact():
                await in_thread(lambda: _compact(self.region, step.share))

    async def head(self) -> Head:
        """See `Source.head`."""
        row = await in_thread(lambda: Region.objects.get(name=self.region))
        return Head(Position(row.log_id, row.index), row.digest)

    async def records(self) -> dict[str, Record]:
        """See `Source.records`."""
        return await in_thread(_tables)


class ElsewhereSource(DatabaseSource):
    """The same tables read by a process that has no part in writing them."""

    def __init__(self) -> None:
        super().__init__(recent=Tail())


class RemoteSource(DatabaseSource):
    """The same log as another region reads it, over HTTP, from a server that has no part in writing it."""

    def __init__(self) -> None:
        super().__init__(recent=Tail())
        self._local = self.log

    async def open(self) -> None:
        """See `Source.open`."""
        await super().open()
        self._served = await FederationServer.start()
        self.log = self._remote = RemoteLog(self.region, self._served.client())

    async def close(self) -> None:
        """See `Source.close`."""
        await self._remote.close()
        await self._served.stop()
        self.log = self._local
        await super().close()


async def in_thread(work: Callable[[], T]) -> T:
    """Run work on the database in a thread, and leave no connection behind."""

    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def _wipe() -> None:
    with connection.cursor() as cursor:
        for model in (ChangeRow, InstanceRow, OverrideRow, Tombstone, Region):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608 - the tables refuse any other way


def _standing() -> list[str]:
    return list(OverrideRow.objects.order_by("index").values_list("id", flat=True))


def _has(service: str, id: str) -> bool:
    return InstanceRow.objects.filter(service=service, instance_id=id).exists()


def _compact(region: str, share: float) -> None:
    indexes = ChangeRow.objects.filter(region=region).order_by("index").values_list("at", flat=True)
    times = list(indexes)
    if times:
        compact(region, keep=0, now=[*times, time.time() + 1][round(len(times) * share)])


def _tables() -> dict[str, Record]:
    rows: list[Record] = [row.instance for row in InstanceRow.objects.all()]
    rows += [row.override for row in OverrideRow.objects.all()]
    return {record.key: record for record in rows}


SOURCES = [
    MemorySource,
    pytest.param(DatabaseSource, marks=pytest.mark.django_db(transaction=True)),
    pytest.param(ElsewhereSource, marks=pytest.mark.django_db(transaction=True)),
    pytest.param(RemoteSource, marks=pytest.mark.django_db(transaction=True)),
]
