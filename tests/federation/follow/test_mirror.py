"""The one door of mirrored entries: right or not written, once, and never empty."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings

from catalog.change import Change, Head, Position, Record
from catalog.digest import EMPTY, replaced, to_hex
from catalog.errors import Compacted, Diverged, Held, Invalid
from catalog.follow import follow
from catalog.log import MemoryLog
from catalog.records.instance import Instance
from federation.follow.follower import Mirroring
from registry.log import mirror
from registry.log.local import DatabaseLog
from registry.log.mirror import Mirror
from registry.log.verification import verify
from registry.models import ChangeRow, InstanceRow, OverrideRow, Region
from tests.harness import records
from tests.harness.contract.histories import Step, histories
from tests.harness.contract.sources import MemorySource, _wipe, in_thread

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]
EU = "eu-west"


@pytest.fixture(autouse=True)
def wiped() -> Iterator[None]:
    """Tables without anything, before and after."""
    _wipe()
    yield
    _wipe()


def written(log: MemoryLog) -> list[Change]:
    """All changes of a log."""
    return list(asyncio.run(log.read(Position(log.log_id, 0), limit=10_000)))


def instance(name: str, *, region: str = EU, **more: Any) -> Instance:
    """An instance of the service `web`."""
    return msgspec.structs.replace(records.instance("web", name, **more), region=region)


def log_of(*names: str) -> MemoryLog:
    """A log of eu-west in which instances of these names were registered."""
    log = MemoryLog(EU, log_id="one")
    for name in names:
        put(log, name)
    return log


def put(log: MemoryLog, name: str, **more: Any) -> None:
    record = instance(name, **more)
    log.append(record.key, record, at=5.0, verb="register", actor="token:ci", cause="because")


def remove(log: MemoryLog, name: str) -> None:
    log.append(instance(name).key, None, at=6.0, verb="deregister", actor="token:ci")


def begun() -> Mirror:
    """A mirror of the empty log."""
    made = Mirror(EU)
    made.replace(Head(Position("one", 0), to_hex(EMPTY)), [])
    return made


def reset(made: Mirror, log: MemoryLog) -> None:
    """Make the mirror the snapshot of a log."""
    snapshot = asyncio.run(log.snapshot())

    async def chunks() -> list[Sequence[Change]]:
        return [chunk async for chunk in snapshot.chunks]

    made.replace(snapshot.head, asyncio.run(chunks()))


def names() -> set[str]:
    return set(InstanceRow.objects.filter(region=EU).values_list("instance_id", flat=True))


def test_entries_are_kept_exactly_as_their_origin_wrote_them() -> None:
    log = log_of("a", "b")
    begun().append("one", written(log))
    assert [row.change for row in ChangeRow.objects.filter(region=EU).order_by("index")] == written(log)
    row = Region.objects.get(name=EU)
    assert (row.log_id, row.index, row.digest, row.is_local) == ("one", 2, log.head.digest, False)
    assert verify(EU).problems == ()


def test_what_was_delivered_before_is_passed_over() -> None:
    log = log_of("a", "b")
    made = begun()
    made.append("one", written(log))
    remove(log, "a")
    assert made.append("one", written(log)) == Position("one", 3)
    assert made.append("one", written(log)[:2]) == Position("one", 3)
    assert names() == {"b"}


def test_a_gap_is_refused_and_nothing_is_written() -> None:
    log = log_of("a", "b", "c")
    made = begun()
    with pytest.raises(Diverged, match="does not follow"):
        made.append("one", written(log)[1:])
    assert names() == set()
    assert not ChangeRow.objects.filter(region=EU).exists()


def test_a_wrong_digest_is_refused_and_nothing_is_written() -> None:
    log = log_of("a", "b")
    changes = written(log)
    forged = msgspec.structs.replace(changes[1], record=instance("b", port=9999))
    with pytest.raises(Diverged, match="digest differs at index 2"):
        begun().append("one", [changes[0], forged])
    assert names() == set()


def test_a_row_that_was_tampered_with_shows_when_its_record_changes() -> None:
    log = log_of("a")
    made = begun()
    made.append("one", written(log))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_instance SET record = REPLACE(record, '10.0', '10.9')")
    put(log, "a", port=8081)
    with pytest.raises(Diverged):
        Mirror(EU).append("one", written(log))


def test_a_record_of_another_region_is_refused() -> None:
    log = MemoryLog(EU, log_id="one")
    foreign = instance("a", region="us-east")
    log.append(foreign.key, foreign)
    with pytest.raises(Diverged, match="no entry of the log of eu-west"):
        begun().append("one", written(log))


def test_another_log_needs_a_snapshot() -> None:
    with pytest.raises(Compacted):
        begun().append("two", written(log_of("a")))


def test_nothing_can_be_appended_before_the_first_snapshot() -> None:
    with pytest.raises(Compacted):
        Mirror(EU).append("one", written(log_of("a")))


def test_this_region_has_no_mirror_of_itself() -> None:
    with pytest.raises(Invalid):
        Mirror("us-east")


def test_a_snapshot_replaces_what_was_there_and_forgets_its_history() -> None:
    made = begun()
    made.append("one", written(log_of("a", "b")))
    restored = MemoryLog(EU, log_id="two")
    for name in ("b", "c"):
        put(restored, name)
    reset(made, restored)
    assert names() == {"b", "c"}
    assert not ChangeRow.objects.filter(region=EU).exists()
    assert made.head() == restored.head
    assert verify(EU).problems == ()


def test_after_a_snapshot_the_log_goes_on() -> None:
    log = log_of("a", "b")
    made = Mirror(EU)
    reset(made, log)
    put(log, "c")
    remove(log, "a")
    assert made.append("one", written(log)) == Position("one", 4)
    assert names() == {"b", "c"}
    assert verify(EU).problems == ()


def test_a_snapshot_that_does_not_add_up_changes_nothing() -> None:
    made = begun()
    made.append("one", written(log_of("a")))
    with pytest.raises(Diverged, match="does not add up"):
        made.replace(Head(Position("two", 1), "f" * 64), [])
    assert names() == {"a"}
    assert made.head() == log_of("a").head


def test_the_guard_sees_how_many_instances_would_be_left() -> None:
    log = log_of("a", "b", "c")
    made = begun()
    made.append("one", written(log))
    seen: list[tuple[int, int]] = []

    def guard(before: int, after: int) -> None:
        seen.append((before, after))
        raise Held("too many")

    remove(log, "a")
    remove(log, "b")
    put(log, "b")
    with pytest.raises(Held):
        made.append("one", written(log), guard=guard)
    with pytest.raises(Held):
        made.replace(Head(Position("two", 0), to_hex(EMPTY)), [], guard=guard)
    assert seen == [(3, 2), (3, 0)]
    assert names() == {"a", "b", "c"}


def test_readers_never_see_a_mirror_empty_while_it_is_replaced() -> None:
    made = Mirror(EU)
    log = log_of(*(f"i{number}" for number in range(500)))
    reset(made, log)
    counts: set[int] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            counts.add(next(kept.instances for kept in mirror.heads() if kept.region == EU))
        connection.close()

    looking = threading.Thread(target=look)
    looking.start()
    for number in range(5):
        other = MemoryLog(EU, log_id=f"log-{number}")
        for name in range(500):
            put(other, f"i{number}-{name}")
        reset(made, other)
    over.set()
    looking.join(10)
    assert counts == {500}


def test_followers_in_this_region_read_the_mirror_as_they_read_their_own_log() -> None:
    async def scenario() -> list[Change]:
        log, made = log_of("a"), Mirror(EU)
        await in_thread(lambda: reset(made, log))
        reader = DatabaseLog(EU)
        end = log.head.position
        assert list(await reader.read(end, limit=10)) == []
        waiting = asyncio.create_task(reader.wait(end, timeout=20))
        await asyncio.sleep(0.1)
        put(log, "b")
        began = time.monotonic()
        await in_thread(lambda: made.append("one", list(asyncio.run(log.read(end, limit=10)))))
        await waiting
        assert time.monotonic() - began < 5
        found = list(await reader.read(end, limit=10))
        await reader.close()
        return found

    found = asyncio.run(scenario())
    assert [change.index for change in found] == [2]


def test_the_sums_of_a_sound_mirror_are_its_digest_and_name_each_service() -> None:
    log = log_of("a", "b")
    reset(Mirror(EU), log)
    sums = mirror.sums(EU)
    assert sums is not None
    assert sums.digest == sums.head.digest == log.head.digest
    assert set(sums.services) == {"default/web"}
    assert mirror.sums("nowhere") is None


class Source(MemorySource):
    """A history in eu-west, so that it can be mirrored here."""

    def __init__(self) -> None:
        super().__init__()
        self.memory.region = EU

    def _put(self, record: Record) -> None:
        super()._put(msgspec.structs.replace(record, region=EU))


async def never_called(*_: object) -> None:
    raise AssertionError("nothing is held and nothing diverges")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories)
def test_whatever_happens_the_mirror_is_what_its_origin_has(history: list[Step]) -> None:
    _wipe()

    async def scenario() -> None:
        source = Source()
        mirroring = Mirroring(EU, count_there=never_called, on_held=never_called, on_diverged=never_called)
        await mirroring.load()
        following: asyncio.Task[None] | None = None
        for step in history:
            match type(step).__name__:
                case "Resume" | "CatchUp" | "Reset" if following is None:
                    following = asyncio.create_task(follow(source.memory, mirroring, poll=0.02))
                case "Stop" if following is not None:
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)
                    following = None
                case "Resume" | "CatchUp" | "Reset" | "Stop":
                    await asyncio.sleep(0)
                case _:
                    await source.make(step)
        following = following or asyncio.create_task(follow(source.memory, mirroring, poll=0.02))
        async with asyncio.timeout(10):
            while mirroring.position(EU) != source.memory.head.position:
                assert not following.done()
                await asyncio.sleep(0.002)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await mirroring.close()
        held = await in_thread(tables)
        assert held == await source.records()
        digest = EMPTY
        for record in held.values():
            digest = replaced(digest, None, record)
        assert to_hex(digest) == source.memory.head.digest

    asyncio.run(scenario())
    assert verify(EU).problems == ()


def tables() -> dict[str, Record]:
    """What the tables hold of eu-west."""
    rows: list[Record] = [row.instance for row in InstanceRow.objects.filter(region=EU)]
    rows += [row.override for row in OverrideRow.objects.filter(region=EU)]
    return {record.key: record for record in rows}
