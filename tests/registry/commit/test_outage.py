"""Without its database the registry says so, does nothing by halves, and goes on when the database is back."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import pytest

from catalog.change import Position
from catalog.errors import Unavailable
from catalog.records.registration import from_mapping
from registry import actions
from registry.commit.tail import Tail
from registry.commit.writer import local_region
from registry.log.local import DatabaseLog
from registry.models import ChangeRow
from tests.harness.registry.outage import database_gone
from tests.registry.conftest import Register, at_once

T = TypeVar("T")


def test_every_caller_is_told_that_nothing_was_done(register: Register, sound: Callable[[], None]) -> None:
    register("before")
    call = partial(
        actions.register.aio,
        from_mapping({"host": "10.0.1.5", "port": 8080}),
        namespace="default",
        service="web",
        actor="test",
        cause="test",
    )
    with database_gone():
        outcomes = at_once(*(partial(call, id=f"lost-{number}") for number in range(10)))
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 10
    assert all(outcome.retry_after > 0 for outcome in outcomes)  # type: ignore[attr-defined]
    assert ChangeRow.objects.count() == 1
    sound()


def test_writing_goes_on_when_the_database_is_back(register: Register, sound: Callable[[], None]) -> None:
    register("before")
    with database_gone(), pytest.raises(Unavailable):
        register("lost")
    assert register("after").index == 2
    sound()


def test_a_log_without_its_database_is_unavailable_and_recovers(register: Register) -> None:
    register("one")
    head = asyncio.run(with_a_log(lambda log: log.snapshot())).head.position
    before = Position(head.log_id, 0)
    with database_gone():
        for attempt in (lambda log: log.read(before, limit=10), lambda log: log.snapshot()):
            with pytest.raises(Unavailable):
                asyncio.run(with_a_log(attempt))
    assert len(asyncio.run(with_a_log(lambda log: log.read(before, limit=10)))) == 1


async def with_a_log(attempt: Callable[[DatabaseLog], Awaitable[T]]) -> T:
    """What somebody gets who reads the log from another process."""
    log = DatabaseLog(local_region(), recent=Tail())
    try:
        return await attempt(log)
    finally:
        await log.close()
