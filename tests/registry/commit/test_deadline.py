"""Every wait for a commit ends."""

import asyncio

import pytest

from catalog.errors import Unavailable
from registry.commit import deadline
from registry.commit.deadline import Patience


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience comes to an end soon."""
    monkeypatch.setattr(deadline, "WITHIN", 0.02)
    monkeypatch.setattr(deadline, "LOOKS", 0.005)


async def test_who_has_waited_too_long_is_told_that_nobody_knows() -> None:
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[None] = loop.create_future()
    Patience(loop).watch(waiting)
    with pytest.raises(Unavailable, match="not known yet") as told:
        async with asyncio.timeout(5):
            await waiting
    assert told.value.retry_after > 0


async def test_who_has_an_answer_or_is_forgotten_is_left_alone() -> None:
    loop = asyncio.get_running_loop()
    watching = Patience(loop)
    answered, forgotten, last = (loop.create_future() for _ in range(3))
    for waiting in (answered, forgotten, last):
        watching.watch(waiting)
    answered.set_result("done")
    watching.forget(forgotten)
    with pytest.raises(Unavailable):
        async with asyncio.timeout(5):
            await last  # who waits after them has lost patience: their time is over too
    assert (answered.result(), forgotten.done()) == ("done", False)


async def test_patience_goes_on_after_a_while_without_anybody() -> None:
    loop = asyncio.get_running_loop()
    watching = Patience(loop)
    for _ in range(2):
        waiting: asyncio.Future[None] = loop.create_future()
        watching.watch(waiting)
        with pytest.raises(Unavailable):
            async with asyncio.timeout(5):
                await waiting
        async with asyncio.timeout(5):
            while watching._timer is not None:
                await asyncio.sleep(0.001)
