"""TCP checks against a real listener."""

from catalog.records.check import Check, CheckType
from catalog.records.status import Status
from registry.checks.probes.engine import Engine
from tests.harness.probes.servers import LOOPBACK, closed_port, tcp_target


def check(address: str = "", **fields: float) -> Check:
    return Check(name="tcp", type=CheckType.TCP, address=address, **fields)  # type: ignore[arg-type]


async def test_an_accepted_connection_passes(engine: Engine) -> None:
    async with tcp_target() as port:
        outcome = await engine.probe(check(f"{LOOPBACK}:{port}"), ("10.9.9.9", 1))
    assert outcome.status is Status.PASSING
    assert outcome.output == f"TCP connect {LOOPBACK}:{port}: connected"


async def test_without_an_address_the_instance_itself_is_asked(engine: Engine) -> None:
    async with tcp_target() as port:
        outcome = await engine.probe(check(), (LOOPBACK, port))
    assert outcome.status is Status.PASSING


async def test_a_host_name_is_resolved(engine: Engine) -> None:
    async with tcp_target() as port:
        outcome = await engine.probe(check(), ("localhost", port))
    assert outcome.status is Status.PASSING


async def test_a_refused_connection_is_critical(engine: Engine) -> None:
    outcome = await engine.probe(check(), (LOOPBACK, closed_port()))
    assert outcome.status is Status.CRITICAL
    assert outcome.output.endswith("Connection refused")


async def test_a_name_that_does_not_exist_is_critical(engine: Engine) -> None:
    outcome = await engine.probe(check(), ("nowhere.invalid", 80))
    assert outcome.status is Status.CRITICAL
    assert outcome.output.startswith("TCP connect nowhere.invalid:80: ")
