"""What is asked of a Valkey that is down: each error names the part of the region that was asked for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from django.conf import settings
from django.test import override_settings

from catalog.errors import Unavailable
from registry import freshness, valkey
from registry.checks import probe_heartbeat
from registry.checks.counters import worker_metrics
from registry.checks.results import last_results
from registry.checks.schedule import Schedule
from registry.valkey import aconnection


@pytest.fixture(autouse=True)
def no_valkey() -> Iterator[None]:
    """Nothing listens where Valkey was."""
    with override_settings(MERIDIAN=replace(settings.MERIDIAN, valkey_url="redis://127.0.0.1:1/0")):
        yield


async def claim() -> None:
    async with aconnection() as client:
        await Schedule(client, "us-east").claim(1)


async def results() -> None:
    await asyncio.to_thread(last_results, ["default/web/one/http"], now=time.time())


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (valkey.ping, r"the cache \(Valkey\)"),
        (claim, "the schedule of probes"),
        (results, "the results of probes"),
        (probe_heartbeat.last_round, "the heartbeat of the probes"),
        (worker_metrics, "the workers' counters"),
        (freshness.read, "the status of the mirrors"),
    ],
)
async def test_an_error_names_the_part_that_cannot_be_reached(ask: Callable[[], Awaitable[object]], part: str) -> None:
    with pytest.raises(Unavailable, match=f"^{part} cannot be reached: Error 111"):
        await ask()
