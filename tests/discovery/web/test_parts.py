"""The parts of a plane that run in the background: one that fails is restarted, and the log says so."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from catalog.change import Change, Position
from catalog.log import MemoryLog
from catalog.view import State
from discovery import plane
from discovery.view import snapshot_file
from tests.harness.discovery.mirrored import WEST, MirroringWorld, federated
from tests.harness.discovery.world import BEGAN, REGION, World, opened
from tests.harness.waiting import aeventually


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plane that starts again at once what has failed."""
    monkeypatch.setattr(plane, "ANEW", 0.01)


def broken(log: MemoryLog, monkeypatch: pytest.MonkeyPatch) -> list[Position]:
    """Give a log a fault that nobody thought of; returns where it is read in vain."""
    attempts: list[Position] = []

    async def read(after: Position, *, limit: int) -> Sequence[Change]:
        attempts.append(after)
        raise ValueError("not thought of")

    monkeypatch.setattr(log, "read", read)
    return attempts


def full(*_: object) -> None:
    """A disk that takes no more."""
    raise OSError("no space left")


async def test_a_part_that_fails_is_started_anew_and_the_log_has_the_traceback(tmp_path: Path) -> None:
    world, runs = World(tmp_path), 0

    async def sickly() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ZeroDivisionError("nobody thought of it")
        await asyncio.Event().wait()

    world.plane.also(sickly)
    with capture_logs() as logs:
        await world.plane.start()
        try:
            await aeventually(lambda: runs == 3)
        finally:
            await world.plane.stop()
    said = [entry for entry in logs if entry["event"] == "a part of the plane failed and is restarted"]
    assert [(entry["log_level"], entry["exc_info"]) for entry in said] == [("error", True)] * 2
    assert all("sickly" in entry["part"] for entry in said)


async def test_a_part_that_ends_by_itself_is_left_in_peace(tmp_path: Path) -> None:
    world, runs = World(tmp_path), 0

    async def brief() -> None:
        nonlocal runs
        runs += 1

    world.plane.also(brief)
    await world.plane.start()
    await aeventually(lambda: runs == 1)
    await asyncio.sleep(5 * plane.ANEW)
    await world.plane.stop()
    assert runs == 1


async def test_health_names_the_part_that_failed_for_a_minute(world: World) -> None:
    async def fails_once() -> None:
        if not list(world.plane.faults()):
            raise ZeroDivisionError("nobody thought of it")

    await world.plane._keep_up(fails_once)
    report = world.health.report()
    assert report.status == "degraded"
    assert report.checks["parts"].endswith("fails_once failed and was restarted: ZeroDivisionError")
    world.now += 61
    assert "parts" not in world.health.report().checks


async def test_a_view_whose_following_fails_is_stale_and_goes_on_from_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as world:
        await world.put("web", "one")
        await world.plane.following._save_now()
        monkeypatch.setattr(snapshot_file, "write", full)
        await world.put("web", "two")
        view = world.plane.view.region(REGION)
        attempts = broken(world.log, monkeypatch)
        world.log.append("policy/default/web", None)  # wakes the follower
        await aeventually(lambda: len(attempts) > 3)
        assert (view.freshness.state, view.freshness.since) == (State.STALE, BEGAN)
        assert view.index == 2  # the copy on disk is older, and is not taken for the better one
        assert (await world.get("/health")).json()["checks"]["view"] == "stale"
        monkeypatch.delattr(world.log, "read")
        await world.put("web", "three")
        await aeventually(lambda: view.freshness.state is State.LIVE)


async def test_mirrors_that_nobody_looks_after_are_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with federated(tmp_path) as world:
        view = world.plane.view.region(WEST)
        assert view.freshness.state is State.LIVE

        async def fails() -> None:
            raise ValueError("not thought of")

        monkeypatch.setattr(world.mirrors, "look", fails)
        await aeventually(lambda: view.freshness.state is State.STALE)
        assert view.freshness.since == BEGAN
        monkeypatch.delattr(world.mirrors, "look")
        await aeventually(lambda: view.freshness.state is State.LIVE)


async def test_a_mirror_that_cannot_be_followed_says_so_once_with_its_traceback_until_it_can_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with federated(tmp_path) as world:
        log, view = world.logs[WEST], world.plane.view.region(WEST)
        with capture_logs() as logs:
            for _ in range(2):
                attempts = broken(log, monkeypatch)
                log.append("policy/default/web", None)  # wakes the follower
                await looked(world, partial(_longer, attempts, 3))
                assert view.freshness.state is State.STALE
                monkeypatch.delattr(log, "read")
                await looked(world, lambda: view.freshness.state is State.LIVE)
    said = [entry for entry in logs if entry["event"] == "a mirror could not be followed"]
    assert [(entry["region"], type(entry["exc_info"])) for entry in said] == [(WEST, ValueError)] * 2


def _longer(attempts: list[Position], number: int) -> bool:
    return len(attempts) > number


async def looked(world: MirroringWorld, condition: Callable[[], bool]) -> None:
    """Look at the mirrors until the condition holds."""
    async with asyncio.timeout(5):
        while not condition():
            await world.mirrors.look()
            await asyncio.sleep(0.001)
