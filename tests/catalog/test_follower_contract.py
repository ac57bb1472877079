"""Replay equals snapshot equals tables, with equal digests, for every log and every follower, whatever happened."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.change import Change, Head, Position
from catalog.digest import EMPTY, replaced, to_hex
from catalog.errors import Compacted, Diverged
from catalog.follow import follow
from catalog.log import MemoryLog, Snapshot
from tests.harness.contract.followers import FOLLOWERS, DictFollower, Inspectable
from tests.harness.contract.histories import CatchUp, Compact, Register, Reset, Resume, Step, Stop, histories
from tests.harness.contract.sources import SOURCES, Source
from tests.harness.records import instance

WITHIN = 10.0
every_source = pytest.mark.parametrize("make_source", SOURCES)
every_follower = pytest.mark.parametrize("make_follower", FOLLOWERS)
pytestmark = pytest.mark.timeout(180)  # each example builds a log, and a remote one a server beside it

random_histories = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Following:
    """A follower that is stopped and started as the history says."""

    def __init__(self, source: Source, follower: Inspectable) -> None:
        self._source = source
        self._follower = follower
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(follow(self._source.log, self._follower, poll=0.02))

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled() or task.exception() is None, task.exception()

    async def caught_up(self) -> None:
        """Wait until the follower is at the head."""
        end = (await self._source.head()).position
        async with asyncio.timeout(WITHIN):
            while self._follower.position(self._source.log.region) != end:
                assert self._task is not None
                assert not self._task.done(), self._task.exception()
                await asyncio.sleep(0.001)


async def live(source: Source, follower: Inspectable, history: list[Step]) -> None:
    """Let the history happen, with the follower following it, and leave it at the head."""
    following = Following(source, follower)
    try:
        for step in [Resume(), *history, CatchUp()]:
            await take(step, source, follower, following)
    finally:
        await following.stop()


async def take(step: Step, source: Source, follower: Inspectable, following: Following) -> None:
    """One step of a history."""
    match step:
        case Stop():
            await following.stop()
        case Resume():
            following.start()
        case CatchUp():
            following.start()
            await following.caught_up()
        case Reset():
            await following.stop()
            await follower.reset(await source.log.snapshot())
            following.start()
        case _:
            await source.make(step)


async def all_agree(source: Source, follower: Inspectable) -> None:
    """What was followed, what a snapshot tells a newcomer, and the tables are one and the same."""
    region = source.log.region
    newcomer = DictFollower()
    await newcomer.reset(await source.log.snapshot())
    tables, head = await source.records(), await source.head()
    digest = EMPTY
    for record in tables.values():
        digest = replaced(digest, None, record)
    assert follower.records(region) == tables
    assert newcomer.records(region) == tables
    assert follower.digest(region) == newcomer.digest(region) == head.digest == to_hex(digest)
    assert follower.position(region) == newcomer.position(region) == head.position


def run(make_source: Callable[[], Source], scenario: Callable[[Source], Awaitable[None]]) -> None:
    """Run a scenario on a source of its own."""

    async def whole() -> None:
        source = make_source()
        await source.open()
        try:
            await scenario(source)
        finally:
            await source.close()

    asyncio.run(whole())


@every_follower
@every_source
@random_histories
@given(history=histories)
def test_whatever_happens_replay_and_snapshot_and_tables_agree(
    make_source: Callable[[], Source], make_follower: Callable[[], Inspectable], history: list[Step]
) -> None:
    async def scenario(source: Source) -> None:
        follower = make_follower()
        await live(source, follower, history)
        await all_agree(source, follower)

    run(make_source, scenario)


@every_source
@random_histories
@given(history=histories.map(lambda steps: [step for step in steps if not isinstance(step, Compact)]))
def test_a_log_that_forgot_nothing_can_be_replayed_from_its_beginning(
    make_source: Callable[[], Source], history: list[Step]
) -> None:
    async def scenario(source: Source) -> None:
        await live(source, DictFollower(), history)
        head = await source.head()
        replayed = DictFollower()
        await replayed.reset(_empty(source, head.position.log_id))
        while (position := replayed.position(source.log.region)) != head.position:
            assert position is not None
            changes = await source.log.read(position, limit=3)
            assert 0 < len(changes) <= 3
            await replayed.apply(changes)
        await all_agree(source, replayed)

    run(make_source, scenario)


def _empty(source: Source, log_id: str) -> Snapshot:
    """The state before the first change."""

    async def nothing() -> AsyncIterator[Sequence[Change]]:
        for chunk in list[Sequence[Change]]():
            yield chunk

    return Snapshot(source.log.region, Head(Position(log_id, 0), to_hex(EMPTY)), nothing())


SOME: list[Step] = [Register("web", id, port, False) for id in ("one", "two") for port in (1, 2)]


@every_follower
async def test_a_batch_delivered_twice_is_applied_once(make_follower: Callable[[], Inspectable]) -> None:
    log, follower = await _followed(make_follower)
    change = log.append(instance().key, instance())
    for _ in range(2):
        await follower.apply([change])
    assert (follower.position("us-east"), follower.digest("us-east")) == (log.head.position, log.head.digest)


@every_follower
async def test_a_gap_is_refused_and_nothing_changes(make_follower: Callable[[], Inspectable]) -> None:
    log, follower = await _followed(make_follower)
    before = log.head
    log.append(instance().key, instance())
    with pytest.raises(Diverged, match="index 3 of us-east does not follow 1"):
        await follower.apply([log.append(instance(id="user-2").key, instance(id="user-2"))])
    assert (follower.position("us-east"), follower.digest("us-east")) == (before.position, before.digest)


@every_follower
async def test_a_change_that_was_tampered_with_is_refused_and_nothing_changes(
    make_follower: Callable[[], Inspectable],
) -> None:
    log, follower = await _followed(make_follower)
    before, records = log.head, follower.records("us-east")
    forged = msgspec.structs.replace(log.append(instance().key, instance()), record=instance(weight=99))
    with pytest.raises(Diverged, match="the digest differs at index 2 of us-east"):
        await follower.apply([forged])
    assert (follower.position("us-east"), follower.digest("us-east")) == (before.position, before.digest)
    assert follower.records("us-east") == records


async def _followed(make_follower: Callable[[], Inspectable]) -> tuple[MemoryLog, Inspectable]:
    """A log of one change, and a follower that has it."""
    log, follower = MemoryLog("us-east"), make_follower()
    log.append(instance("order-service").key, instance("order-service"))
    await follower.reset(await log.snapshot())
    return log, follower


@every_source
def test_reading_at_the_head_gives_nothing(make_source: Callable[[], Source]) -> None:
    async def scenario(source: Source) -> None:
        await _happen(source, SOME)
        assert list(await source.log.read((await source.head()).position, limit=10)) == []

    run(make_source, scenario)


@every_source
@pytest.mark.parametrize(
    ("log_id", "index"),
    [pytest.param("another", 2, id="another log"), pytest.param(None, 99, id="ahead of the head")],
)
def test_a_position_that_is_not_in_the_log_is_compacted(
    make_source: Callable[[], Source], log_id: str | None, index: int
) -> None:
    async def scenario(source: Source) -> None:
        await _happen(source, SOME)
        position = (await source.head()).position
        with pytest.raises(Compacted):
            await source.log.read(Position(log_id or position.log_id, index), limit=10)

    run(make_source, scenario)


@pytest.mark.parametrize(
    "make_source", [source for source in SOURCES if "DatabaseSource" not in str(getattr(source, "values", ""))]
)
def test_a_position_below_the_floor_is_compacted_unless_the_process_still_has_it(
    make_source: Callable[[], Source],
) -> None:
    async def scenario(source: Source) -> None:
        await _happen(source, [*SOME, Compact(1.0)])
        position = (await source.head()).position
        with pytest.raises(Compacted):
            await source.log.read(Position(position.log_id, 1), limit=10)

    run(make_source, scenario)


@every_source
def test_waiting_ends_when_something_is_appended(make_source: Callable[[], Source]) -> None:
    async def scenario(source: Source) -> None:
        await _happen(source, SOME)
        end = (await source.head()).position
        waiting = asyncio.create_task(_next(source, end))
        await asyncio.sleep(0)
        await source.make(Register("db", "one", 1, False))
        async with asyncio.timeout(WITHIN):
            assert await waiting == end.index + 1

    run(make_source, scenario)


@every_source
def test_waiting_for_what_is_there_already_ends_at_once(make_source: Callable[[], Source]) -> None:
    async def scenario(source: Source) -> None:
        await _happen(source, SOME)
        end = (await source.head()).position
        async with asyncio.timeout(WITHIN):
            await source.log.wait(Position(end.log_id, end.index - 1), timeout=3600)

    run(make_source, scenario)


@every_source
def test_waiting_at_the_head_ends_with_its_time(make_source: Callable[[], Source]) -> None:
    async def scenario(source: Source) -> None:
        await _happen(source, SOME)
        async with asyncio.timeout(WITHIN):
            await source.log.wait((await source.head()).position, timeout=0.05)

    run(make_source, scenario)


@every_source
@given(st.data())
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_snapshot_abandoned_half_way_holds_nothing_up(make_source: Callable[[], Source], data: st.DataObject) -> None:
    history = data.draw(st.lists(st.builds(Register, st.just("web"), st.uuids().map(str), st.just(1), st.just(False))))

    async def scenario(source: Source) -> None:
        await _happen(source, history)
        snapshot = await source.log.snapshot()
        async for _ in snapshot.chunks:
            break
        await snapshot.chunks.aclose()  # type: ignore[attr-defined]
        await source.make(Register("db", "one", 1, False))
        assert (await source.head()).position.index == len(history) + 1

    run(make_source, scenario)


async def _happen(source: Source, steps: Sequence[Step]) -> None:
    for step in steps:
        await source.make(step)


async def _next(source: Source, after: Position) -> int:
    while not (changes := await source.log.read(after, limit=1)):
        await source.log.wait(after, timeout=3600)
    return changes[0].index
