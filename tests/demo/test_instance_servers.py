"""The real servers of an instance."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from demo.http_server import Behaviour
from demo.plan import InstancePlan
from demo.process import Process

PLAN = InstancePlan(
    service="user-service",
    id="user-service-1",
    zone="us-east-1a",
    version="2.1.0",
    team="accounts",
    tags=("core",),
    grpc=True,
)


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    running = Process(PLAN)
    await running.start()
    yield running
    await running.close()


@pytest.fixture
async def session(process: Process) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{process.port}") as opened:
        yield opened


async def exchange(port: int, sent: bytes) -> bytes:
    """Everything the server says to `sent` until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(5):
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


async def grpc_status(process: Process, service: str = "") -> Any:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{process.ports['grpc']}") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=service), timeout=5
        )
        return answer.status


async def test_a_healthy_instance_answers_200_with_json(session: aiohttp.ClientSession) -> None:
    async with session.get("/health") as response:
        body = await response.json()
    assert (response.status, body["status"], body["instance"]) == (200, "healthy", "user-service-1")


async def test_a_failing_instance_answers_503_with_its_reason(process: Process, session: aiohttp.ClientSession) -> None:
    process.behave(Behaviour.FAILING, "disk almost full")
    async with session.get("/health") as response:
        body = await response.json()
    assert (response.status, body["status"], body["reason"]) == (503, "unhealthy", "disk almost full")


async def test_a_hanging_instance_does_not_answer_within_the_timeout_of_a_check(
    process: Process, session: aiohttp.ClientSession
) -> None:
    process.behave(Behaviour.HANGING, "")
    with pytest.raises(TimeoutError):
        await session.get("/health", timeout=aiohttp.ClientTimeout(total=2))


async def test_a_hanging_instance_still_answers_elsewhere(process: Process, session: aiohttp.ClientSession) -> None:
    process.behave(Behaviour.HANGING, "")
    async with session.get("/") as response:
        assert (response.status, (await response.json())["version"]) == (200, "2.1.0")


async def test_an_instance_recovers(process: Process, session: aiohttp.ClientSession) -> None:
    process.behave(Behaviour.FAILING, "disk almost full")
    process.behave(Behaviour.HEALTHY, "")
    async with session.get("/health") as response:
        assert response.status == 200


async def test_an_unknown_path_is_not_found(session: aiohttp.ClientSession) -> None:
    async with session.get("/nowhere") as response:
        assert response.status == 404


async def test_a_query_does_not_change_the_path(session: aiohttp.ClientSession) -> None:
    async with session.get("/health?verbose=1") as response:
        assert response.status == 200


async def test_one_connection_serves_many_requests(process: Process) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    received = await exchange(process.port, request + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert received.count(b"HTTP/1.1 200 OK") == 2


async def test_a_head_request_gets_no_body(process: Process) -> None:
    received = await exchange(process.port, b"HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"405"),
        (b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", b"405"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
    ],
    ids=["nonsense", "another method", "a body", "endless headers", "an old client"],
)
async def test_odd_requests_get_an_answer_and_the_end_of_the_connection(
    process: Process, sent: bytes, status: bytes
) -> None:
    assert (await exchange(process.port, sent)).startswith(b"HTTP/1.1 " + status)


async def test_a_closed_instance_breaks_off_open_connections_and_refuses_new_ones(process: Process) -> None:
    port = process.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await process.close()
    async with asyncio.timeout(5):
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(100_000)
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_the_grpc_port_serves_the_standard_health_service(process: Process) -> None:
    assert await grpc_status(process, "user-service") == health_pb2.HealthCheckResponse.SERVING


async def test_grpc_health_fails_together_with_http_health(process: Process) -> None:
    process.behave(Behaviour.FAILING, "disk almost full")
    assert await grpc_status(process) == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_grpc_health_does_not_know_other_services(process: Process) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await grpc_status(process, "order-service")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_hundreds_of_servers_start_within_seconds() -> None:
    began = time.monotonic()
    processes = [Process(PLAN) for _ in range(300)]
    for process in processes:
        await process.http.start()
    ports = {process.port for process in processes}
    for process in processes:
        await process.close()
    assert len(ports) == 300
    assert time.monotonic() - began < 10
