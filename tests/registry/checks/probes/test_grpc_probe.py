"""gRPC checks against a real server of the standard health protocol."""

import asyncio

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from catalog.records.check import Check, CheckType
from catalog.records.status import Status
from registry.checks.probes.engine import Engine
from tests.harness.probes import CERTIFICATE, CERTIFICATE_KEY
from tests.harness.probes.servers import LOOPBACK, closed_port, grpc_target, tcp_target


def check(**fields: object) -> Check:
    return Check(name="grpc", type=CheckType.GRPC, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (HealthCheckResponse.SERVING, Status.PASSING),
        (HealthCheckResponse.NOT_SERVING, Status.CRITICAL),
        (HealthCheckResponse.UNKNOWN, Status.CRITICAL),
    ],
)
async def test_only_serving_passes(engine: Engine, answer: int, verdict: Status) -> None:
    async with grpc_target() as (port, servicer):
        await servicer.set("", answer)
        outcome = await engine.probe(check(), (LOOPBACK, port))
    assert outcome.status is verdict
    assert outcome.output == f"gRPC {LOOPBACK}:{port}: {HealthCheckResponse.ServingStatus.Name(answer)}"


async def test_one_service_of_a_server_can_be_asked_for(engine: Engine) -> None:
    async with grpc_target() as (port, servicer):
        await servicer.set("orders", HealthCheckResponse.NOT_SERVING)
        outcome = await engine.probe(check(service="orders"), (LOOPBACK, port))
    assert outcome.status is Status.CRITICAL
    assert "service 'orders': NOT_SERVING" in outcome.output


async def test_a_service_that_the_server_does_not_know_is_critical(engine: Engine) -> None:
    async with grpc_target() as (port, _):
        outcome = await engine.probe(check(service="nobody"), (LOOPBACK, port))
    assert outcome.status is Status.CRITICAL
    assert "NOT_FOUND" in outcome.output


async def test_nobody_listening_is_critical(engine: Engine) -> None:
    outcome = await engine.probe(check(timeout=1.0), (LOOPBACK, closed_port()))
    assert outcome.status is Status.CRITICAL


async def test_a_server_that_comes_back_passes_at_the_next_probe(engine: Engine) -> None:
    port = closed_port()
    down = await engine.probe(check(timeout=1.0, address=f"{LOOPBACK}:{port}"), (LOOPBACK, port))
    server = grpc.aio.server()
    server.add_insecure_port(f"{LOOPBACK}:{port}")
    await server.start()
    try:
        up = await engine.probe(check(address=f"{LOOPBACK}:{port}"), (LOOPBACK, port))
    finally:
        await server.stop(None)
    assert down.status is Status.CRITICAL
    assert "UNIMPLEMENTED" in up.output  # it is asked again, not remembered as dead


async def test_a_server_that_says_nothing_times_out(engine: Engine) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async with tcp_target(say_nothing) as port:
        outcome = await engine.probe(check(timeout=0.3), (LOOPBACK, port))
    assert outcome.status is Status.CRITICAL
    assert outcome.output.endswith("no answer within 0.3s")


async def test_a_server_of_another_protocol_is_critical(engine: Engine) -> None:
    async with tcp_target() as port:
        outcome = await engine.probe(check(timeout=1.0), (LOOPBACK, port))
    assert outcome.status is Status.CRITICAL


async def test_tls_with_a_certificate_that_nobody_vouches_for_is_critical(engine: Engine) -> None:
    key, certificate = CERTIFICATE_KEY.read_bytes(), CERTIFICATE.read_bytes()
    async with grpc_target(grpc.ssl_server_credentials([(key, certificate)])) as (port, servicer):
        await servicer.set("", HealthCheckResponse.SERVING)
        outcome = await engine.probe(check(tls=True, timeout=1.0), (LOOPBACK, port))
    assert outcome.status is Status.CRITICAL
