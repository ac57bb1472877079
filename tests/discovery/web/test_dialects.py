"""A dialect that is one more in the list has everything that the native one has, in its own form."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.dialects import DIALECTS
from discovery import plane
from discovery.web.operations import metrics
from discovery.web.server import Application
from registry.asgi import Receive, Scope, Send
from registry.commit.writer import local_region
from registry.log.local import DatabaseLog
from tests.harness.discovery.serving import Door, echo, get, request
from tests.harness.discovery.toy.dialect import DIALECT as TOY
from tests.harness.discovery.world import REGION, World

LOOKUP = get("/toy/where/web")
JSON_LOOKUP = get("/toy/where/web", "accept: application/json")


class Counting(Application):
    """Counts the requests that took a task of their own and ASGI's messages."""

    calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        await super().__call__(scope, receive, send)


def serving(data: Path, **given: Any) -> Door:
    """A server whose list of dialects is longer by one."""
    return Door(data, application=Counting, dialects=(*DIALECTS, TOY), **given)


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grants are remembered until a test says otherwise."""
    monkeypatch.setattr(plane, "REMEMBERED", 3600.0)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A server of a region with one instance."""
    with serving(tmp_path, otherwise=echo) as running:
        running.do(running.world.put("web", "a"))
        yield running


@pytest.fixture
def durable(tmp_path: Path, committed: None) -> Iterator[Door]:
    """A server over the real log, which can be written to."""
    assert local_region() == REGION
    with serving(tmp_path, log=DatabaseLog(REGION)) as running:
        yield running


def calls(door: Door) -> int:
    assert isinstance(door.world.application, Counting)
    return door.world.application.calls


# Its own form


def test_it_answers_with_its_own_body_and_headers(door: Door) -> None:
    answer = door.ask(LOOKUP)

    assert (answer.status, answer.body) == (200, b"a 10.0.1.5:8080\n")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["toy-index"] == "1"
    assert not [name for name in answer.headers if name.startswith("meridian-")]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (get("/toy/where/-"), 400, "no: "),
        (get("/toy/nowhere"), 404, "no: nothing lives at '/toy/nowhere'"),
        (request("DELETE", "/toy/where/web"), 405, "no: "),
        (get("/toy/broken"), 500, "no: what went wrong is in the server's log"),
        (get("/toy/where/web", host="evil.example"), 403, "no: 'evil.example' is not a host"),
        (request("POST", "/toy/here/web", body=b"one"), 400, "no: a registration is: id host port"),
        (get("/toy/where/%"), 400, "no: "),
    ],
)
def test_its_errors_have_its_own_form(door: Door, asked: bytes, status: int, said: str) -> None:
    answer = door.ask(asked)

    assert (answer.status, answer.headers["content-type"]) == (status, "text/plain")
    assert answer.body.decode().startswith(said)


def test_its_token_stands_where_it_says_and_nowhere_else(tmp_path: Path) -> None:
    with serving(tmp_path, is_open=False) as closed:
        closed.do(closed.world.put("web", "a"))
        secret = closed.world.token("reader", "read")["authorization"].removeprefix("Bearer ")

        assert closed.ask(get(f"/toy/where/web?key={secret}")).status == 200
        assert closed.ask(get("/toy/where/web", f"toy-key: {secret}")).status == 200
        for asked in (LOOKUP, get("/toy/where/web", f"authorization: Bearer {secret}")):
            assert (closed.ask(asked).status, closed.ask(asked).headers["content-type"]) == (403, "text/plain")


def test_a_header_of_a_request_for_the_root_may_choose_it(door: Door) -> None:
    assert door.ask(request("POST", "/", "toy-target: where", body=b"web")).body == b"a 10.0.1.5:8080\n"
    assert door.ask(request("POST", "/", body=b"web")).json()["path"] == "/"  # the echo: it is of no dialect


# The request cache


def test_a_repeated_lookup_is_answered_by_its_bytes_without_a_task(door: Door) -> None:
    known = door.learn(LOOKUP)
    before, hits = calls(door), door.world.plane.answers.hits()

    assert [door.ask(LOOKUP).whole for _ in range(5)] == [known.whole] * 5

    assert calls(door) == before
    assert door.world.plane.answers.hits() == hits + 5


def test_a_change_takes_its_answers_away_with_those_of_others(door: Door) -> None:
    native = get("/services/web")
    for lookup in (LOOKUP, JSON_LOOKUP, native):
        door.learn(lookup)

    door.do(door.world.put("web", "b"))

    assert not any(map(door.knows, (LOOKUP, JSON_LOOKUP, native)))
    assert door.ask(LOOKUP).body == b"a 10.0.1.5:8080\nb 10.0.1.5:8080\n"


def test_two_forms_of_one_path_are_never_taken_for_each_other(door: Door) -> None:
    for _ in range(3):
        assert door.learn(LOOKUP).body == b"a 10.0.1.5:8080\n"
        assert door.learn(JSON_LOOKUP).json() == {"a": "10.0.1.5:8080"}
        assert door.ask(get("/toy/where/web", "traceparent: 1")).body == b"a 10.0.1.5:8080\n"
        assert door.ask(get("/toy/where/web", "accept: application/json", "traceparent: 1")).json()


def test_a_lookup_with_its_token_is_known_until_the_token_is_revoked(tmp_path: Path) -> None:
    with serving(tmp_path, is_open=False) as closed:
        closed.do(closed.world.put("web", "a"))
        secret = closed.world.token("reader", "read")["authorization"].removeprefix("Bearer ")
        for shown in (get(f"/toy/where/web?key={secret}"), get("/toy/where/web", f"toy-key: {secret}")):
            assert closed.learn(shown).status == 200
        assert closed.ask(LOOKUP).status == 403

        closed.world.entries[0] = msgspec.structs.replace(closed.world.entries[0], revoked_at=closed.world.now)
        closed.world.tokens.reload()
        closed.do(_refreshed(closed))

        assert closed.ask(get(f"/toy/where/web?key={secret}")).status == 403


async def _refreshed(door: Door) -> None:
    door.world.plane.access.refresh()


# Blocking reads


def test_all_who_wait_are_answered_by_one_computation(door: Door) -> None:
    index = door.ask(LOOKUP).headers["toy-index"]
    lines = [door.connect() for _ in range(20)]
    for line in lines:
        line.send(get(f"/toy/where/web?since={index}"))
    door.do(door.world.parked(20))
    computed = door.world.plane.answers.computed

    door.do(door.world.put("web", "b"))

    assert {line.answer().body for line in lines} == {b"a 10.0.1.5:8080\nb 10.0.1.5:8080\n"}
    assert (door.world.plane.answers.computed, door.world.plane.topics.recomputed) == (computed + 1, 1)
    for line in lines:
        line.socket.close()


def test_who_waits_and_may_no_longer_read_is_told_so_in_its_form(tmp_path: Path) -> None:
    with serving(tmp_path, is_open=False) as closed:
        closed.do(closed.world.put("web", "a"))
        secret = closed.world.token("reader", "read")["authorization"].removeprefix("Bearer ")
        with closed.connect() as line:
            line.send(get("/toy/where/web?since=1", f"toy-key: {secret}"))
            closed.do(closed.world.parked(1))
            closed.world.entries.clear()
            closed.world.tokens.reload()
            closed.do(_refreshed(closed))
            closed.do(closed.world.put("web", "b"))
            answer = line.answer()
    assert (answer.status, answer.headers["content-type"]) == (403, "text/plain")


# Fast writes


@pytest.mark.django_db(transaction=True)
def test_a_registration_is_answered_without_a_task_and_seen_by_the_very_next_lookup(durable: Door) -> None:
    for number in range(3):
        before = calls(durable)
        answer = durable.ask(request("POST", "/toy/here/web", body=b"i%d 10.0.0.1 80" % number))

        assert (answer.status, answer.body, calls(durable)) == (200, b"welcome", before)
        assert len(durable.ask(LOOKUP).body.splitlines()) == number + 1
        assert len(durable.ask(get("/services/web")).json()) == number + 1


@pytest.mark.django_db(transaction=True)
def test_a_registration_that_comes_in_chunks_takes_a_task_and_is_answered_alike(durable: Door) -> None:
    fast = durable.ask(request("POST", "/toy/here/web", "x-request-id: same", body=b"a 10.0.0.1 80"))
    before = calls(durable)
    slow = durable.ask(
        request("POST", "/toy/here/web", "x-request-id: same", "transfer-encoding: chunked")
        + b"d\r\nb 10.0.0.1 80\r\n0\r\n\r\n"
    )

    assert calls(durable) == before + 1
    assert (slow.status, slow.body, set(slow.headers)) == (fast.status, fast.body, set(fast.headers))


def test_a_renewal_with_parameters_is_answered_without_a_task(door: Door) -> None:
    before, renewed = calls(door), door.world.plane.renewed

    answer = door.ask(request("PUT", "/toy/alive/web/a?status=UP"))

    assert (answer.status, answer.body, calls(door)) == (200, b"alive", before)
    assert door.world.plane.renewed == renewed + 1


def test_a_fast_write_without_a_token_is_refused_in_its_form(tmp_path: Path) -> None:
    with serving(tmp_path, is_open=False) as closed:
        answer = closed.ask(request("POST", "/toy/here/web", body=b"a 10.0.0.1 80"))
        assert (answer.status, answer.headers["content-type"], calls(closed)) == (403, "text/plain", 0)


# What reads the list


def test_the_metrics_count_the_lookups_of_every_dialect_from_the_start(door: Door) -> None:
    def lookups() -> list[str]:
        text = metrics.exposition(door.world.plane).decode()
        return [line for line in text.splitlines() if line.startswith("meridian_lookups_total")]

    assert lookups() == ['meridian_lookups_total{dialect="http"} 0.0', 'meridian_lookups_total{dialect="toy"} 0.0']
    for _ in range(4):
        door.ask(LOOKUP)
    assert lookups()[1] == 'meridian_lookups_total{dialect="toy"} 4.0'


def test_two_dialects_cannot_have_the_same_paths(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="/toy"):
        World(tmp_path, dialects=(TOY, replace(TOY, name="other", root_header=b"")))
