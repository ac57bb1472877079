"""Tokens: who may read and write."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.discovery.world import World, opened


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


async def test_health_and_metrics_need_no_token(closed: World) -> None:
    for target in ("/health", "/health/live", "/health/ready", "/metrics"):
        assert (await closed.get(target)).status == 200
