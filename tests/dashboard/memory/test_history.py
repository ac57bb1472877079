"""The health of services over the last hour, in memory: exact where it is shown, and bounded."""

import gc
import tracemalloc
from collections.abc import Sequence
from time import process_time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.change import Change
from catalog.records import names
from catalog.records.instance import Instance
from catalog.records.status import Status
from dashboard.memory import history
from dashboard.memory.history import FLAPPING, KEPT, MOST, STATUSES, Bucket, Histories
from tests.harness import records

NOW = 1_200_000.0  # a multiple of the spans that are asked for
WEB = ("default", "web")
PASSING, UNKNOWN, WARNING, CRITICAL = STATUSES
# What happens: how many seconds after the one before, to which instance, and what becomes of it; None: it goes.
happenings = st.lists(
    st.tuples(st.integers(1, 300), st.integers(0, 3), st.sampled_from([*Status, None])), min_size=1, max_size=60
)


class Life:
    """Instances of a service and what happens to them, told to histories as it happens."""

    def __init__(self, histories: Histories, region: str = "us-east", service: str = "web") -> None:
        self.histories, self.region, self.service = histories, region, service
        self.standing: dict[str, Instance] = {}
        self.blank = msgspec.structs.replace(records.instance(service, "blank"), region=region)

    def become(self, id: str, status: Status | None, at: float) -> None:
        before = self.standing.pop(id, None)
        record = None if status is None else msgspec.structs.replace(self.blank, id=id, status=status)
        if record is not None:
            self.standing[id] = record
        key = f"instance/default/{self.service}/{id}"
        self.histories.record(Change(region=self.region, index=1, key=key, record=record, at=at), before)

    @property
    def counts(self) -> Bucket:
        held = [instance.status for instance in self.standing.values()]
        return tuple(held.count(status) for status in STATUSES)  # type: ignore[return-value]


def counts(*numbers: int) -> dict[Status, int]:
    return dict(zip(STATUSES, numbers, strict=True))


def worst(moments: Sequence[tuple[float, Bucket]], start: float, end: float) -> Bucket:
    """The worst of what was so at some moment from `start` to `end`, found the slow way; the latest of equals."""
    before = [held for at, held in moments if at <= start]
    held = [before[-1] if before else (0, 0, 0, 0), *(held for at, held in moments if start < at < end)]
    return max(reversed(held), key=lambda one: (one[3], one[2], one[1]))


@given(happenings)
def test_each_span_shows_the_worst_moment_in_it(happened: list[tuple[int, int, Status | None]]) -> None:
    histories = Histories()
    life, at = Life(histories), NOW
    moments: list[tuple[float, Bucket]] = []
    for after, id, status in happened:
        at += after
        life.become(str(id), status, at)
        moments.append((at, life.counts))
    last = at // 120.0 * 120.0
    found = histories.buckets("us-east", *WEB, now=at)
    if all(held == (0, 0, 0, 0) for _, held in moments):
        assert found in ([], [(0, 0, 0, 0)] * 30)
        return
    starts = [last + 120.0 * (number - 29) for number in range(30)]
    assert found == [worst(moments, start, start + 120.0) for start in starts]


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 3), st.sampled_from(Status)), min_size=500, max_size=600))
def test_however_much_happens_the_steps_are_few_and_lead_to_what_is(
    happened: list[tuple[int, int, Status]],
) -> None:
    histories = Histories()
    life, at = Life(histories), NOW
    peak = 0
    for after, id, status in happened:
        at += after
        life.become(str(id), status, at)
    for number in range(4):
        life.become(str(number), Status.CRITICAL, at + 1)
    peak = histories.buckets("us-east", *WEB, now=at + 1)[-1][3]
    steps = histories.steps("us-east", *WEB, now=at + 1)
    assert len(steps) <= MOST
    assert [when for when, _ in steps] == sorted({when for when, _ in steps})
    assert (steps[-1][1], peak) == (counts(0, 0, 0, 4), 4)


def test_a_short_failure_is_still_seen_when_steps_had_to_be_thinned() -> None:
    histories = Histories()
    life = Life(histories)
    for id in ("a", "b", "c"):
        life.become(id, Status.PASSING, NOW - 3000)
    for id in ("a", "b", "c"):
        life.become(id, Status.CRITICAL, NOW - 2000)
    for id in ("a", "b", "c"):
        life.become(id, Status.PASSING, NOW - 1995)
    for number in range(4 * MOST):
        life.become("a", Status.CRITICAL if number % 2 else Status.PASSING, NOW - 1000 + number)
    assert max(held[3] for held in histories.buckets("us-east", *WEB, now=NOW)) == 3
    assert histories.flaps("us-east", *WEB, NOW, within=KEPT) == 3 + 3 + 4 * MOST - 1


def test_steps_tell_when_the_counts_changed_and_begin_with_the_hour() -> None:
    histories = Histories()
    life = Life(histories)
    life.become("a", Status.PASSING, NOW - 2 * KEPT)
    life.become("b", Status.WARNING, NOW - 60)
    life.become("a", None, NOW - 30)
    assert histories.steps("us-east", *WEB, now=NOW) == [
        (NOW - KEPT, counts(1, 0, 0, 0)), (NOW - 60, counts(1, 0, 1, 0)), (NOW - 30, counts(0, 0, 1, 0)),
    ]  # fmt: skip


def test_all_regions_together_are_the_sum_at_each_moment_and_not_of_each_ones_worst() -> None:
    histories = Histories()
    for region, at in (("us-east", NOW - 100), ("eu-west", NOW - 50)):
        life = Life(histories, region)
        life.become("a", Status.PASSING, NOW - 1000)
        life.become("a", Status.CRITICAL, at)
        life.become("a", Status.PASSING, at + 10)
    found = histories.buckets(None, *WEB, now=NOW - 1)
    assert found[-1] == (1, 0, 0, 1)
    assert found[-2] == (2, 0, 0, 0)
    assert histories.buckets("eu-west", *WEB, now=NOW - 1)[-1] == (0, 0, 0, 1)
    assert [held for _, held in histories.steps(None, *WEB, now=NOW)] == [
        counts(*held) for held in ((2, 0, 0, 0), (1, 0, 0, 1), (2, 0, 0, 0), (1, 0, 0, 1), (2, 0, 0, 0))
    ]


def test_of_a_service_that_nobody_knows_nothing_is_shown() -> None:
    histories = Histories()
    assert histories.buckets(None, *WEB, now=NOW) == []
    assert histories.buckets("nowhere", *WEB, now=NOW) == []
    assert histories.steps(None, *WEB, now=NOW) == []
    assert histories.flaps(None, *WEB, NOW) == 0


def test_a_view_read_whole_again_corrects_the_counts_and_keeps_what_was() -> None:
    histories = Histories()
    life, gone = Life(histories), Life(histories, service="api")
    life.become("a", Status.PASSING, NOW - 500)
    gone.become("a", Status.PASSING, NOW - 500)
    life.become("b", Status.CRITICAL, NOW - 400)
    histories.resync("us-east", {WEB: {"b": life.standing["b"]}}, at=NOW - 100)
    assert [held for _, held in histories.steps("us-east", *WEB, now=NOW)] == [
        counts(1, 0, 0, 0), counts(1, 0, 0, 1), counts(0, 0, 0, 1),
    ]  # fmt: skip
    assert histories.steps("us-east", "default", "api", now=NOW)[-1][1] == counts(0, 0, 0, 0)
    histories.resync("us-east", {WEB: {"b": life.standing["b"]}}, at=NOW - 50)
    assert len(histories.steps("us-east", *WEB, now=NOW)) == 3


def test_what_the_log_tells_of_the_past_is_put_before_what_was_seen() -> None:
    histories = Histories()
    life = Life(histories)
    life.become("a", Status.PASSING, NOW - 100)
    life.become("a", Status.CRITICAL, NOW - 50)
    past = [(NOW - 900, counts(2, 0, 0, 0)), (NOW - 800, counts(1, 0, 1, 0)), (NOW - 70, counts(9, 9, 9, 9))]
    histories.backfill("us-east", {WEB: past, ("default", "gone"): past[:1]})
    assert histories.steps("us-east", *WEB, now=NOW) == [
        *past[:2], (NOW - 100, counts(1, 0, 0, 0)), (NOW - 50, counts(0, 0, 0, 1)),
    ]  # fmt: skip
    assert histories.steps("us-east", "default", "gone", now=NOW) == past[:1]
    life.become("a", Status.PASSING, NOW - 10)
    assert histories.buckets("us-east", *WEB, now=NOW)[-1] == (1, 0, 0, 0)


def test_after_a_backfill_alone_changes_count_from_where_it_ended() -> None:
    histories = Histories()
    life = Life(histories)
    life.become("a", Status.PASSING, NOW - 100)
    other = Histories()
    other.backfill("us-east", {WEB: [(NOW - 100, counts(5, 0, 0, 0))]})
    life.histories = other
    life.become("a", Status.CRITICAL, NOW)
    assert other.steps("us-east", *WEB, now=NOW)[-1] == (NOW, counts(4, 0, 0, 1))


def test_transitions_are_counted_for_a_while_and_arrivals_are_none() -> None:
    histories = Histories()
    life = Life(histories)
    life.become("a", Status.PASSING, NOW - 2 * FLAPPING)
    for number, status in enumerate([Status.CRITICAL, Status.PASSING, Status.CRITICAL]):
        life.become("a", status, NOW - FLAPPING - 100 + number * 100)
    life.become("b", Status.PASSING, NOW)
    life.become("b", None, NOW)
    assert histories.flaps("us-east", *WEB, NOW) == 2
    assert histories.flaps(None, *WEB, NOW, within=2 * FLAPPING) == 3


def test_a_backfill_brings_its_transitions_along() -> None:
    histories = Histories()
    seeded = [counts(3, 0, 0, 0), counts(1, 0, 0, 2), counts(2, 0, 0, 1), counts(2, 0, 0, 0)]
    histories.backfill("us-east", {WEB: [(NOW - 100 + number, held) for number, held in enumerate(seeded)]})
    assert histories.flaps("us-east", *WEB, NOW) == 3


def test_what_was_shown_stays_as_it_was_until_a_span_is_over() -> None:
    histories = Histories()
    Life(histories).become("a", Status.CRITICAL, NOW - 900)
    assert histories.buckets(None, *WEB, now=NOW) == histories.buckets(None, *WEB, now=NOW + 119.9)
    assert histories.buckets(None, *WEB, now=NOW) != histories.buckets(None, *WEB, now=NOW + 120)


@pytest.mark.parametrize("at", [-5.0, 0.0, 1e300])
def test_a_clock_that_says_anything_stops_nobody(at: float) -> None:
    histories = Histories()
    life = Life(histories)
    life.become("a", Status.PASSING, at)
    life.become("a", Status.CRITICAL, NOW)
    assert histories.buckets(None, *WEB, now=NOW)[-1] == (0, 0, 0, 1)
    assert histories.steps(None, *WEB, now=NOW)[-1][1] == counts(0, 0, 0, 1)


def test_a_region_and_a_service_that_have_long_gone_are_forgotten() -> None:
    histories = Histories()
    life = Life(histories)
    life.become("a", Status.PASSING, NOW - 3 * KEPT)
    life.become("a", None, NOW - 2 * KEPT)
    histories.resync("us-east", {}, at=NOW)
    assert histories.buckets(None, *WEB, now=NOW) == []
    life.become("a", Status.PASSING, NOW)
    histories.forget("us-east")
    assert histories.buckets(None, *WEB, now=NOW) == []


def busy(services: int, steps: int) -> Histories:
    """Services each of which changed so often in the last hour."""
    histories = Histories()
    for number in range(services):
        life = Life(histories, service=f"service-{number}")
        life.become("a", Status.PASSING, NOW - 3600)
        for step in range(steps):
            life.become("a", Status.CRITICAL if step % 2 else Status.WARNING, NOW - 3600 + (step + 1) * 3500 / steps)
    return histories


def test_a_hundred_sparklines_cost_less_than_five_milliseconds() -> None:
    histories = busy(100, 30)
    spent = []
    for _ in range(5):
        began = process_time()
        for number in range(100):
            assert len(histories.buckets(None, "default", f"service-{number}", now=NOW)) == 30
        spent.append(process_time() - began)
    assert min(spent) < 0.005


def test_five_thousand_services_that_change_often_fit_into_twenty_megabytes() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        histories = busy(100, MOST - 1)
        gc.collect()
        taken = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    # Threads that other tests left in this process allocate as well: only what these two files asked for counts.
    ours = taken.filter_traces([tracemalloc.Filter(True, file) for file in (history.__file__, names.__file__)])
    used = sum(trace.size for trace in ours.traces)
    assert len(histories.steps(None, "default", "service-7", now=NOW)) == MOST
    assert used * 50 < 20e6
