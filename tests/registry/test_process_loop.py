"""Work on a loop of its own in a process: it begins again after it failed, and is called from other threads."""

import asyncio
import os
import queue

import pytest

from registry import process_loop
from registry.process_loop import ProcessLoop, once_per_process


async def for_ever() -> None:
    await asyncio.Event().wait()


async def double(number: int) -> int:
    return 2 * number


def test_a_thread_calls_work_on_the_loop_and_gets_its_answer() -> None:
    assert ProcessLoop("test", for_ever).call(double(21), within=5.0) == 42


def test_a_call_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        ProcessLoop("test", for_ever).call(for_ever(), within=0.01)


def test_work_that_fails_begins_again_without_what_it_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_loop, "AGAIN", 0.01)
    begun, running = queue.SimpleQueue[int](), list[asyncio.Task[None]]()

    async def fail_once() -> None:
        begun.put(sum(not task.done() for task in running))
        if not running:
            running.append(asyncio.create_task(for_ever()))
            raise RuntimeError("a defect")
        await for_ever()

    ProcessLoop("test", fail_once)
    assert [begun.get(timeout=5.0), begun.get(timeout=5.0)] == [0, 0]


def test_a_process_makes_its_own_once_and_a_fork_another() -> None:
    made = list[int]()

    def make() -> int:
        made.append(os.getpid())
        return os.getpid()

    per_process = once_per_process(make)
    assert (per_process(), per_process()) == (os.getpid(), os.getpid())
    assert made == [os.getpid()]
    child = os.fork()
    if child == 0:
        os._exit(0 if per_process() == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0
