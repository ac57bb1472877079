"""A snapshot passes through in pieces: neither its sender nor its receiver holds all of it at once."""

import asyncio
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from catalog.change import Change, Head, Position
from catalog.digest import EMPTY, record_hash, to_hex
from federation.follow.follower import CHUNK, _chunks_of, _spool
from federation.follow.remote_log import RemoteLog
from registry.database import in_thread
from registry.log.mirror import Mirror
from registry.models import InstanceRow
from tests.harness import records
from tests.harness.contract.sources import _wipe
from tests.harness.federation.serving import FederationServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url"), pytest.mark.timeout(180)]
EU = "eu-west"
FEW, MANY = 4 * CHUNK, 8 * CHUNK
MORE = 1.5  # times what a few take is what twice as many may take; all at once would be twice


@pytest.fixture(autouse=True)
def wiped() -> Iterator[None]:
    """Tables without anything, before and after."""
    _wipe()
    yield
    _wipe()


def change(index: int) -> Change:
    """The registration of one of many instances."""
    template = records.instance("web", f"i{index}", metadata={"team": "accounts", "rack": f"r{index}"})
    record = msgspec.structs.replace(template, region=EU)
    return Change(index=index, region=EU, at=5.0, key=record.key, record=record, verb="register", actor="a", digest="")


async def chunks(number: int) -> AsyncIterator[list[Change]]:
    """So many changes as they come over a network."""
    for begin in range(1, number + 1, CHUNK):
        yield [change(index) for index in range(begin, begin + CHUNK)]


def head(number: int) -> Head:
    """What they add up to."""
    total = EMPTY
    for index in range(1, number + 1):
        record = change(index).record
        assert record is not None
        total = (total + record_hash(record)) % (1 << 256)
    return Head(Position("one", number), to_hex(total))


class Peak:
    """The most that Python held at once, in bytes, beyond what it held before."""

    size = 0


@contextmanager
def peak() -> Iterator[Peak]:
    """Watch the block."""
    found = Peak()
    tracemalloc.start()
    try:
        yield found
        found.size = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def take(number: int) -> int:
    """Make the mirror what a snapshot of so many says, as the follower does; returns the most memory that it took."""
    whole = head(number)
    with tempfile.TemporaryFile() as spool, peak() as taking:
        asyncio.run(_spool(chunks(number), spool))
        spool.seek(0)
        Mirror(EU).replace(whole, _chunks_of(spool))
    assert InstanceRow.objects.filter(region=EU).count() == number
    return taking.size


async def give_and_read(number: int) -> int:
    """Send a snapshot of so many and read it, both here; returns the most memory that it took."""
    await in_thread(_wipe)
    await in_thread(lambda: take(number))
    served = await FederationServer.start()
    log, found = RemoteLog(EU, served.client()), 0
    try:
        with peak() as passing:
            snapshot = await log.snapshot()
            async for chunk in snapshot.chunks:
                found += len(chunk)
    finally:
        await log.close()
        await served.stop()
    assert found == number
    return passing.size


def test_taking_a_snapshot_of_twice_as_many_takes_no_more_memory() -> None:
    few = take(FEW)
    _wipe()
    assert take(MANY) < MORE * few


async def test_giving_and_reading_a_snapshot_of_twice_as_many_takes_no_more_memory() -> None:
    few = await give_and_read(FEW)
    assert await give_and_read(MANY) < MORE * few
