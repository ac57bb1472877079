"""Screens: kept while a page is open, and one that fails leaves the others alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

import pytest

from catalog.errors import Unavailable
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page
from dashboard.live.screens import BATCH, KEPT, MAX_SCREENS
from tests.harness.dashboard.world import Dashboard


class Plain(Page):
    """Shows what it gathered."""

    title = "plain"
    parameters = ("n",)

    def content(self, gathered: Gathered, now: float) -> Content:
        return Content({"said": gathered.problem or str(gathered.value)})


class Broken(Plain):
    def content(self, gathered: Gathered, now: float) -> Content:
        raise ValueError("a mistake in a page")


class Asking(Plain):
    gathers = True
    every = 0.0

    def gather(self, now: float) -> Any:
        return "what the database said"


class Refused(Asking):
    def gather(self, now: float) -> Any:
        raise Unavailable("the database is away")


class Hanging(Asking):
    let_go = Event()

    def gather(self, now: float) -> Any:
        self.let_go.wait(20)
        return "at last"


class Slow(Plain):
    """Is drawn when it is let go."""

    let_go = Event()
    drawings = 0

    def content(self, gathered: Gathered, now: float) -> Content:
        type(self).drawings += 1
        self.let_go.wait(20)
        return Content({"said": str(self.drawings)})


class Ordered(Plain):
    """Notes when it was drawn, which it is once it is let go."""

    let_go = Event()
    order: ClassVar[list[str]] = []

    def content(self, gathered: Gathered, now: float) -> Content:
        self.let_go.wait(20)
        self.order.append(self.query["n"])
        return Content({"said": str(len(self.order))})


@pytest.fixture
async def dashboard(tmp_path: Path) -> AsyncIterator[Dashboard]:
    async with Dashboard(tmp_path) as dashboard:
        yield dashboard


def said(screen: Any) -> str:
    return str(screen.version.content.fragments["said"])


async def test_equal_addresses_share_a_screen(dashboard: Dashboard) -> None:
    one = await dashboard.screens.open(Plain(dashboard.board, {}, {"n": "1", "ignored": "x"}))
    assert await dashboard.screens.open(Plain(dashboard.board, {}, {"n": "1"})) is one
    assert await dashboard.screens.open(Plain(dashboard.board, {}, {"n": "2"})) is not one


async def test_a_page_shows_what_it_gathered_at_the_first_look(dashboard: Dashboard) -> None:
    assert said(await dashboard.screens.open(Asking(dashboard.board, {}, {}))) == "what the database said"


async def test_a_page_is_there_although_the_database_is_away(dashboard: Dashboard) -> None:
    assert said(await dashboard.screens.open(Refused(dashboard.board, {}, {}))) == "the database is away"


async def test_a_page_does_not_wait_for_a_database_that_hangs(dashboard: Dashboard) -> None:
    Hanging.let_go.clear()
    try:
        async with asyncio.timeout(5):
            assert said(await dashboard.screens.open(Hanging(dashboard.board, {}, {}))) == "None"
            assert said(await dashboard.screens.open(Plain(dashboard.board, {}, {}))) == "None"
    finally:
        Hanging.let_go.set()


async def test_a_page_with_a_mistake_in_it_does_not_stop_the_others(dashboard: Dashboard) -> None:
    await dashboard.screens.open(Broken(dashboard.board, {}, {}))
    assert said(await dashboard.screens.open(Plain(dashboard.board, {}, {}))) == "None"


async def test_a_screen_that_nobody_looks_at_is_forgotten(dashboard: Dashboard) -> None:
    await dashboard.screens.open(Plain(dashboard.board, {}, {}))
    dashboard.world.now += KEPT + 1
    async with asyncio.timeout(5):
        while len(dashboard.screens):
            await asyncio.sleep(0.02)


async def test_addresses_without_end_do_not_fill_the_memory(dashboard: Dashboard) -> None:
    for number in range(MAX_SCREENS + 50):
        await dashboard.screens.open(Plain(dashboard.board, {}, {"n": str(number)}))
    assert len(dashboard.screens) <= MAX_SCREENS


async def test_what_was_drawn_for_somebody_who_left_meanwhile_is_drawn_again_for_the_others(
    dashboard: Dashboard,
) -> None:
    Slow.let_go.set()
    screen = await dashboard.screens.open(Slow(dashboard.board, {}, {}))
    screen.watchers += 1
    had, screen.dirty = screen.version, True
    Slow.let_go.clear()
    drawn = Slow.drawings
    impatient = asyncio.create_task(dashboard.screens.open(Slow(dashboard.board, {}, {})))
    async with asyncio.timeout(5):
        while Slow.drawings == drawn:
            await asyncio.sleep(0.01)
        impatient.cancel()
        await asyncio.wait({impatient})
        Slow.let_go.set()
        while screen.version == had:
            await asyncio.sleep(0.01)


async def test_a_screen_that_is_being_drawn_is_not_forgotten_for_another(dashboard: Dashboard) -> None:
    Slow.let_go.clear()
    page = Slow(dashboard.board, {}, {"n": "wanted"})
    waiting = asyncio.create_task(dashboard.screens.open(page))
    crowd = [asyncio.create_task(dashboard.screens.open(Plain(dashboard.board, {}, {"n": str(n)}))) for n in range(600)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    Slow.let_go.set()
    screen = await waiting
    await asyncio.gather(*crowd)
    assert await dashboard.screens.open(page) is screen


async def test_who_looks_for_the_first_time_does_not_wait_for_all_that_are_watched(dashboard: Dashboard) -> None:
    Ordered.let_go.set()
    for number in range(4 * BATCH):
        screen = await dashboard.screens.open(Ordered(dashboard.board, {}, {"n": str(number)}))
        screen.watchers += 1
    Ordered.let_go.clear()
    Ordered.order.clear()
    dashboard.screens.refresh_all()
    await asyncio.sleep(0)
    looking = asyncio.create_task(dashboard.screens.open(Ordered(dashboard.board, {}, {"n": "new"})))
    await asyncio.sleep(0)
    Ordered.let_go.set()
    await looking
    async with asyncio.timeout(5):
        while len(Ordered.order) <= 4 * BATCH:
            await asyncio.sleep(0.01)
    assert Ordered.order.index("new") <= 2 * BATCH
