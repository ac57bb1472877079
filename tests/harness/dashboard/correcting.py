"""What tests of corrections share: a board over the tables' log, people with roles, forms as browsers send them."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client

from catalog.change import Change, Head, Position
from catalog.log import MemoryLog
from catalog.query import answer
from catalog.query_types import Query
from catalog.records.registration import from_mapping, to_instance
from catalog.view import View
from dashboard.live.context import DashboardContext, install
from dashboard.live.screens import Screens
from dashboard.live.state import state_of
from dashboard.memory.board import Board
from discovery.answers.limits import Watchers
from registry.access.door import Door
from registry.access.roles import Role
from registry.log.local import DatabaseLog
from registry.log.mirror import Mirror
from tests.harness.registry import registering

HOME, EU = "us-east", "eu-west"
Enrol = Callable[..., None]
FORM = {"action": "out", "ends": "1h", "reason": "disk full", "step": "preview"}


class TableDesk:
    """A board whose view is read from the tables' log whenever a test says so, and other regions from memory."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).timestamp()
        self.view = View(clock=self.clock)
        self.board = Board(HOME, self.view, clock=self.clock)
        self.far = MemoryLog(EU)

    def clock(self) -> float:
        return self.now

    def catch_up(self) -> None:
        self.now = datetime.now(UTC).timestamp()
        asyncio.run(self._read())

    async def _read(self) -> None:
        log = DatabaseLog(HOME)
        await self.view.reset(await log.snapshot())
        await self.view.reset(await self.far.snapshot())
        self.view.heard(HOME)
        self.view.heard(EU)
        await log.close()

    def ids(self, service: str = "web", home: str = HOME) -> list[str]:
        """Whom a plain lookup returns, as things stand in the tables."""
        self.catch_up()
        found = answer(self.view, Query(region=home, namespace="default", service=service), self.now)
        return sorted(f"{decision.region}/{decision.instance.id}" for decision in found.decisions)

    def mirror_far(self) -> None:
        """Have the tables hold the other region's log too."""
        made = Mirror(EU)
        made.replace(Head(Position(self.far.log_id, 0), MemoryLog(EU).head.digest), [])
        made.append(self.far.log_id, asyncio.run(self._all()))

    async def _all(self) -> list[Change]:
        return list(await self.far.read(Position(self.far.log_id, 0), limit=1000))

    def register_far(self, service: str, id: str, **given: Any) -> None:
        registration = from_mapping({"host": "10.9.0.1", "port": 80, **given})
        record = to_instance(registration, region=EU, service=service, id=id, now=self.now)
        self.far.append(record.key, record, at=self.now)


@pytest.fixture
def desk(db: None) -> TableDesk:
    made = TableDesk()
    screens = Screens(lambda now: state_of(made.view, HOME, now), clock=made.clock)
    install(
        DashboardContext(
            board=made.board, screens=screens, watchers=Watchers(most=10, per_client=10),
            door=Door(("127.0.0.1",)), is_open=True, secure=False,
        )
    )  # fmt: skip
    return made


@pytest.fixture
def enrol(desk: TableDesk) -> Enrol:
    def make(service: str, id: str, **given: Any) -> None:
        registering.register(id, service=service, **{"host": "10.0.0.1", "port": 80, **given})
        desk.catch_up()

    return make


def person(name: str, role: Role) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alice(desk: TableDesk) -> Client:
    """An operator's browser."""
    return person("alice", Role.OPERATOR)


@pytest.fixture
def two(enrol: Enrol) -> None:
    """Two instances of web in two zones, one of them tagged."""
    enrol("web", "a", zone="z1", tags=["old"])
    enrol("web", "b", zone="z2")


def at(name: str, **query: str) -> str:
    return f"/dashboard/correct/{name}?{urlencode(query)}"


def text(response: Any, status: int = 200) -> str:
    """A page as a reader sees it."""
    assert response.status_code == status, response
    page = re.sub(r"<head>.*?</head>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def hidden(response: Any) -> dict[str, str]:
    """What the page's form sends along, the tick for emptying included."""
    page = response.content.decode()
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in fields if name != "csrfmiddlewaretoken"}


def agreed(response: Any) -> str:
    found = re.search(r'name="empty_ok" value="(\w+)"', response.content.decode())
    assert found, "the page asks for no consent"
    return found.group(1)


def said(response: Any) -> list[str]:
    """The messages of the next page."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def apply(client: Client, url: str, **form: str) -> Any:
    """Both steps, as a person goes through them."""
    preview = client.post(url, {**FORM, **form})
    assert preview.status_code == 200, text(preview, preview.status_code)
    more = {"empty_ok": agreed(preview)} if b'name="empty_ok"' in preview.content else {}
    return client.post(url, {**hidden(preview), **more, "step": "apply"})
