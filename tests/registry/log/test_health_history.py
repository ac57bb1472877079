"""Counts by status over time, led back from the present through the log."""

import itertools
import time
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.change import Head, Position
from catalog.log import MemoryLog
from catalog.records.status import Status
from registry import actions
from registry.commit.writer import local_region
from registry.log import health_history
from registry.log.compaction import compact
from registry.log.health_history import Counts, Step, service_steps, steps_of_all
from registry.log.mirror import Mirror
from tests.harness import records
from tests.registry.conftest import Register

HOME = "us-east"
numbers = itertools.count()
# What happens, ten seconds apart: to which instance of which service, and what becomes of it; None: it goes.
happenings = st.lists(
    st.tuples(st.sampled_from(["web", "api"]), st.integers(0, 3), st.sampled_from([*Status, None])), max_size=30
)
Happening = tuple[str, int, Status | None]


def counts(**known: int) -> Counts:
    return {status: known.get(status.value, 0) for status in Status}


def naive(happened: Sequence[Happening], service: str, since: float) -> list[Step]:
    """The same from the start of everything: each instance as it is after each happening."""
    standing: dict[int, Status | None] = {}
    found: list[Step] = [(since, counts())]
    for number, (of, id, status) in enumerate(happened, 1):
        if of == service:
            standing[id] = status
        held = {one: list(standing.values()).count(one) for one in Status}
        if number * 10.0 < since:
            found = [(since, held)]
        elif held != found[-1][1]:
            found = [*found[:-1], (since, held)] if number * 10.0 == since else [*found, (number * 10.0, held)]
    return found


def written(happened: Sequence[Happening]) -> str:
    """A region of its own to which this happened, as its mirror here has it."""
    log = MemoryLog(f"r{next(numbers)}", log_id="one")
    made = Mirror(log.region)
    made.replace(Head(Position("one", 0), log.head.digest), [])
    changes = []
    for number, (service, id, status) in enumerate(happened, 1):
        blank = records.instance(service, f"i{id}", now=0.0)
        record = msgspec.structs.replace(blank, region=log.region, status=status or Status.PASSING)
        changes.append(log.append(record.key, record if status else None, at=number * 10.0))
    if changes:
        made.append("one", changes)
    return log.region


def reported(id: str, status: Status) -> None:
    report = actions.Report(namespace="default", service="web", id=id, check="self", status=status)
    actions.report_checks([report], actor="test", cause="test")


@pytest.mark.usefixtures("committed", "valkey_url")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings, st.integers(0, 31))
def test_steps_led_back_from_the_present_are_those_replayed_from_the_start(
    happened: list[Happening], start: int
) -> None:
    region, since, now = written(happened), start * 10.0, len(happened) * 10.0 + 400.0
    of_all = steps_of_all(region, since=since)
    for service in ("web", "api"):
        expected = naive(happened, service, since)
        assert service_steps(region, "default", service, since=since, now=now) == expected
        assert of_all.get(("default", service), [(since, counts())]) == expected


def test_a_service_goes_from_status_to_status_and_its_instances_go_from_the_count(register: Register) -> None:
    before = time.time()
    register("one", checks=[{"name": "self", "type": "ttl", "ttl": "30s", "status": "passing"}])
    register("two")
    reported("one", Status.CRITICAL)
    register("other", service="api")
    actions.deregister(namespace="default", service="web", id="one", actor="test", cause="test")
    found = service_steps(HOME, "default", "web", since=before - 10, now=time.time())
    assert [held for _, held in found] == [
        counts(), counts(passing=1), counts(passing=2), counts(passing=1, critical=1), counts(passing=1),
    ]  # fmt: skip
    times = [at for at, _ in found]
    assert times == sorted(times)
    assert times[0] == before - 10


def test_before_the_kept_history_the_records_tell_what_was_as_far_as_they_can(register: Register) -> None:
    check = {"name": "self", "type": "ttl", "ttl": "30s", "status": "passing"}
    for id in ("fails", "stays"):
        register(id, checks=[check])
    compact(local_region(), keep=0, now=time.time() + 1)
    since = time.time()
    reported("fails", Status.CRITICAL)
    register("stays", checks=[check], port=9)
    register("new")
    found = service_steps(HOME, "default", "web", since=since, now=time.time())
    assert [held for _, held in found] == [
        counts(passing=2), counts(passing=1, critical=1), counts(passing=2, critical=1),
    ]  # fmt: skip


def test_an_instance_that_recovers_was_critical_even_if_the_log_has_forgotten_it(register: Register) -> None:
    register("one", checks=[{"name": "self", "type": "ttl", "ttl": "30s", "status": "passing"}])
    reported("one", Status.CRITICAL)
    compact(local_region(), keep=0, now=time.time() + 1)
    since = time.time()
    reported("one", Status.PASSING)
    found = service_steps(HOME, "default", "web", since=since, now=time.time())
    assert [held for _, held in found] == [counts(critical=1), counts(passing=1)]


def test_a_quiet_service_has_one_step_and_an_unknown_one_has_none_of_anything(register: Register) -> None:
    register("one")
    since = time.time() + 1
    assert service_steps(HOME, "default", "web", since=since, now=since + 1) == [(since, counts(passing=1))]
    assert service_steps(HOME, "default", "nope", since=since, now=since + 1) == [(since, counts())]
    assert steps_of_all(HOME, since=since) == {("default", "web"): [(since, counts(passing=1))]}


def test_a_service_that_has_gone_ends_with_nothing(register: Register) -> None:
    register("one")
    since = time.time() - 60
    actions.deregister(namespace="default", service="web", id="one", actor="test", cause="test")
    (found,) = steps_of_all(HOME, since=since).values()
    assert [held for _, held in found] == [counts(), counts(passing=1), counts()]


@pytest.mark.usefixtures("committed", "valkey_url")
def test_of_a_log_that_is_too_long_the_steps_begin_where_the_reading_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    region = written([("web", id, Status.PASSING) for id in range(4)])
    monkeypatch.setattr(health_history, "MOST", 2)
    assert steps_of_all(region, since=0.0) == {
        ("default", "web"): [(30.0, counts(passing=3)), (40.0, counts(passing=4))]
    }
