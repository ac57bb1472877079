"""Reporting what probes found: over real tables, a real Valkey and the real breaker."""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from catalog.errors import NotFound, Unavailable
from catalog.records.registration import from_mapping
from catalog.records.status import Status
from config.local.ports import free_port
from registry import actions
from registry.actions import Report
from registry.checks.reports import HELD, tell
from registry.models import ChangeRow, InstanceRow

pytestmark = pytest.mark.usefixtures("committed", "valkey_url")
T = TypeVar("T")
CHECK = {"type": "http", "url": "http://127.0.0.1:1/", "status": "passing"}


async def register_many(number: int) -> None:
    body = from_mapping({"host": "127.0.0.1", "port": 80, "checks": [CHECK]})
    rows = [("default", "web", f"web-{n}", body) for n in range(number)]
    await actions.register_many.aio(rows, actor="test", cause="test")


def report(id: str, status: Status) -> Report:
    return Report(namespace="default", service="web", id=id, check="http", status=status, output="503", epoch=1)


@sync_to_async
def read(query: Callable[[], T]) -> T:
    """What a query finds; its thread is not the test's own, so nobody else would close its connection."""
    try:
        return query()
    finally:
        connection.close()


async def statuses() -> dict[str, str]:
    return await read(lambda: dict(InstanceRow.objects.values_list("instance_id", "status")))


async def test_a_transition_is_in_the_log_with_its_own_cause() -> None:
    await register_many(2)
    causes = ["check http: 3 failures in a row: 503", "check http: 1 failure: 503"]
    await tell([(report(f"web-{n}", Status.CRITICAL), cause) for n, cause in enumerate(causes)])
    rows = await read(lambda: list(ChangeRow.objects.filter(verb="report").order_by("index")))
    assert [(row.actor, row.cause) for row in rows] == [("worker:probes", cause) for cause in causes]
    assert await statuses() == {"web-0": "critical", "web-1": "critical"}


async def test_what_is_recorded_already_writes_nothing() -> None:
    await register_many(1)
    assert await tell([(report("web-0", Status.PASSING), "as before")]) == [None]
    assert await read(ChangeRow.objects.filter(verb="report").count) == 0


async def test_an_instance_that_has_left_is_an_error_of_its_own() -> None:
    await register_many(1)
    gone, written = await tell([(report("web-9", Status.CRITICAL), "a"), (report("web-0", Status.CRITICAL), "b")])
    assert isinstance(gone, NotFound)
    assert isinstance(written, int)


async def test_what_would_take_a_whole_service_away_is_held() -> None:
    await register_many(20)
    outcomes = await tell([(report(f"web-{n}", Status.CRITICAL), "all at once") for n in range(20)])
    assert outcomes.count(HELD) > 10
    assert list((await statuses()).values()).count("critical") == 20 - outcomes.count(HELD)


async def test_recoveries_are_never_held() -> None:
    await register_many(20)
    outcomes = await tell([(report(f"web-{n}", Status.WARNING), "all at once") for n in range(20)])
    assert all(isinstance(outcome, int) for outcome in outcomes)


async def test_without_valkey_nothing_that_takes_traffic_away_is_reported() -> None:
    await register_many(2)
    away = dataclasses.replace(settings.MERIDIAN, valkey_url=f"redis://127.0.0.1:{free_port()}/0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "MERIDIAN", away)
        outcomes = await tell([(report("web-0", Status.CRITICAL), "a")])
    assert isinstance(outcomes[0], Unavailable)
    assert await statuses() == {"web-0": "passing", "web-1": "passing"}
