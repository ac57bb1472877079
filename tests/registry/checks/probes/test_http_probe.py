"""HTTP checks against a real server."""

import asyncio
import time

import pytest

from catalog.records.status import Status
from registry.checks.probes.engine import Engine
from registry.checks.probes.http import LARGEST_BODY
from tests.harness.probes.servers import LOOPBACK, closed_port, http_check, http_target, tcp_target

OWN = (LOOPBACK, 1)


async def test_a_2xx_answer_passes_and_the_output_shows_it(engine: Engine) -> None:
    async with http_target() as target:
        outcome = await engine.probe(http_check(target.url), OWN)
    assert outcome.status is Status.PASSING
    assert outcome.output == f"HTTP GET {target.url}: 200 OK, body: all well"
    assert 0 < outcome.latency < 2


@pytest.mark.parametrize(
    ("status", "expect", "verdict"),
    [
        (204, (), Status.PASSING),
        (404, (), Status.CRITICAL),
        (503, (), Status.CRITICAL),
        (503, (503,), Status.PASSING),
        (200, (204, 503), Status.CRITICAL),
        (429, (), Status.WARNING),
        (429, (200,), Status.WARNING),
        (429, (429,), Status.PASSING),
        (301, (), Status.CRITICAL),
        (301, (301,), Status.PASSING),
    ],
)
async def test_the_status_decides(engine: Engine, status: int, expect: tuple[int, ...], verdict: Status) -> None:
    async with http_target() as target:
        target.status = status
        outcome = await engine.probe(http_check(target.url, expect_status=expect), OWN)
    assert outcome.status is verdict


async def test_an_unexpected_status_is_explained_with_the_body(engine: Engine) -> None:
    async with http_target() as target:
        target.status, target.body = 503, '{"status": "unhealthy",\n "reason": "no disk"}'
        outcome = await engine.probe(http_check(target.url, expect_status=(200, 204)), OWN)
    assert outcome.output == (
        f"HTTP GET {target.url}: 503 Service Unavailable, expected 200 or 204, "
        'body: {"status": "unhealthy", "reason": "no disk"}'
    )


async def test_a_redirect_is_not_followed(engine: Engine) -> None:
    async with http_target() as target:
        target.status, target.headers = 302, {"Location": f"http://{LOOPBACK}:{target.port}/elsewhere"}
        outcome = await engine.probe(http_check(target.url), OWN)
    assert outcome.status is Status.CRITICAL
    assert "302 Found to http://127.0.0.1" in outcome.output
    assert "redirects are not followed" in outcome.output
    assert target.hits == {"/health": 1}


@pytest.mark.parametrize(("wanted", "verdict"), [("well", Status.PASSING), ("unwell", Status.CRITICAL)])
async def test_a_part_of_the_body_can_be_expected(engine: Engine, wanted: str, verdict: Status) -> None:
    async with http_target() as target:
        outcome = await engine.probe(http_check(target.url, expect_body=wanted), OWN)
    assert outcome.status is verdict


async def test_only_the_beginning_of_a_body_is_read(engine: Engine) -> None:
    async with http_target() as target:
        target.body = b"x" * LARGEST_BODY + b"beyond"
        outcome = await engine.probe(http_check(target.url, expect_body="beyond"), OWN)
    assert outcome.status is Status.CRITICAL
    assert len(outcome.output) < 600


async def test_method_headers_and_user_agent_are_sent(engine: Engine) -> None:
    async with http_target() as target:
        await engine.probe(http_check(target.url, method="PUT", headers={"X-Probe": "yes"}), OWN)
    method, path, headers = target.requests[0]
    assert (method, path, headers["X-Probe"]) == ("PUT", "/health", "yes")
    assert headers["User-Agent"] == "Meridian-Health-Check"


async def test_each_probe_makes_its_own_connection(engine: Engine) -> None:
    async with http_target() as target:
        await engine.probe(http_check(target.url), OWN)
    outcome = await engine.probe(http_check(target.url), OWN)
    assert outcome.status is Status.CRITICAL


async def test_nobody_listening_is_critical_and_says_so(engine: Engine) -> None:
    outcome = await engine.probe(http_check(f"http://{LOOPBACK}:{closed_port()}/"), OWN)
    assert outcome.status is Status.CRITICAL
    assert "refused" in outcome.output.lower()


async def test_the_timeout_is_hard(engine: Engine) -> None:
    async with http_target() as target:
        target.delay = 30.0
        began = time.monotonic()
        outcome = await engine.probe(http_check(target.url, timeout=0.2), OWN)
        assert time.monotonic() - began < 2
    assert outcome.status is Status.CRITICAL
    assert outcome.output.endswith("no answer within 0.2s")


async def test_a_body_that_trickles_does_not_stretch_the_timeout(engine: Engine) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with tcp_target(trickle) as port:
        outcome = await engine.probe(http_check(f"http://{LOOPBACK}:{port}/", timeout=0.3), OWN)
    assert outcome.status is Status.CRITICAL
    assert 0.25 < outcome.latency < 1.5


async def test_an_answer_that_is_not_http_is_critical(engine: Engine) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    async with tcp_target(babble) as port:
        outcome = await engine.probe(http_check(f"http://{LOOPBACK}:{port}/"), OWN)
    assert outcome.status is Status.CRITICAL


async def test_a_password_in_the_url_is_not_shown(engine: Engine) -> None:
    async with http_target() as target:
        url = target.url.replace("http://", "http://probe:secret@")
        outcome = await engine.probe(http_check(url), OWN)
    assert outcome.status is Status.PASSING
    assert "secret" not in outcome.output
    assert target.requests[0][2]["Authorization"].startswith("Basic ")


async def test_control_characters_of_a_target_do_not_reach_the_output(engine: Engine) -> None:
    async with http_target() as target:
        target.body = b"\x1b[31mred\x00\r\nline"
        outcome = await engine.probe(http_check(target.url), OWN)
    assert outcome.output.isprintable()


async def test_a_header_that_cannot_be_sent_is_critical_not_a_crash(engine: Engine) -> None:
    async with http_target() as target:
        outcome = await engine.probe(http_check(target.url, headers={"X": "a\r\nInjected: yes"}), OWN)
        assert outcome.status is Status.CRITICAL
        assert target.requests == []
