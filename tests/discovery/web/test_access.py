"""Tokens: who may read and write."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from discovery.http import watch
from tests.harness.discovery.world import World, opened


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path, is_open=False) as world:
        await world.put("web", "a")
        yield world


async def test_without_a_token_nothing_is_told(closed: World) -> None:
    for method, target in (("GET", "/services"), ("GET", "/services/web"), ("PUT", "/services/web/a/renew")):
        answer = await closed.ask(method, target)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["authorization", "x-consul-token"])
async def test_either_header_carries_a_token(closed: World, header: str) -> None:
    secret = closed.token("reader", "read")["authorization"].removeprefix("Bearer ")
    shown = {header: secret if header == "x-consul-token" else f"Bearer {secret}"}
    for _ in range(2):
        assert (await closed.get("/services/web", headers=shown)).status == 200
    assert closed.plane.answers.hits() == 1


async def test_a_hot_answer_is_not_for_those_without_a_token(closed: World) -> None:
    shown = closed.token("reader", "read")
    for _ in range(2):
        await closed.get("/services/web", headers=shown)
    assert (await closed.get("/services/web")).status == 401
    assert (await closed.get("/services/web", headers={"authorization": "Bearer wrong"})).status == 401


async def test_writing_needs_the_services_prefix(closed: World) -> None:
    shown = closed.token("deployer", "write:shop")
    assert (await closed.ask("PUT", "/services/web/a/renew", headers=shown)).status == 403
    assert (await closed.ask("DELETE", "/services/web/a", headers=shown)).status == 403
    assert (await closed.get("/services/web", headers=shown)).status == 403


async def test_a_bulk_is_judged_entry_by_entry(closed: World) -> None:
    shown = closed.token("deployer", "write:shop")
    body = b'{"services": [{"service": "web", "id": "x", "host": "10.0.0.1", "port": 1}]}'
    answer = await closed.ask("POST", "/services/bulk", headers=shown, body=body)
    assert answer.json()["results"][0]["problem"]["status"] == 403


async def test_an_expired_token_is_noticed(closed: World) -> None:
    shown = closed.token("reader", "read", expires_at=closed.now + 10)
    assert (await closed.get("/services/web", headers=shown)).status == 200
    closed.now += 11
    closed.plane.access.refresh()
    answer = await closed.get("/services/web", headers=shown)
    assert answer.status == 401
    assert "expired" in answer.json()["detail"]


async def test_a_parked_query_is_not_answered_to_a_token_that_has_expired(closed: World) -> None:
    shown = closed.token("reader", "read", expires_at=closed.now + 10)
    index = (await closed.get("/services/web", headers=shown)).index
    waiting = closed.send("GET", f"/services/web?index={index}&wait=30s", headers=shown)
    await closed.parked(1)
    closed.now += 11
    closed.plane.access.refresh()
    await closed.put("web", "b")
    answer = await waiting.answer()
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")


async def test_a_stream_ends_when_its_token_is_revoked(closed: World) -> None:
    shown = closed.token("reader", "read")
    stream = closed.send("GET", "/services/web/watch", headers=shown)
    await stream.event()
    closed.entries[0] = msgspec.structs.replace(closed.entries[0], revoked_at=closed.now)
    closed.tokens.reload()
    closed.plane.access.refresh()
    before = stream.body
    await closed.put("web", "b")
    assert (await stream.answer()).body == before
    assert closed.plane.watchers.count == 0


async def test_a_stream_ends_with_its_token_though_nothing_changes(
    closed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "HEARTBEAT", 0.01)
    shown = closed.token("reader", "read", expires_at=closed.now + 10)
    stream = closed.send("GET", "/services/web/watch", headers=shown)
    await stream.event()
    closed.now += 11
    closed.plane.access.refresh()
    assert (await stream.answer()).status == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8500", "127.0.0.1:8500", "[::1]:8500"])
async def test_without_tokens_the_machines_own_names_are_let_in(world: World, host: str) -> None:
    await world.put("web", "a")
    for _ in range(3):
        assert (await world.get("/services/web", headers={"host": host})).status == 200
    assert world.plane.answers.hits() == 2


@pytest.mark.parametrize("shown", [{}, {"x-consul-token": ""}, {"if-none-match": "*"}])
async def test_without_tokens_a_foreign_name_is_refused_even_what_is_hot(world: World, shown: dict[str, str]) -> None:
    await world.put("web", "a")
    for _ in range(2):
        await world.get("/services/web", headers={"host": "localhost:8500"})
    for method, target in (("GET", "/services/web"), ("GET", "/services"), ("PUT", "/services/web/a/renew")):
        answer = await world.ask(method, target, headers={"host": "rebound.example:8500", **shown})
        assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
    assert (await world.get("/health/live", headers={"host": "rebound.example:8500"})).status == 200


async def test_without_tokens_a_page_of_another_site_may_not_write(world: World) -> None:
    await world.put("web", "a")
    page = {"host": "localhost:8500", "origin": "http://evil.example"}
    assert (await world.ask("PUT", "/services/web/a/renew", headers=page)).status == 403
    ours = {"host": "localhost:8500", "origin": "http://localhost:8500"}
    assert (await world.ask("PUT", "/services/web/a/renew", headers=ours)).status == 204


async def test_a_token_may_come_by_any_name(world: World) -> None:
    await world.put("web", "a")
    shown = {"host": "rebound.example", **world.token("reader", "read")}
    assert (await world.get("/services/web", headers=shown)).status == 200


async def test_health_and_metrics_need_no_token(closed: World) -> None:
    for target in ("/health", "/health/live", "/health/ready", "/metrics"):
        assert (await closed.get(target)).status == 200
