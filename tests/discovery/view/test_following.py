"""The view in step with the log, and its copy on disk."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import uvloop
from structlog.testing import capture_logs

from catalog.change import Change, Position
from catalog.errors import Unavailable
from catalog.log import MemoryLog, Snapshot
from catalog.records.instance import Instance
from catalog.view import State, View
from discovery.view import follower, snapshot_file
from discovery.view.follower import Following

REGION = "us-east"


class DeadLog:
    """A log whose database is down."""

    region = REGION

    async def read(self, after: Position, *, limit: int) -> Sequence[Change]:
        raise Unavailable("down")

    async def snapshot(self) -> Snapshot:
        raise Unavailable("down")

    async def wait(self, after: Position, *, timeout: float) -> None:
        raise Unavailable("down")


def add(log: MemoryLog, id: str) -> Change:
    instance = Instance(region=REGION, service="web", id=id, host="10.0.0.1", port=80)
    return log.append(instance.key, instance)


@contextlib.asynccontextmanager
async def running(following: Following) -> AsyncIterator[None]:
    task = asyncio.create_task(following.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def kept(place: Path, number: int = 3) -> MemoryLog:
    """A log of some instances, and a copy of its view on disk."""
    log = MemoryLog(REGION)
    for n in range(number):
        add(log, f"i{n}")
    following = Following(REGION, View(clock=time.time), log, place, clock=time.time)
    async with running(following):
        await asyncio.wait_for(following.ready.wait(), 5)
    return log


async def test_the_view_follows_the_log(tmp_path: Path) -> None:
    log, view = MemoryLog(REGION), View(clock=time.time)
    following = Following(REGION, view, log, tmp_path, clock=time.time)
    async with running(following):
        change = add(log, "a")
        assert await following.reached(change.index, timeout=5)
        assert set(view.region(REGION).services["default", "web"]) == {"a"}


async def test_waiting_for_what_does_not_come_ends(tmp_path: Path) -> None:
    following = Following(REGION, View(clock=time.time), MemoryLog(REGION), tmp_path, clock=time.time)
    async with running(following):
        assert not await following.reached(7, timeout=0.02)


async def test_a_process_without_a_database_answers_from_the_copy(tmp_path: Path) -> None:
    await kept(tmp_path)
    view = View(clock=time.time)
    following = Following(REGION, view, DeadLog(), tmp_path, clock=time.time)
    async with running(following):
        await asyncio.wait_for(following.ready.wait(), 5)
        assert len(view.region(REGION).services["default", "web"]) == 3
        assert view.region(REGION).freshness.state is State.STALE


async def test_a_process_with_neither_database_nor_copy_is_not_ready(tmp_path: Path) -> None:
    following = Following(REGION, View(clock=time.time), DeadLog(), tmp_path, clock=time.time)
    async with running(following):
        await asyncio.sleep(0.05)
        assert not following.ready.is_set()


async def test_the_copy_is_brought_up_to_date_from_the_log(tmp_path: Path) -> None:
    log = await kept(tmp_path)
    change = add(log, "new")
    view = View(clock=time.time)
    following = Following(REGION, view, log, tmp_path, clock=time.time)
    async with running(following):
        assert await following.reached(change.index, timeout=5)
        assert following.applied == 1  # the rest was in the copy
        assert view.region(REGION).freshness.state is State.LIVE


async def test_a_copy_of_another_history_gives_way(tmp_path: Path) -> None:
    await kept(tmp_path)
    other, view = MemoryLog(REGION, log_id="restored"), View(clock=time.time)
    add(other, "only")
    following = Following(REGION, view, other, tmp_path, clock=time.time)
    async with running(following):
        async with asyncio.timeout(5):
            while set(view.region(REGION).services.get(("default", "web"), {})) != {"only"}:
                await asyncio.sleep(0)
        assert view.position(REGION) == Position("restored", 1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "binary", "header only"])
async def test_a_damaged_copy_is_not_served(tmp_path: Path, damage: str) -> None:
    await kept(tmp_path)
    path = snapshot_file.path_in(tmp_path, REGION)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "flipped": whole.replace(b'"port":80', b'"port":81', 1),
            "empty": b"",
            "binary": b"\xff\x00" * 100,
            "header only": whole.splitlines(keepends=True)[0],
        }[damage]
    )
    view = View(clock=time.time)
    following = Following(REGION, view, DeadLog(), tmp_path, clock=time.time)
    async with running(following):
        await asyncio.sleep(0.05)
        assert not following.ready.is_set()
        assert view.region(REGION).services == {}


async def test_a_second_process_reads_the_copy_and_leaves_it_alone(tmp_path: Path) -> None:
    log = await kept(tmp_path)
    path = snapshot_file.path_in(tmp_path, REGION)
    before = path.read_bytes()
    change = add(log, "new")
    following = Following(REGION, View(clock=time.time), log, tmp_path, clock=time.time, save=False)
    async with running(following):
        assert await following.reached(change.index, timeout=5)
    assert path.read_bytes() == before


async def test_a_directory_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    log, view = MemoryLog(REGION), View(clock=time.time)
    following = Following(REGION, view, log, tmp_path / "nowhere", clock=time.time)
    async with running(following):
        assert await following.reached(add(log, "a").index, timeout=5)


async def test_a_copy_that_nobody_can_make_sense_of_is_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, view = await kept(tmp_path), View(clock=time.time)
    monkeypatch.setattr(snapshot_file, "read", _fails)
    following = Following(REGION, view, log, tmp_path, clock=time.time)
    async with running(following):
        await asyncio.wait_for(following.ready.wait(), 5)
        assert len(view.region(REGION).services["default", "web"]) == 3


async def test_a_copy_that_could_not_be_written_for_whatever_reason_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "SAVE_EVERY", 0.001)
    monkeypatch.setattr(snapshot_file, "write", _fails)
    log = MemoryLog(REGION)
    following = Following(REGION, View(clock=time.time), log, tmp_path, clock=time.time)
    with capture_logs() as logs:
        async with running(following), asyncio.timeout(5):
            add(log, "a")
            while not any(entry["event"] == "the view could not be copied to disk" for entry in logs):
                await asyncio.sleep(0.001)
            monkeypatch.undo()
            add(log, "b")
            while not snapshot_file.path_in(tmp_path, REGION).exists():
                await asyncio.sleep(0.001)
    found = snapshot_file.read(tmp_path / f"view-{REGION}.snapshot")
    assert found is not None
    assert found[0].index == 2


def _fails(*_: object) -> None:
    raise ZeroDivisionError("nobody thought of it")


def test_a_wait_in_vain_ends_on_time_on_the_server_s_own_event_loop(tmp_path: Path) -> None:
    async def wait_often() -> list[bool]:
        following = Following(REGION, View(clock=time.time), MemoryLog(REGION), tmp_path, clock=time.time)
        return [await following.reached(7, timeout=0.003) for _ in range(200)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answers = runner.run(asyncio.wait_for(wait_often(), 20))
    assert not any(answers)
