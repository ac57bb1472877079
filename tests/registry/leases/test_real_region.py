"""Leases in a whole region: a real server, real Celery processes, a real Valkey."""

import json
import time
from collections.abc import Callable

import pytest

from tests.harness.calls import call, register
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


def served(region: Region) -> set[str]:
    status, body = region.get("/services/web")
    assert status == 200, body
    return {instance["id"] for instance in json.loads(body)}


def test_a_crashed_instance_with_a_lease_of_five_seconds_is_gone_within_seven(start_region: Callable[..., Region]):
    region = start_region()
    for id in ("alive", "crashes"):
        register(region, "web", id, lease={"ttl": "5s"})
    eventually(lambda: served(region) == {"alive", "crashes"}, what="both are served")
    for _ in range(5):  # long enough for the workers to be at it
        for id in ("alive", "crashes"):
            assert call(region, "PUT", f"/services/web/{id}/renew")[0] == 204
        time.sleep(1.0)
    assert call(region, "PUT", "/services/web/crashes/renew")[0] == 204
    crashed = time.monotonic()
    while "crashes" in served(region):
        assert time.monotonic() - crashed < 7.0
        assert call(region, "PUT", "/services/web/alive/renew")[0] == 204
        time.sleep(0.1)
    assert time.monotonic() - crashed > 4.9
    assert served(region) == {"alive"}


def test_losing_valkey_and_all_it_held_removes_nobody(start_region: Callable[..., Region]):
    region = start_region()
    for id in ("one", "two"):
        register(region, "web", id, lease={"ttl": "10s"})
    eventually(lambda: served(region) == {"one", "two"}, what="both are served")
    time.sleep(3)
    valkey = region.kill("valkey")
    region.wait_restarted("valkey", was=valkey)
    ended = time.monotonic() + 9
    while time.monotonic() < ended:
        assert served(region) == {"one", "two"}
        time.sleep(0.5)
    eventually(lambda: served(region) == set(), within=30, what="leases run again, and nobody renews")
