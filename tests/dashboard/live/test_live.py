"""Live connections: what a browser is told, and who is not let in."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from structlog.testing import capture_logs

from dashboard.live import consumer, ticket
from dashboard.live.consumer import FLOODED, FORBIDDEN, INVALID, MAX_MESSAGES
from tests.harness.dashboard.world import Connection, Dashboard

pytestmark = pytest.mark.django_db(transaction=True)
SERVICES = "/dashboard/services"


@pytest.fixture
async def dashboard(tmp_path: Path) -> AsyncIterator[Dashboard]:
    async with Dashboard(tmp_path) as dashboard:
        yield dashboard


async def test_a_change_reaches_who_looks_at_its_page(dashboard: Dashboard) -> None:
    async with dashboard.connected() as browser:
        first = await browser.watch(SERVICES)
        await dashboard.world.put("user-service", "u1")
        news = await browser.content()
        assert news["after"] == first["version"]
        assert list(news["lists"]["services"]["put"]) == ["default/user-service"]


async def test_a_message_says_how_far_each_log_was(dashboard: Dashboard) -> None:
    async with dashboard.connected() as browser:
        await browser.watch(SERVICES)
        change = await dashboard.world.put("user-service", "u1")
        assert (await browser.content())["state"]["index"] == {"us-east": change.index}


async def test_who_missed_something_is_sent_only_what_was_missed(dashboard: Dashboard) -> None:
    await dashboard.world.put("billing", "b1")
    async with dashboard.connected() as browser:
        had = await browser.watch(SERVICES)
        await dashboard.world.put("user-service", "u1")
        await browser.content()
    async with dashboard.connected() as again:
        missed = await again.watch(SERVICES, had["epoch"], had["version"])
        assert missed["after"] == had["version"]
        assert list(missed["lists"]["services"]["put"]) == ["default/user-service"]


async def test_who_knows_the_page_from_another_server_is_sent_all_of_it(dashboard: Dashboard) -> None:
    await dashboard.world.put("billing", "b1")
    async with dashboard.connected() as browser:
        whole = await browser.watch(SERVICES, "made by a server that is gone", 7)
        assert whole["after"] == 0
        assert list(whole["lists"]["services"]["put"]) == ["default/billing"]


async def test_many_viewers_of_a_page_cost_one_rendering_and_one_encoding(dashboard: Dashboard) -> None:
    browsers = [Connection() for _ in range(20)]
    for browser in browsers:
        assert await browser.open()
        await browser.watch(SERVICES)
    rendered = dashboard.screens.renderings
    await dashboard.world.put("user-service", "u1")
    texts = {await browser.hear() for browser in browsers}
    assert len(texts) == 1
    assert dashboard.screens.renderings == rendered + 1
    for browser in browsers:
        await browser.leave()


async def test_many_changes_at_once_are_shown_together(dashboard: Dashboard) -> None:
    async with dashboard.connected() as browser:
        await browser.watch(SERVICES)
        rendered = dashboard.screens.renderings
        for number in range(50):
            await dashboard.world.put(f"service-{number}", "i1")
        shown: set[str] = set()
        async with asyncio.timeout(10):
            while len(shown) < 50:
                shown |= set((await browser.content())["lists"]["services"]["put"])
        assert dashboard.screens.renderings - rendered < 25


async def test_another_page_is_watched_over_the_same_connection(dashboard: Dashboard) -> None:
    await dashboard.world.put("billing", "b1")
    await dashboard.world.put("user-service", "u1")
    async with dashboard.connected() as browser:
        await browser.watch(SERVICES)
        narrowed = await browser.watch(f"{SERVICES}?q=bill")
        assert narrowed["lists"]["services"]["order"] == ["default/billing"]


async def test_nobody_watching_is_counted_after_they_left(dashboard: Dashboard) -> None:
    async with dashboard.connected() as browser:
        await browser.watch(SERVICES)
        assert (dashboard.screens.watchers, dashboard.world.plane.watchers.count) == (1, 1)
    async with asyncio.timeout(5):
        while dashboard.screens.watchers or dashboard.world.plane.watchers.count:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("connection", "reason"),
    [
        (lambda: Connection(shown=None), "it shows no ticket"),
        (lambda: Connection(shown="forged:ticket"), "it shows no ticket"),
        (lambda: Connection(shown=signing.dumps(["", ""], salt="another purpose")), "it shows no ticket"),
        (lambda: Connection(origin="http://evil.example"), "a page of http://evil.example may not write here"),
        (lambda: Connection(origin="http://["), "a page of http://[ may not write here"),
        (lambda: Connection(origin=None), "it names no origin"),
        (lambda: Connection(host="evil.example", origin="http://evil.example"), "'evil.example' is not a host"),
    ],
)
async def test_a_connection_that_no_page_of_ours_made_is_refused_and_logged(dashboard, connection, reason) -> None:
    with capture_logs() as logs:
        assert not await connection().open()
    refused = [line for line in logs if line["event"] == "a live connection was refused"]
    assert [line["reason"].startswith(reason) for line in refused] == [True]


async def test_a_connection_that_floods_is_closed_and_logged(dashboard: Dashboard) -> None:
    connection = Connection()
    assert await connection.open()
    with capture_logs() as logs:
        for _ in range(MAX_MESSAGES + 1):
            await connection.say(json.dumps({"page": SERVICES}))
        assert await connection.closed_with() == FLOODED
    assert [line["reason"] for line in logs if line["event"] == "a live connection was closed"] == ["it sends too much"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"page": 7}', '{"page": "/admin/"}', '{"page": "/nowhere", "x": 1}', '{"page": "//["}'],
)
async def test_a_connection_that_makes_no_sense_is_closed(dashboard: Dashboard, text: str) -> None:
    connection = Connection()
    assert await connection.open()
    await connection.say(text)
    assert await connection.closed_with() == INVALID


async def test_a_connection_that_ends_without_a_word_is_counted_no_more(dashboard: Dashboard) -> None:
    connection = Connection()
    assert await connection.open()
    await connection.watch(SERVICES)
    connection.cut()
    async with asyncio.timeout(5):
        while dashboard.screens.watchers or dashboard.world.plane.watchers.count:
            await asyncio.sleep(0.01)


async def test_an_address_may_be_written_with_escapes(dashboard: Dashboard) -> None:
    await dashboard.world.put("user-service", "web:1@a~b+c")
    async with dashboard.connected() as browser:
        shown = await browser.watch("/dashboard/instances/us-east/default/user-service/web%3A1%40a%7Eb%2Bc")
        assert not shown["fragments"]["instance-missing"]


async def test_a_message_that_is_too_large_is_not_even_read(dashboard: Dashboard) -> None:
    connection = Connection()
    assert await connection.open()
    await connection.say("x" * 5000)
    assert await connection.closed_with() == FLOODED


async def test_a_closed_dashboard_tells_nothing_to_who_has_not_signed_in(tmp_path: Path) -> None:
    async with Dashboard(tmp_path, is_open=False):
        assert not await Connection().open()


async def test_a_ticket_alone_does_not_open_a_closed_dashboard_while_the_database_can_be_asked(tmp_path) -> None:
    async with Dashboard(tmp_path, is_open=False):
        shown = signing.dumps(["alice", "operator"], salt=ticket.SALT)
        assert not await Connection(shown=shown).open()


async def test_who_signs_out_of_a_closed_dashboard_is_told_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "HEARTBEAT", 0.05)
    monkeypatch.setattr(consumer, "RECHECK", 0.0)
    client = Client()
    await client.aforce_login(await User.objects.acreate_user("alice"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    shown = signing.dumps(["alice", "viewer"], salt=ticket.SALT)
    async with (
        Dashboard(tmp_path, is_open=False) as dashboard,
        dashboard.connected(shown=f"{shown}; {settings.SESSION_COOKIE_NAME}={session}") as browser,
    ):
        await browser.watch(SERVICES)
        await client.alogout()
        assert await browser.closed_with() == FORBIDDEN
