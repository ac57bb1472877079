"""The last hour is known to a process that has just started, as far as the log in the tables tells."""

import time

import pytest

from catalog.records.status import Status
from catalog.view import View
from dashboard.memory.backfill import Backfill
from dashboard.memory.board import Board
from registry.commit.writer import local_region
from registry.log.local import DatabaseLog
from tests.harness.registry.registering import register

NAME = ("default", "web")


@pytest.fixture
def written(committed: None) -> None:
    """Two instances were registered."""
    register("one", lease={"ttl": "1h"})
    register("two", lease={"ttl": "1h"})


async def board_over_the_tables() -> Board:
    view = View(clock=time.time)
    log = DatabaseLog(local_region())
    await view.reset(await log.snapshot())
    await log.close()
    return Board(local_region(), view, clock=time.time)


async def test_what_happened_before_the_start_is_in_the_histories(written: None) -> None:
    board = await board_over_the_tables()
    await Backfill(board).update()
    counts = [held[Status.PASSING] for _, held in board.histories.steps(local_region(), *NAME, now=time.time())]
    assert counts[-2:] == [1, 2] or counts[-1:] == [2]
    assert min(counts) < 2, "the time before the second instance is not known"


async def test_a_view_that_is_read_whole_again_is_taken_in_again(written: None) -> None:
    board = await board_over_the_tables()
    backfill = Backfill(board)
    await backfill.update()
    known = board.view.region(local_region())
    known.services = {}  # as a snapshot without any instance does
    await backfill.update()
    assert board.histories.steps(local_region(), *NAME, now=time.time())[-1][1][Status.PASSING] == 0


async def test_a_region_that_has_left_counts_no_more(written: None) -> None:
    board = await board_over_the_tables()
    backfill = Backfill(board)
    await backfill.update()
    board.view.forget(local_region())

    await backfill.update()

    assert board.histories.steps(None, *NAME, now=time.time()) == []
