"""Health checks of a whole region: registered over HTTP, probed by Celery, seen by lookups."""

import asyncio
import json
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from tests.harness.calls import register
from tests.harness.probes.servers import HttpTarget, closed_port, dns_target, grpc_target, http_target, tcp_target
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass
class Targets:
    """One target of each type of check."""

    http: HttpTarget
    grpc: int
    dns: int
    tcp: int


@asynccontextmanager
async def all_targets() -> AsyncIterator[Targets]:
    async with http_target() as http, grpc_target() as (grpc, servicer), dns_target() as dns, tcp_target() as tcp:
        await servicer.set("", HealthCheckResponse.SERVING)
        yield Targets(http, grpc, dns.port, tcp)


@pytest.fixture
def targets() -> Iterator[Targets]:
    """Targets on a loop of their own, because the region's helpers block."""
    ready, done, found = threading.Event(), asyncio.Event(), list[Targets]()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with all_targets() as targets:
            found.append(targets)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(10)
    loop.close()


@pytest.fixture
def target(targets: Targets) -> HttpTarget:
    return targets.http


def register_checked(region: Region, id: str, *checks: dict[str, Any], port: int = 80) -> None:
    register(region, "web", id, host="127.0.0.1", port=port, checks=[{"interval": "1s", **check} for check in checks])


def http(url: str, **options: Any) -> dict[str, Any]:
    return {"type": "http", "url": url, **options}


def served(region: Region) -> dict[str, str]:
    """Who is returned by a lookup, with status."""
    status, body = region.get("/services/web")
    assert status in {200, 404}
    return {instance["id"]: instance["status"] for instance in json.loads(body)} if status == 200 else {}


def test_checks_decide_who_is_returned(start_region: Callable[..., Region], target: HttpTarget) -> None:
    region = start_region()
    register_checked(region, "good", http(target.url, failures_before_critical=2))
    register_checked(region, "refused", http("http://169.254.169.254/latest/"))
    eventually(lambda: served(region) == {"good": "passing"}, within=30, what="the good one serves, the other not")
    explained = region.get("/services/web/explain")[1].decode()
    assert "cloud metadata address" in explained
    target.status = 503
    eventually(lambda: served(region) == {}, within=30, what="nobody serves")
    target.status = 200
    eventually(lambda: served(region) == {"good": "passing"}, within=30, what="the good one serves again")
    assert "meridian_probes_total" in region.get("/metrics")[1].decode()


def test_every_type_of_check_is_probed(start_region: Callable[..., Region], targets: Targets) -> None:
    region = start_region()
    dns = {"type": "dns", "query": "db.example", "address": f"127.0.0.1:{targets.dns}", "expect_answer": "10.0.0.2"}
    register_checked(region, "http", http(targets.http.url))
    register_checked(region, "grpc", {"type": "grpc"}, port=targets.grpc)
    register_checked(region, "tcp", {"type": "tcp"}, port=targets.tcp)
    register_checked(region, "dns", dns)
    register_checked(region, "bad", http(targets.http.url), {"type": "tcp", "address": f"127.0.0.1:{closed_port()}"})
    passing = dict.fromkeys(["dns", "grpc", "http", "tcp"], "passing")
    eventually(lambda: served(region) == passing, within=30, what=f"all but one pass\n{region.log()[-2000:]}")


def test_nobody_is_removed_while_the_workers_are_down_and_verdicts_turn_unknown(
    start_region: Callable[..., Region], target: HttpTarget
) -> None:
    region = start_region()
    register_checked(region, "good", http(target.url, timeout="1s"))
    eventually(lambda: served(region) == {"good": "passing"}, within=30, what="it is probed")
    region.kill("worker", signal.SIGSTOP)
    try:
        eventually(lambda: served(region) == {"good": "unknown"}, within=30, what="its verdict is too old to trust")
    finally:
        region.kill("worker", signal.SIGCONT)
    eventually(lambda: served(region) == {"good": "passing"}, within=30, what="it is probed again")
