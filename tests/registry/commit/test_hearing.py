"""What wakes those who wait on the log, and what does not."""

import asyncio
import concurrent.futures.thread
import gc
from threading import enumerate as threads

from catalog.change import Change, Position
from registry.commit.tail import Tail
from registry.commit.writer import local_region
from registry.log.local import DatabaseLog
from tests.harness.waiting import eventually
from tests.registry.conftest import Register

LONG = 30.0  # seconds: nobody waits for so long here


def log_and_tail() -> tuple[DatabaseLog, Tail]:
    recent = Tail()
    return DatabaseLog(local_region(), recent=recent), recent


async def waits(log: DatabaseLog, after: Position) -> "asyncio.Task[None]":
    """Somebody who waits for what comes after a position."""
    log._listening = _Deaf()  # type: ignore[assignment] # nothing is heard but what the test says
    task = asyncio.create_task(log.wait(after, timeout=LONG))
    await asyncio.sleep(0)
    return task


class _Deaf:
    connected = True


async def ended(task: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(5):
        await task


async def test_a_later_end_wakes_and_an_end_that_is_known_does_not() -> None:
    log, _ = log_and_tail()
    task = await waits(log, Position("one", 7))
    for index in (5, 7, 7):
        log._heard(Position("one", index))
        await asyncio.sleep(0)
        assert not task.done()
    log._heard(Position("one", 8))
    await ended(task)


async def test_what_was_heard_before_is_not_waited_for() -> None:
    log, _ = log_and_tail()
    log._heard(Position("one", 8))
    await ended(await waits(log, Position("one", 7)))


async def test_another_log_in_the_place_of_this_one_wakes() -> None:
    log, _ = log_and_tail()
    task = await waits(log, Position("one", 7))
    log._heard(Position("restored", 1))
    await ended(task)


async def test_rings_that_may_have_been_missed_wake() -> None:
    log, _ = log_and_tail()
    task = await waits(log, Position("one", 7))
    log._heard(None)
    await ended(task)


async def test_what_is_in_the_tail_is_not_waited_for() -> None:
    log, recent = log_and_tail()
    recent.extend("one", [Change(region=local_region(), index=8, key="instance/default/web/a")])
    await ended(await waits(log, Position("one", 7)))


def test_a_snapshot_can_be_dropped_in_the_midst_of_anything(register: Register) -> None:
    register("one")

    async def open_one() -> list[object]:
        log, _ = log_and_tail()
        opened: list[object] = [await log.snapshot()]
        await log.close()
        return opened

    opened = asyncio.run(open_one())
    with concurrent.futures.thread._global_shutdown_lock:  # as while a thread takes work
        opened.clear()
        gc.collect()
    eventually(lambda: "meridian-snapshot" not in {thread.name for thread in threads()}, what="its thread ends")
