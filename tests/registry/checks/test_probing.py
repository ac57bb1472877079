"""Rounds of probing: real targets, a real Valkey, and a catalog that keeps what it is told."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import redis.asyncio

from catalog.errors import Unavailable
from catalog.records.status import Status
from registry.actions import Report
from registry.checks.counters import Counters
from registry.checks.prober import Prober
from registry.checks.probes.engine import Engine
from registry.checks.probes.guard import EVERYWHERE, Guard
from registry.checks.schedule import Schedule
from tests.harness.probes.schedules import definition, due, nowhere, put, schedule_of
from tests.harness.probes.servers import closed_port, http_target
from tests.harness.waiting import aeventually

pytestmark = pytest.mark.usefixtures("valkey_url")


@dataclass
class Catalog:
    """Keeps the reports that it was told, or answers as it is made to."""

    reports: list[Report] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    answer: object = 1
    delay: float = 0.0

    async def tell(self, transitions: Sequence[tuple[Report, str]]) -> list[object]:
        await asyncio.sleep(self.delay)
        for report, cause in transitions:
            self.reports.append(report)
            self.causes.append(cause)
        return [self.answer] * len(transitions)


@dataclass
class Worker:
    """A prober whose results are stored as in a real worker."""

    prober: Prober
    schedule: Schedule
    client: redis.asyncio.Redis
    catalog: Catalog
    counters: Counters

    async def round(self, seconds: float = 0.3) -> None:
        await self.prober.round(seconds)
        await self.prober.drain()

    async def make_due(self) -> None:
        for key in await due(self.client):
            await self.client.zadd("meridian:us-east:probes:due", {key: 0})


@asynccontextmanager
async def worker(
    networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = EVERYWHERE,
) -> AsyncIterator[Worker]:
    catalog, counters = Catalog(), Counters()
    async with schedule_of() as (schedule, client), Engine(Guard(networks)) as engine:
        prober = Prober(schedule, engine, catalog.tell, counters)
        storing = asyncio.create_task(prober.store())
        yield Worker(prober, schedule, client, catalog, counters)
        storing.cancel()
        with suppress(asyncio.CancelledError):
            await storing


async def test_a_first_outcome_is_reported_with_its_cause() -> None:
    async with http_target() as target, worker() as subject:
        await put(subject.schedule, definition(url=target.url))
        await subject.round()
    (report,) = subject.catalog.reports
    assert (report.service, report.id, report.check, report.epoch) == ("web", "one", "http", 1)
    assert report.status is Status.PASSING
    assert report.output == f"HTTP GET {target.url}: 200 OK, body: all well"
    assert subject.catalog.causes == [f"check http: 1 success: {report.output}"]


async def test_a_probe_that_confirms_what_is_recorded_reports_nothing() -> None:
    async with http_target() as target, worker() as subject:
        await put(subject.schedule, definition(url=target.url, recorded=Status.PASSING))
        await subject.round()
        assert target.hits == {"/health": 1}
    assert subject.catalog.reports == []


async def test_only_the_failure_that_reaches_the_threshold_is_reported() -> None:
    url = f"http://127.0.0.1:{closed_port()}/"
    async with worker() as subject:
        await put(subject.schedule, definition(url=url, recorded=Status.PASSING, failures_before_critical=3))
        for told in (0, 0, 1):
            await subject.round()
            assert len(subject.catalog.reports) == told
            await subject.make_due()
    assert subject.catalog.causes[0].startswith("check http: 3 failures in a row: HTTP GET")


@pytest.mark.parametrize("answer", [Unavailable("no database"), "held"])
async def test_what_could_not_be_recorded_is_told_again_by_the_next_probe(answer: object) -> None:
    async with http_target() as target, worker() as subject:
        subject.catalog.answer = answer
        await put(subject.schedule, definition(url=target.url))
        await subject.round()
        await subject.make_due()
        await subject.round()
    assert [report.status for report in subject.catalog.reports] == [Status.PASSING] * 2


async def test_a_slow_catalog_holds_up_no_probe() -> None:
    async with http_target() as target, worker() as subject:
        subject.catalog.delay = 30.0
        await put(subject.schedule, definition(url=target.url))
        await subject.prober.round(0.3)
        await aeventually(lambda: subject.client.exists("meridian:us-east:probes:states"), what="the result is stored")
        await subject.make_due()
        await subject.prober.round(0.3)
        assert target.hits["/health"] == 2


async def test_a_slow_target_holds_up_no_other_and_no_round() -> None:
    async with http_target() as slow, http_target() as target, worker() as subject:
        slow.delay = 30.0
        await put(subject.schedule, definition("slow", url=slow.url, timeout=20.0), definition(url=target.url))
        async with asyncio.timeout(2):
            await subject.prober.round(0.3)
        assert target.hits["/health"] == 1


async def test_the_next_probe_is_an_interval_away_with_jitter() -> None:
    async with http_target() as target, worker() as subject:
        await put(subject.schedule, *(definition(f"i{n}", url=target.url, interval=100.0) for n in range(30)))
        await subject.round()
        first = sorted((await due(subject.client)).values())
        await subject.make_due()
        await subject.round()
        later = sorted((await due(subject.client)).values())
    assert first[0] < 50 < 70 < first[-1]  # spread over the interval after the first probe
    assert 94 < later[0] < later[-1] < 106  # and about one interval apart from then on
    assert later[-1] - later[0] > 1


async def test_a_probe_that_is_refused_is_critical_with_the_reason() -> None:
    async with http_target() as target, worker([ipaddress.ip_network("10.0.0.0/8")]) as subject:
        await put(subject.schedule, definition(url=target.url))
        await subject.round()
        assert target.hits == {}
    (report,) = subject.catalog.reports
    assert report.status is Status.CRITICAL
    assert "outside the networks that probes may reach" in report.output


async def test_many_checks_are_probed_in_one_round_each_once() -> None:
    async with http_target() as target, worker() as subject:
        await put(subject.schedule, *(definition(f"i{n}", url=f"{target.url}/{n}") for n in range(300)))
        await subject.round(1.0)
        assert len(target.hits) == 300
        assert set(target.hits.values()) == {1}


async def test_two_probers_share_the_work_without_probing_anything_twice() -> None:
    async with http_target() as target, worker() as one, worker() as two:
        await put(one.schedule, *(definition(f"i{n}", url=f"{target.url}/{n}") for n in range(400)))
        await asyncio.gather(one.round(0.8), two.round(0.8))
        assert len(target.hits) == 400
        assert set(target.hits.values()) == {1}
    assert len(one.catalog.reports) + len(two.catalog.reports) == 400
    assert one.catalog.reports
    assert two.catalog.reports


async def test_a_check_that_flaps_is_held_and_the_last_good_outcomes_are_not_reported() -> None:
    async with http_target() as target, worker() as subject:
        check = definition(url=target.url, failures_before_critical=1, recorded=Status.CRITICAL)
        await put(subject.schedule, check)
        for status in (200, 503) * 4:
            target.status = status
            await subject.round(0.05)
            await subject.make_due()
        passing = [report for report in subject.catalog.reports if report.status is Status.PASSING]
        states = await subject.client.hvals("meridian:us-east:probes:states")
    assert 1 <= len(passing) <= 3  # the first come through, the later ones are held
    assert '"suppressed":true' in states[0]


async def test_without_valkey_a_round_is_unavailable() -> None:
    async with nowhere() as client, Engine(Guard()) as engine:
        prober = Prober(Schedule(client, "us-east"), engine, Catalog().tell, Counters())
        with pytest.raises(Unavailable):
            await prober.round(0.2)
