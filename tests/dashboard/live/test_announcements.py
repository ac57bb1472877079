"""Corrections are announced to every open dashboard, and the pages on which they show."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from channels.layers import channel_layers
from django.test import Client, override_settings

from catalog.records.override import Scope
from catalog.records.status import Status
from config.local.ports import free_port
from dashboard.corrections.holds import Hold
from dashboard.corrections.holds_page import HoldsPage
from dashboard.corrections.overrides_page import OverridesPage
from dashboard.live import announcements
from dashboard.live.page import Gathered
from dashboard.live.screens import Screens
from dashboard.live.state import DashboardState
from registry import actions
from tests.harness.dashboard.correcting import EU, TableDesk, apply, at
from tests.harness.valkey import Valkey

WITHIN = 10.0
LAYER = "channels_redis.pubsub.RedisPubSubChannelLayer"


class Ears:
    """Listens to the bell until it has heard something."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.ready, self.something = asyncio.Event(), asyncio.Event()

    def take(self, text: str) -> None:
        if text == "ready?":
            self.ready.set()
            return
        self.heard.append(text)
        self.something.set()


async def _listening(ears: Ears) -> asyncio.Task[None]:
    """A task that is sure to hear whatever is said from now on."""
    task = asyncio.create_task(announcements.listen(ears.take))
    async with asyncio.timeout(WITHIN):
        while not ears.ready.is_set():
            await announcements._send("ready?")
            await asyncio.sleep(0.02)
    return task


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def layer(valkey_url: str) -> Iterator[None]:
    """The channel layer over the tests' Valkey, made afresh."""
    channel_layers.backends = {}
    yield
    channel_layers.backends = {}


@pytest.mark.usefixtures("layer")
async def test_every_process_hears_the_sentence() -> None:
    one, other = Ears(), Ears()
    tasks = [await _listening(one), await _listening(other)]
    await asyncio.to_thread(announcements.announce, "alice put zone a out of service: power")
    async with asyncio.timeout(WITHIN):
        await asyncio.gather(one.something.wait(), other.something.wait())
    for task in tasks:
        await _ended(task)
    assert one.heard == other.heard == ["alice put zone a out of service: power"]


async def test_notices_are_received_again_when_valkey_is_back(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    layers = {"default": {"BACKEND": LAYER, "CONFIG": {"hosts": [valkey.url]}}}
    with override_settings(CHANNEL_LAYERS=layers):
        channel_layers.backends = {}
        ears = Ears()
        await asyncio.to_thread(valkey.start)
        task = await _listening(ears)
        valkey.kill()
        await asyncio.to_thread(announcements.announce, "lost")
        await asyncio.to_thread(valkey.start)
        async with asyncio.timeout(WITHIN):
            while not ears.something.is_set():
                await asyncio.to_thread(announcements.announce, "heard")
                await asyncio.sleep(0.1)
        await _ended(task)
        valkey.kill()
    channel_layers.backends = {}
    assert set(ears.heard) == {"heard"}


@pytest.mark.usefixtures("two")
@pytest.mark.django_db(transaction=True)
def test_a_correction_stands_when_the_bell_cannot_ring(alice: Client, desk: TableDesk) -> None:
    layers = {"default": {"BACKEND": LAYER, "CONFIG": {"hosts": [f"redis://127.0.0.1:{free_port()}/0"]}}}
    with override_settings(CHANNEL_LAYERS=layers):
        channel_layers.backends = {}
        response = apply(alice, at("override", scope="zone", zone="z1"))
    channel_layers.backends = {}
    assert response.status_code == 302
    assert desk.ids() == ["us-east/b"]


@pytest.mark.usefixtures("two", "layer")
@pytest.mark.django_db(transaction=True)
def test_the_sentence_says_who_did_what_and_why(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    announced: list[str] = []
    monkeypatch.setattr(announcements, "announce", announced.append)
    apply(alice, at("override", scope="zone", zone="z1", service="web"))
    assert announced == ["alice put zone z1 of web out of service: disk full"]


async def test_a_notice_is_told_to_all_once_and_every_page_is_looked_at_again() -> None:
    screens = Screens(lambda now: DashboardState(at=now), clock=time.time)
    screens.corrected("alice drained web: disk")
    (message,) = screens.notices(0)
    told: dict[str, Any] = msgspec.json.decode(message)
    assert (told["kind"], told["text"]) == ("notice", "alice drained web: disk")
    assert screens.notices(screens.notices_sent) == []


def set_override(service: str, *, expires_in: float | None, reason: str = "x") -> None:
    request = actions.OverrideRequest(
        scope=Scope.SERVICE, service=service, status=Status.CRITICAL, reason=reason, author="bob", expires_in=expires_in
    )
    actions.set_override(request, actor="bob", cause=reason)


@pytest.mark.usefixtures("two")
@pytest.mark.django_db(transaction=True)
def test_overrides_are_listed_with_the_soonest_end_first(desk: TableDesk) -> None:
    for service, seconds in (("never", None), ("late", 7200.0), ("web", 60.0)):
        set_override(service, expires_in=seconds, reason=f"because <{service}>")
    desk.catch_up()
    page = OverridesPage(desk.board, {}, {})
    content = page.content(Gathered(), desk.now)
    rows = list(content.lists["overrides"].values())
    assert [name in row for name, row in zip(("web", "late", "never"), rows, strict=True)] == [True] * 3
    assert "because &lt;web&gt;" in rows[0]
    assert 'data-label="Instances">2<' in rows[0]  # both instances of web are affected
    assert "never</span>" in rows[2]
    assert "1 without expiry" in content.fragments["overrides-counts"]


@pytest.mark.django_db(transaction=True)
def test_the_list_of_overrides_is_drawn_anew_only_when_they_differ(desk: TableDesk) -> None:
    desk.catch_up()
    page = OverridesPage(desk.board, {}, {})
    page.content(Gathered(), desk.now)
    assert not page.touched_by("us-east", frozenset({"default/web"}))
    set_override("web", expires_in=None)
    desk.catch_up()
    assert page.touched_by("us-east", frozenset({"default/web"}))


def test_what_is_held_waits_above_what_is_decided() -> None:
    holds = [
        Hold(id="o", what="2 expired leases in service default/web", formula="2 of 3 > 1", state="open", at=1.0,
             until=9e9),
        Hold(id="m", mirror=EU, what="the mirror of eu-west", formula="9 of 10", state="open", at=1.0, until=9e9),
        Hold(id="d", what="1 removal in zone <a>", formula="f", state="rejected", at=1.0, until=2.0, decided_by="bob",
             decided_at=2.0, reason="no"),
    ]  # fmt: skip
    page = HoldsPage(TableDesk().board, {}, {})
    content = page.content(Gathered(holds, 5.0), 6.0)
    assert list(content.lists["held-open"]) == ["o", "m"]
    assert list(content.lists["held-decided"]) == ["d"]
    assert "zone &lt;a&gt;" in content.lists["held-decided"]["d"]
    assert "wait for a decision" in content.fragments["held-state"]


def test_a_page_that_cannot_ask_what_is_held_says_so() -> None:
    content = HoldsPage(TableDesk().board, {}, {}).content(Gathered(problem="the database is away"), 6.0)
    assert "the database is away" in content.fragments["held-state"]
    assert "Nothing is held" not in content.fragments["held-state"]
