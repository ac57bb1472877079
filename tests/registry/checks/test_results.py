"""The last results, the probe heartbeat and the workers' metrics, as they are shown."""

import time

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from catalog.errors import Unavailable
from catalog.records.check import Tally
from catalog.records.flap import Flap
from catalog.records.status import Status
from registry.checks import probe_heartbeat
from registry.checks.counters import Counters, worker_metrics
from registry.checks.judge import State, judged
from registry.checks.probes.outcome import Outcome
from registry.checks.recent import Sample
from registry.checks.results import last_results, result
from registry.checks.schedule import Result, decode_state
from tests.harness.probes.schedules import REGION, definition, nowhere, put, schedule_of

SUBJECT = definition(interval=10.0, timeout=2.0)
SEEN = State(Tally(Status.PASSING, 4), Flap(800.0, 1000.0), Outcome(Status.PASSING, "200 OK", 0.02), 1000.0)
EARLIER = b'{"tally":{"status":"passing","successes":4},"outcome":{"status":"passing","output":"200 OK"},"at":1000.0}'


def test_a_fresh_result_shows_verdict_outcome_and_score() -> None:
    shown = result("k", SUBJECT.check, SEEN, 1010.0, 1000.0)
    assert (shown.status, shown.outcome, shown.output) == (Status.PASSING, Status.PASSING, "200 OK")
    assert (shown.latency, shown.at, shown.due_at, shown.successes) == (0.02, 1000.0, 1010.0, 4)
    assert (shown.flap_score, shown.held_until) == (800.0, None)


@pytest.mark.parametrize(("age", "status"), [(31.9, Status.PASSING), (32.1, Status.UNKNOWN)])
def test_a_result_older_than_three_intervals_and_the_timeout_is_unknown(age: float, status: Status) -> None:
    assert result("k", SUBJECT.check, SEEN, None, 1000.0 + age).status is status


def test_an_old_result_still_says_what_was_seen_last() -> None:
    assert result("k", SUBJECT.check, SEEN, None, 1100.0).output == "not probed for 100s; the last outcome was: 200 OK"


def test_a_result_shows_the_latency_of_the_last_probes() -> None:
    state = judged(SEEN, SUBJECT.check, Status.PASSING, Outcome(Status.PASSING, "200 OK", 0.01234), 1010.0)
    state = judged(state, SUBJECT.check, Status.PASSING, Outcome(Status.CRITICAL, "refused", 0.1), 1020.0)
    assert result("k", SUBJECT.check, state, None, 1020.0).recent == (
        Sample(1010.0, 0.01234, Status.PASSING), Sample(1020.0, 0.1, Status.CRITICAL),
    )  # fmt: skip


def test_a_state_from_before_samples_were_kept_goes_on_from_where_it_was() -> None:
    state = decode_state(EARLIER.decode())
    assert state is not None
    assert (state.tally.successes, result("k", SUBJECT.check, state, None, 1000.0).recent) == (4, ())
    later = judged(state, SUBJECT.check, Status.PASSING, Outcome(Status.PASSING, "200 OK", 0.5), 1010.0)
    assert result("k", SUBJECT.check, later, None, 1010.0).recent == (Sample(1010.0, 0.5, Status.PASSING),)


@pytest.mark.parametrize("broken", [b"12345", b"12345678901"])
def test_samples_that_were_cut_short_harm_no_result(broken: bytes) -> None:
    shown = result("k", SUBJECT.check, msgspec.structs.replace(SEEN, recent=broken), None, 1000.0)
    assert (shown.status, len(shown.recent)) == (Status.PASSING, len(broken) // 8)


def test_a_held_check_is_critical_and_says_until_when() -> None:
    held = State(Tally(Status.PASSING, 1), Flap(6000.0, 1000.0, True), Outcome(Status.PASSING, "200 OK"), 1000.0)
    shown = result("k", SUBJECT.check, held, None, 1000.0)
    assert (shown.status, shown.outcome) == (Status.CRITICAL, Status.PASSING)
    assert shown.held_until == pytest.approx(1120.0)
    assert "held critical by flap damping until" in shown.output


@pytest.mark.usefixtures("valkey_url")
async def test_results_are_read_by_key_and_what_was_never_probed_is_unknown() -> None:
    state = State(Tally(Status.PASSING, 1), Flap(), Outcome(Status.PASSING, "fine", 0.01), time.time())
    async with schedule_of() as (schedule, _):
        await put(schedule, SUBJECT)
        await schedule.finish([Result((await schedule.claim(1)).checks[0], state, 9.0)])
    found = last_results([SUBJECT.key, "default/web/none/http"], now=time.time())
    assert found[SUBJECT.key].status is Status.PASSING
    assert found[SUBJECT.key].due_at == pytest.approx(time.time() + 9.0, abs=0.5)
    assert found["default/web/none/http"].status is Status.UNKNOWN


@pytest.mark.usefixtures("valkey_url")
async def test_the_pulse_is_none_until_a_round_was_completed() -> None:
    assert await probe_heartbeat.last_round() is None
    async with schedule_of() as (_, client):
        await probe_heartbeat.beat(client, REGION, 1234.5)
    assert await probe_heartbeat.last_round() == 1234.5


@pytest.mark.usefixtures("valkey_url")
async def test_the_counters_of_several_processes_add_up_to_metrics_that_prometheus_reads() -> None:
    async with schedule_of() as (_, client):
        for _ in range(2):
            counters = Counters()
            counters.add("meridian_probes_total", {"type": "http", "status": "passing"}, 3)
            counters.observe("meridian_probe_seconds", {"type": "http"}, 0.004)
            counters.observe("meridian_probe_seconds", {"type": "http"}, 99.0)
            await counters.flush(client, REGION)
            await counters.flush(client, REGION)  # nothing is added twice
        text = await worker_metrics()
    samples = {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["meridian_probes_total", ""] == 6
    assert samples["meridian_probe_seconds_bucket", "0.0025"] == 0
    assert samples["meridian_probe_seconds_bucket", "0.005"] == 2
    assert samples["meridian_probe_seconds_bucket", "10"] == 2
    assert samples["meridian_probe_seconds_bucket", "+Inf"] == 4
    assert samples["meridian_probe_seconds_count", ""] == 4
    assert samples["meridian_probe_seconds_sum", ""] == pytest.approx(198.008)


@pytest.mark.usefixtures("valkey_url")
async def test_counters_are_kept_while_valkey_is_away() -> None:
    counters = Counters()
    counters.add("meridian_probes_total", {"type": "tcp"})
    async with nowhere() as away:
        with pytest.raises(Unavailable):
            await counters.flush(away, REGION)
    async with schedule_of() as (_, client):
        await counters.flush(client, REGION)
        assert 'meridian_probes_total{type="tcp"} 1' in await worker_metrics()
