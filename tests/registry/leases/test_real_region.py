"""Leases in a whole region: a real server, real Celery processes, a real Valkey."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


def send(region: Region, method: str, path: str, body: dict[str, Any] | None = None) -> int:
    request = urllib.request.Request(region.url + path, method=method, data=json.dumps(body or {}).encode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        return int(answer.status)


def register(region: Region, id: str, ttl: str) -> None:
    assert send(region, "PUT", f"/services/web/{id}", {"host": "127.0.0.1", "port": 80, "lease": {"ttl": ttl}}) == 201


def served(region: Region) -> set[str]:
    status, body = region.get("/services/web")
    assert status == 200, body
    return {instance["id"] for instance in json.loads(body)}


def test_a_crashed_instance_with_a_lease_of_five_seconds_is_gone_within_seven(start_region: Callable[..., Region]):
    region = start_region()
    for id in ("alive", "crashes"):
        register(region, id, "5s")
    eventually(lambda: served(region) == {"alive", "crashes"}, what="both are served")
    for _ in range(5):  # long enough for the workers to be at it
        for id in ("alive", "crashes"):
            assert send(region, "PUT", f"/services/web/{id}/renew") == 204
        time.sleep(1.0)
    assert send(region, "PUT", "/services/web/crashes/renew") == 204
    crashed = time.monotonic()
    while "crashes" in served(region):
        assert time.monotonic() - crashed < 7.0
        assert send(region, "PUT", "/services/web/alive/renew") == 204
        time.sleep(0.1)
    assert time.monotonic() - crashed > 4.9
    assert served(region) == {"alive"}


def test_losing_valkey_and_all_it_held_removes_nobody(start_region: Callable[..., Region]):
    region = start_region()
    for id in ("one", "two"):
        register(region, id, "10s")
    eventually(lambda: served(region) == {"one", "two"}, what="both are served")
    time.sleep(3)
    valkey = region.kill("valkey")
    region.wait_restarted("valkey", was=valkey)
    ended = time.monotonic() + 9
    while time.monotonic() < ended:
        assert served(region) == {"one", "two"}
        time.sleep(0.5)
    eventually(lambda: served(region) == set(), within=30, what="leases run again, and nobody renews")
