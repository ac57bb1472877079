"""The end of a plane."""

import asyncio

import pytest

from discovery import plane


async def test_a_task_that_swallows_being_told_to_end_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane, "AGAIN", 0.01)
    told = 0

    async def hard_of_hearing() -> None:
        nonlocal told
        while told < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told += 1

    task = asyncio.create_task(hard_of_hearing())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await plane._end([task])
    assert (told, task.done()) == (2, True)
