"""Checks over the API: verdicts and last results, and what is unknown is called so."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from catalog.records.check import Tally
from catalog.records.flap import Flap
from catalog.records.status import Status
from registry import actions
from registry.checks.judge import State
from registry.checks.probe_spec import definitions
from registry.checks.probes.outcome import Outcome
from registry.checks.recent import appended
from registry.checks.schedule import Result
from registry.models import InstanceRow
from tests.harness.probes.schedules import put, schedule_of

HTTP = {"type": "http", "url": "http://10.0.1.5:8080/health", "interval": "10s"}
TTL = {"name": "self", "type": "ttl", "ttl": "30s"}


@pytest.fixture
def row(register: Callable[..., Any]) -> InstanceRow:
    register(checks=[HTTP, TTL])
    return InstanceRow.objects.get()


def probed(row: InstanceRow, *, ago: float) -> None:
    """As a worker leaves it behind after a probe."""

    async def finish() -> None:
        outcome, at = Outcome(Status.PASSING, "200 OK", 0.0123), time.time() - ago
        recent = appended(appended(b"", at - 10, 0.5, Status.CRITICAL), at, outcome.latency, outcome.status)
        state = State(Tally(Status.PASSING, 3), Flap(), outcome, at, recent)
        async with schedule_of() as (schedule, _):
            await put(schedule, *definitions(row.instance))
            await schedule.finish([Result((await schedule.claim(1)).checks[0], state, 9.0)])

    asyncio.run(finish())


def check(api: Client, name: str) -> Any:
    answer = api.get("/api/v1/checks/user-service/user-1")
    assert answer.status_code == 200, answer.content
    return next(check for check in answer.json()["checks"] if check["name"] == name)


@pytest.mark.usefixtures("valkey_url")
def test_a_probed_check_shows_its_last_result(api: Client, row: InstanceRow) -> None:
    probed(row, ago=1.0)
    found = check(api, "http")
    assert (found["status"], found["outcome"], found["output"]) == ("passing", "passing", "200 OK")
    assert (found["latency"], found["verdict"], found["flap_score"]) == (0.0123, "unknown", 0.0)
    assert found["checked_at"] < found["next_due"]
    assert found["terms"]["interval"] == "10s"


@pytest.mark.usefixtures("valkey_url")
def test_a_probed_check_shows_how_its_last_probes_went(api: Client, row: InstanceRow) -> None:
    probed(row, ago=1.0)
    recent = check(api, "http")["recent"]
    assert [(each["status"], each["latency"]) for each in recent] == [("critical", 0.5), ("passing", 0.0123)]
    assert recent[0]["at"] < recent[1]["at"] <= check(api, "http")["next_due"]
    assert check(api, "self")["recent"] == []


@pytest.mark.usefixtures("valkey_url")
def test_a_result_that_is_too_old_is_unknown(api: Client, row: InstanceRow) -> None:
    probed(row, ago=60.0)
    found = check(api, "http")
    assert (found["status"], found["outcome"]) == ("unknown", "passing")
    assert "not probed for 60s" in found["output"]


@pytest.mark.usefixtures("valkey_url")
def test_a_check_that_nobody_probed_yet_says_so(api: Client, row: InstanceRow) -> None:
    found = check(api, "http")
    assert (found["status"], found["outcome"], found["checked_at"], found["output"]) == (
        "unknown", None, None, "no outcome yet",
    )  # fmt: skip


def test_without_valkey_a_probed_check_is_unknown_and_says_why(api: Client, row: InstanceRow, settings: Any) -> None:
    settings.MERIDIAN = replace(settings.MERIDIAN, valkey_url="redis://127.0.0.1:1/0")
    found = check(api, "http")
    assert (found["status"], "cannot be reached" in found["output"]) == ("unknown", True)


@pytest.mark.usefixtures("valkey_url")
def test_a_reported_check_shows_what_was_reported(api: Client, row: InstanceRow) -> None:
    report = actions.Report(
        namespace="default", service="user-service", id="user-1", check="self", status=Status.WARNING, output="tired"
    )
    actions.report_checks([report], actor="test", cause="x")
    found = check(api, "self")
    assert (found["status"], found["verdict"], found["output"]) == ("warning", "warning", "tired")


@pytest.mark.usefixtures("valkey_url")
@pytest.mark.parametrize(
    ("query", "found"), [("", ["user-1"]), ("status=critical", []), ("service=user-service", ["user-1"])]
)
def test_instances_with_checks_are_listed(
    api: Client, row: InstanceRow, register: Callable[..., Any], query: str, found: list[str]
) -> None:
    register(id="without-checks")
    listed = api.get(f"/api/v1/checks?{query}").json()["results"]
    assert [entry["id"] for entry in listed] == found


@pytest.mark.usefixtures("valkey_url")
def test_checks_cost_the_same_queries_however_many_they_are(
    api: Client, register: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    for number in range(20):
        register(id=f"user-{number}", checks=[HTTP])
    with django_assert_num_queries(2):  # the count and the page
        assert len(api.get("/api/v1/checks").json()["results"]) == 20


@pytest.mark.parametrize(("path", "status"), [("nobody/x", 404), ("a_b/x", 400), ("user-service/x?colour=1", 400)])
def test_a_bad_question_about_checks_is_a_problem(api: Client, path: str, status: int) -> None:
    answer = api.get(f"/api/v1/checks/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
