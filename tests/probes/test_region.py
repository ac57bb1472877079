"""Health checks of a whole region: registered over HTTP, probed by Celery, seen by lookups."""

import asyncio
import json
import signal
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.probes.servers import HttpTarget, http_target
from tests.region import Region, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    """A target on a loop of its own, because the region's helpers block."""
    ready, done, found = threading.Event(), asyncio.Event(), list[HttpTarget]()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with http_target() as target:
            found.append(target)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(10)
    loop.close()


def register(region: Region, id: str, url: str, **check: Any) -> None:
    body = {"host": "127.0.0.1", "port": 80, "checks": [{"type": "http", "url": url, "interval": "1s", **check}]}
    request = urllib.request.Request(
        f"{region.url}/services/web/{id}", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def served(region: Region) -> dict[str, str]:
    """Who is returned by a lookup, with status."""
    status, body = region.get("/services/web")
    assert status in {200, 404}
    return {instance["id"]: instance["status"] for instance in json.loads(body)} if status == 200 else {}


def test_checks_decide_who_is_returned(start_region: Callable[..., Region], target: HttpTarget) -> None:
    region = start_region()
    register(region, "good", target.url, failures_before_critical=2)
    register(region, "refused", "http://169.254.169.254/latest/")
    eventually(lambda: served(region) == {"good": "passing"}, within=30, what="the good one serves, the other not")
    explained = region.get("/services/web/explain")[1].decode()
    assert "cloud metadata address" in explained
    target.status = 503
    eventually(lambda: served(region) == {}, within=30, what="nobody serves")
    target.status = 200
    eventually(lambda: served(region) == {"good": "passing"}, within=30, what="the good one serves again")
    assert "meridian_probes_total" in region.get("/metrics")[1].decode()


def test_nobody_is_removed_while_the_workers_are_down_and_verdicts_turn_unknown(
    start_region: Callable[..., Region], target: HttpTarget
) -> None:
    region = start_region()
    register(region, "good", target.url, timeout="1s")
    eventually(lambda: served(region) == {"good": "passing"}, within=30, what="it is probed")
    region.kill("worker", signal.SIGSTOP)
    try:
        eventually(lambda: served(region) == {"good": "unknown"}, within=30, what="its verdict is too old to trust")
    finally:
        region.kill("worker", signal.SIGCONT)
    eventually(lambda: served(region) == {"good": "passing"}, within=30, what="it is probed again")
