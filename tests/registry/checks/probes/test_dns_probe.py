"""DNS checks against a real responder."""

import dns.rcode
import pytest

from catalog.records.check import Check, CheckType
from catalog.records.status import Status
from registry.checks.probes.engine import Engine
from tests.harness.probes.servers import LOOPBACK, dns_target


def check(**fields: object) -> Check:
    return Check(name="dns", type=CheckType.DNS, query="db.example", **fields)  # type: ignore[arg-type]


async def test_an_answer_passes_and_is_shown(engine: Engine) -> None:
    async with dns_target() as target:
        outcome = await engine.probe(check(), (LOOPBACK, target.port))
    assert outcome.status is Status.PASSING
    assert outcome.output == f"DNS A db.example at {LOOPBACK}:{target.port}: 10.0.0.1, 10.0.0.2"


async def test_an_address_names_another_server_than_the_instance(engine: Engine) -> None:
    async with dns_target() as target:
        outcome = await engine.probe(check(address=f"{LOOPBACK}:{target.port}"), ("10.9.9.9", 1))
    assert outcome.status is Status.PASSING


@pytest.mark.parametrize(
    ("kind", "text", "expected", "verdict"),
    [
        ("A", "10.0.0.2", "10.0.0.2", Status.PASSING),
        ("A", "10.0.0.2", "10.0.0.3", Status.CRITICAL),
        ("CNAME", "Db-1.example.", "db-1.example", Status.PASSING),
        ("TXT", '"hello"', "hello", Status.PASSING),
    ],
)
async def test_one_answer_can_be_expected(engine: Engine, kind: str, text: str, expected: str, verdict: Status) -> None:
    async with dns_target() as target:
        target.records = [(kind, text)]
        outcome = await engine.probe(check(record=kind, expect_answer=expected), (LOOPBACK, target.port))
    assert outcome.status is verdict


async def test_nxdomain_is_critical(engine: Engine) -> None:
    async with dns_target() as target:
        target.rcode, target.records = dns.rcode.NXDOMAIN, []
        outcome = await engine.probe(check(), (LOOPBACK, target.port))
    assert outcome.status is Status.CRITICAL
    assert outcome.output.endswith(": NXDOMAIN")


async def test_an_empty_answer_is_critical(engine: Engine) -> None:
    async with dns_target() as target:
        target.records = []
        outcome = await engine.probe(check(record="AAAA"), (LOOPBACK, target.port))
    assert outcome.status is Status.CRITICAL
    assert outcome.output.endswith("no AAAA record in the answer")


async def test_a_cut_answer_is_asked_again_over_tcp(engine: Engine) -> None:
    async with dns_target() as target:
        target.cut = True
        outcome = await engine.probe(check(), (LOOPBACK, target.port))
    assert outcome.status is Status.PASSING


async def test_a_silent_server_times_out(engine: Engine) -> None:
    async with dns_target() as target:
        target.silent = True
        outcome = await engine.probe(check(timeout=0.2), (LOOPBACK, target.port))
    assert outcome.status is Status.CRITICAL
    assert outcome.output.endswith("no answer within 0.2s")
