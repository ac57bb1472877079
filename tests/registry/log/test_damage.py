"""Damage in the log or the tables: it is named, what it holds up is not called live, and once mended all is well."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from structlog.testing import capture_logs
from structlog.typing import EventDict

from catalog import follow
from catalog.change import Position
from catalog.errors import Compacted, Unavailable
from catalog.log import MemoryLog, Snapshot
from catalog.records.registration import from_mapping, to_instance
from catalog.view import State, View
from discovery.plane import Plane
from discovery.view import snapshot_file
from discovery.view.follower import Following
from discovery.view.mirrors import Mirrors
from discovery.view.probe_heartbeat import Pulse
from discovery.web.operations.health import Health
from registry.access import TokenTable
from registry.commit.tail import Tail
from registry.commit.writer import local_region
from registry.freshness import MirrorStatus
from registry.log.local import DatabaseLog
from registry.log.mirror import Mirror
from registry.models import ChangeRow, InstanceRow, Region
from tests.harness.contract.sources import in_thread
from tests.harness.discovery.world import Silent
from tests.harness.registry.tampering import remove, tamper
from tests.harness.waiting import aeventually
from tests.registry.conftest import Register

WEST = "eu-west"
UNREADABLE = {
    "cut short": lambda text: text[: len(text) // 2],
    "a kind of a newer version": lambda text: text.replace('"kind":"instance"', '"kind":"constellation"'),
    "a status of a newer version": lambda text: text.replace("{", '{"status":"draining",', 1),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Followers that try again at once."""
    monkeypatch.setattr(follow, "PAUSES", (0.01,))


@pytest.fixture
def told() -> Iterator[list[EventDict]]:
    """What was logged."""
    with capture_logs() as logs:
        yield logs


class Elsewhere(DatabaseLog):
    """The log as a process reads it that has no part in writing it; counts the snapshots that were taken."""

    def __init__(self, region: str = "") -> None:
        super().__init__(region or local_region(), recent=Tail())
        self.snapshots = 0

    async def snapshot(self) -> Snapshot:
        self.snapshots += 1
        return await super().snapshot()


class Process:
    """A view that follows the region's log from another process, between `async with` and its end."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.view = View(clock=time.time)
        self.region = self.view.region

    @contextlib.asynccontextmanager
    async def runs(self) -> AsyncIterator[None]:
        self.log = Elsewhere()
        self.following = Following(local_region(), self.view, self.log, self.place, clock=time.time)
        task = asyncio.create_task(self.following.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.log.close()

    async def is_live_with(self, *ids: str) -> None:
        await aeventually(lambda: self.state is State.LIVE and self.ids == set(ids), within=20)

    async def is_stale(self) -> None:
        await aeventually(lambda: self.state is State.STALE, within=20)

    async def has_tried(self, times: int = 3) -> None:
        """So often more."""
        before = self.log.snapshots
        await aeventually(lambda: self.log.snapshots >= before + times, within=20)

    @property
    def state(self) -> State:
        return self.view.region(local_region()).freshness.state

    @property
    def ids(self) -> set[str]:
        return set(self.view.region(local_region()).services.get(("default", "web"), {}))


def wrongly(logs: list[EventDict]) -> list[EventDict]:
    """What was said of trouble."""
    return [entry for entry in logs if entry["log_level"] in {"warning", "error"} and "log" in entry["event"]]


def break_change(index: int, damage: Callable[[str], str] = UNREADABLE["cut short"]) -> Callable[[], None]:
    """Damage a change in the log; returns how to mend it."""
    row = ChangeRow.objects.get(index=index)
    assert damage(str(row.record)) != row.record
    tamper(row, record=damage(str(row.record)))
    return lambda: tamper(row, record=row.record)


def break_record(id: str, damage: Callable[[str], str] = UNREADABLE["cut short"]) -> Callable[[], None]:
    """Damage a record in the tables; returns how to mend it."""
    row = InstanceRow.objects.get(instance_id=id)
    assert damage(row.record) != row.record
    tamper(row, record=damage(row.record))
    return lambda: tamper(row, record=row.record)


async def behind_the_damage(
    process: Process, register: Register, *damage: Callable[[], Any]
) -> list[Callable[[], None]]:
    """A process that knows `one`, and has still to read of `two` when the damage is there; returns how to mend it."""
    await in_thread(lambda: register("one"))
    async with process.runs():
        await process.is_live_with("one")
    await in_thread(lambda: register("two"))
    return [await in_thread(harm) for harm in damage]


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path)


async def test_the_changes_before_the_damage_are_read_and_then_it_is_named(register: Register) -> None:
    for id in ("one", "two", "three"):
        await in_thread(partial(register, id))
    await in_thread(lambda: break_change(2))
    log = Elsewhere()
    try:
        log_id = (await log.snapshot()).head.position.log_id
        assert [change.index for change in await log.read(Position(log_id, 0), limit=10)] == [1]
        with pytest.raises(Compacted, match=f"index 2 of {local_region()}, instance/default/web/two, cannot be read"):
            await log.read(Position(log_id, 1), limit=10)
    finally:
        await log.close()


@pytest.mark.parametrize("index", [2, 3])
async def test_a_change_that_is_missing_is_named_at_the_end_of_the_log_too(register: Register, index: int) -> None:
    for id in ("one", "two", "three"):
        await in_thread(partial(register, id))
    await in_thread(lambda: remove(ChangeRow.objects.get(index=index)))
    log = Elsewhere()
    try:
        log_id = (await log.snapshot()).head.position.log_id
        with pytest.raises(Compacted, match=f"index {index} is missing from the log of {local_region()}"):
            await log.read(Position(log_id, index - 1), limit=10)
    finally:
        await log.close()


@pytest.mark.parametrize("damage", UNREADABLE.values(), ids=UNREADABLE)
async def test_damage_in_the_log_alone_is_named_once_and_passed_over_by_a_snapshot(
    process: Process, register: Register, told: list[EventDict], damage: Callable[[str], str]
) -> None:
    await behind_the_damage(process, register, lambda: break_change(2, damage))
    async with process.runs():
        await process.is_live_with("one", "two")
        position = process.view.position(local_region())
        assert position is not None
        with pytest.raises(Compacted):  # as for somebody else who reads by the same log
            await process.log.read(Position(position.log_id, 1), limit=10)
    [said] = wrongly(told)
    assert (said["log_level"], said["region"], said["index"]) == ("error", local_region(), 2)
    assert "instance/default/web/two" in said["reason"]
    assert "manage.py verify_log" in said["remedy"]


@pytest.mark.parametrize("damage", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_record_that_cannot_be_read_makes_the_view_stale_and_is_named_once(
    process: Process, register: Register, told: list[EventDict], impatient: None, damage: Callable[[str], str]
) -> None:
    await behind_the_damage(process, register, lambda: break_change(2, damage), lambda: break_record("two", damage))
    began = time.time()
    async with process.runs():
        await process.is_stale()
        await process.has_tried()
        since = process.view.region(local_region()).freshness.since
        assert since is not None
        assert began <= since <= time.time()
        assert process.ids == {"one"}
        assert not process.following.in_step
    reasons = [entry["reason"] for entry in wrongly(told) if entry["event"] == "the log cannot be followed"]
    assert len(reasons) == 1
    for words in (local_region(), "instance/default/web/two", "index 2", "manage.py verify_log"):
        assert words in reasons[0]


async def test_once_mended_the_view_is_live_again_without_a_restart(
    process: Process, register: Register, told: list[EventDict], impatient: None
) -> None:
    mend = await behind_the_damage(process, register, lambda: break_change(2), lambda: break_record("two"))
    async with process.runs():
        await process.is_stale()
        await in_thread(mend[1])
        await process.is_live_with("one", "two")
        assert process.following.in_step
        await in_thread(lambda: register("three"))
        await process.is_live_with("one", "two", "three")
    assert told[-1]["event"] == "the log is followed again"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps no text that is none")
async def test_what_is_no_text_makes_the_view_stale_until_it_is_mended(
    process: Process, register: Register, told: list[EventDict], impatient: None
) -> None:
    await behind_the_damage(process, register)
    change = await in_thread(lambda: ChangeRow.objects.get(index=2))
    await in_thread(lambda: _flip_a_bit(change))
    async with process.runs():
        await process.is_stale()
        [said] = wrongly(told)
        assert '"id":"two"' in said["reason"]
        await in_thread(lambda: tamper(change, record=change.record))
        await process.is_live_with("one", "two")


def _flip_a_bit(row: ChangeRow) -> None:
    damaged = str(row.record).encode()[:-1] + b"\xfd"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_change SET record = CAST(%s AS TEXT) WHERE id = %s", [damaged, row.pk])


async def test_tables_that_do_not_add_up_make_the_view_stale_until_they_do(
    process: Process, register: Register, told: list[EventDict], impatient: None
) -> None:
    altered = [
        lambda: break_change(2, lambda text: text.replace("8080", "8081")),
        lambda: break_record("two", lambda text: text.replace("8080", "8082")),
    ]
    mend = await behind_the_damage(process, register, *altered)
    async with process.runs():
        await process.is_stale()
        await process.has_tried()
        [said] = wrongly(told)
        assert "does not add up to its digest" in said["reason"]
        assert "manage.py verify_log" in said["reason"]
        await in_thread(mend[1])
        await process.is_live_with("one", "two")
        instances = process.view.region(local_region()).services["default", "web"]
        assert instances["two"].port == 8080


async def test_a_log_that_a_snapshot_does_not_cure_makes_the_view_stale(
    process: Process, register: Register, impatient: None
) -> None:
    """The region's row is behind a log whose end is wrong: each snapshot adds up, and what follows it never does."""
    await behind_the_damage(process, register)
    change = await in_thread(lambda: ChangeRow.objects.get(index=2))
    await in_thread(lambda: tamper(change, digest="f" * 64))
    await in_thread(lambda: Region.objects.update(index=1))
    async with process.runs():
        await process.is_stale()
        await process.has_tried()
        assert process.state is State.STALE
        await in_thread(lambda: tamper(change, digest=change.digest))
        await in_thread(lambda: Region.objects.update(index=2))
        await process.is_live_with("one", "two")


async def test_what_has_diverged_is_not_kept_on_disk(process: Process, register: Register) -> None:
    altered = [
        lambda: break_change(2, lambda text: text.replace("8080", "8081")),
        lambda: break_record("two", lambda text: text.replace("8080", "8081")),
    ]
    await behind_the_damage(process, register, *altered)
    async with process.runs():
        await aeventually(lambda: not process.following.is_sound, within=20)
    kept = snapshot_file.read(snapshot_file.path_in(process.place, local_region()))
    assert kept is not None
    assert kept[0].index == 1


async def test_a_region_whose_tables_are_damaged_from_the_start_is_not_ready_and_says_why(
    process: Process, register: Register, told: list[EventDict], impatient: None
) -> None:
    await in_thread(lambda: register("one"))
    mend = await in_thread(lambda: break_record("one"))
    async with process.runs():
        await process.has_tried()
        assert not process.following.ready.is_set()
        [said] = wrongly(told)
        assert "instance/default/web/one" in said["reason"]
        await in_thread(mend)
        await process.is_live_with("one")
        assert process.following.ready.is_set()


async def test_health_tells_of_damage_and_no_writer_waits_for_long(
    process: Process, register: Register, impatient: None
) -> None:
    mend = await behind_the_damage(process, register, lambda: break_change(2), lambda: break_record("two"))
    now = time.time()
    log = Elsewhere()
    plane = Plane(
        log=log,
        tokens=TokenTable(is_open=True, read=list),
        renewals=Silent,
        data_dir=process.place,
        clock=lambda: now,
    )
    health = Health(plane, Pulse(plane.view, plane.region, _never, clock=lambda: now), {})
    await plane.start()
    try:
        await aeventually(lambda: plane.following.lost_at is not None, within=20)
        assert (health.report().status, health.report().checks["view"]) == ("degraded", "stale")
        now += 60
        async with asyncio.timeout(1):
            await plane.caught_up(2)
        await in_thread(mend[1])
        await aeventually(lambda: health.report().checks["view"] == "ok", within=20)
        assert plane.head == 2
    finally:
        await plane.stop()
        await log.close()


async def test_a_view_that_has_diverged_answers_no_question_that_must_be_true(
    process: Process, register: Register
) -> None:
    altered = [
        lambda: break_change(2, lambda text: text.replace("8080", "8081")),
        lambda: break_record("two", lambda text: text.replace("8080", "8081")),
    ]
    await behind_the_damage(process, register, *altered)
    log = Elsewhere()
    plane = Plane(log=log, tokens=TokenTable(is_open=True, read=list), renewals=Silent, data_dir=process.place)
    await plane.start()
    try:
        await aeventually(lambda: not plane.following.is_sound, within=20)
        with pytest.raises(Unavailable, match="differs from its log"):
            await plane.confirmed()
    finally:
        await plane.stop()
        await log.close()


async def _never() -> None:
    return None


async def test_damage_in_a_mirror_makes_that_region_stale_until_it_is_mended(
    tmp_path: Path, committed: None, told: list[EventDict], impatient: None
) -> None:
    origin, mirror, view = MemoryLog(WEST), Mirror(WEST), View(clock=time.time)
    await in_thread(lambda: mirror.replace(origin.head, []))

    async def mirrored(id: str) -> None:
        registration = from_mapping({"host": "10.0.1.5", "port": 8080})
        record = to_instance(registration, region=WEST, service="web", id=id, now=time.time())
        change = origin.append(record.key, record)
        await in_thread(lambda: mirror.append(origin.log_id, [change]))

    def seen() -> set[str]:
        return set(view.region(WEST).services.get(("default", "web"), {}))

    mirrors = Mirrors(
        local_region(), regions=_west, statuses=_statuses, log=Elsewhere, data_dir=tmp_path, clock=time.time
    )
    await mirrored("one")
    await mirrored("two")
    running = asyncio.create_task(mirrors.run(view))
    try:
        await aeventually(
            lambda: view.region(WEST).freshness.state is State.LIVE and seen() == {"one", "two"}, within=20
        )
        mend = await in_thread(lambda: break_record("two"))
        await in_thread(lambda: Region.objects.filter(name=WEST).update(log_id="restored"))
        await aeventually(lambda: view.region(WEST).freshness.state is State.STALE, within=20)
        [said] = wrongly(told)
        assert WEST in said["reason"]
        assert "instance/default/web/two" in said["reason"]
        await in_thread(mend)
        await aeventually(lambda: view.region(WEST).freshness.state is State.LIVE, within=20)
        assert view.region(WEST).position == Position("restored", 2)
        assert seen() == {"one", "two"}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _west() -> set[str]:
    return {WEST}


async def _statuses() -> dict[str, MirrorStatus]:
    return {WEST: MirrorStatus(region=WEST, last_contact=time.time())}
