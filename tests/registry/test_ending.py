"""Tasks that are told to end do end."""

import asyncio

import pytest

from registry import valkey
from registry.log.local import DatabaseLog


async def test_a_task_that_swallows_being_told_to_end_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "CANCEL_AGAIN", 0.01)
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
        await valkey.cancel_all([task])
    assert (told, task.done()) == (2, True)


@pytest.mark.usefixtures("valkey_url")
async def test_a_log_that_is_closed_just_as_it_begins_to_listen_leaves_no_task_behind() -> None:
    for turns in range(0, 200, 2):  # at any moment of connecting and subscribing
        log = DatabaseLog("us-east")
        log._listen()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await log.close()
        assert not [task for task in asyncio.all_tasks() if "doorbell" in task.get_name()]
