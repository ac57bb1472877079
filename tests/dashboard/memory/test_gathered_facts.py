"""What the pages of services and instances ask of the database and of Valkey, and what is left when those are away."""

import time
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings

from catalog.records.status import Status
from dashboard.memory.board import Board
from dashboard.pages.instance.facts import read_facts
from dashboard.pages.service.facts import FactsReader
from registry import actions
from registry.commit.writer import close_writers
from tests.harness.dashboard.pages import Desk
from tests.harness.registry.outage import database_gone
from tests.harness.registry.registering import register

pytestmark = [pytest.mark.django_db(transaction=True)]
HOME = django_settings.MERIDIAN.region


@pytest.fixture
def board() -> Any:
    """A dashboard over the records that are registered for real; the writer's connection ends with the test."""
    desk = Desk()
    for id in ("web-1", "web-2"):
        desk.put(register(id, actor="ci", checks=[{"type": "tcp"}]).instance)
    actions.deregister(namespace="default", service="web", id="web-2", actor="ada", cause="not needed")
    yield desk.board
    close_writers()


def reader(board: Board) -> FactsReader:
    return FactsReader(board, "default", "web", 3600.0)


@pytest.mark.usefixtures("valkey_url")
def test_the_past_of_a_service_is_read_from_the_log(board: Board) -> None:
    facts = reader(board).read(time.time())

    assert facts.problems == ()
    registered = [counts[Status.UNKNOWN] for _, counts in facts.past]
    assert (max(registered), registered[-1]) == (2, 1)
    assert HOME in facts.addresses
    assert set(facts.results) == {"default/web/web-1/tcp", "default/web/web-2/tcp"}


@pytest.mark.usefixtures("valkey_url")
def test_it_is_not_read_again_at_once(board: Board) -> None:
    facts, now = reader(board), time.time()
    first = facts.read(now)

    assert facts.read(now + 1.0) is first
    assert facts.read(now + 10.0) is not first
    assert facts.read(now + 20.0).past is first.past


@pytest.mark.usefixtures("valkey_url")
def test_the_history_of_an_instance_is_newest_first_and_says_who(board: Board) -> None:
    facts = read_facts(board, HOME, "instance/default/web/web-2", None, time.time())

    assert [(entry.change.verb, entry.change.actor) for entry in facts.entries] == [
        ("deregister", "ada"), ("register", "ci"),
    ]  # fmt: skip


@pytest.mark.usefixtures("valkey_url")
def test_without_the_database_what_valkey_knows_is_still_there(board: Board) -> None:
    with database_gone():
        facts = reader(board).read(time.time())

    assert set(facts.results) == {"default/web/web-1/tcp", "default/web/web-2/tcp"}
    assert facts.past == []
    assert facts.problems


def test_without_valkey_the_past_is_still_there(board: Board, settings: Any) -> None:
    settings.MERIDIAN = replace(settings.MERIDIAN, valkey_url="redis://127.0.0.1:1/0")

    facts = reader(board).read(time.time())

    assert facts.past
    assert any("probes cannot be reached" in problem for problem in facts.problems)
