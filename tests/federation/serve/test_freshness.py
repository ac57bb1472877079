"""The status of mirrored regions outlasts Valkey."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.test import override_settings
from msgspec.structs import replace as changed
from redis.asyncio import Redis

from catalog.errors import Unavailable
from catalog.view import State as Trust
from federation.follow import audit
from federation.models import Peer
from federation.serve import freshness
from federation.serve.freshness import StatusReader
from federation.tables.peer import State
from registry import freshness as statuses
from registry.breaker import holds
from registry.database import in_thread
from registry.freshness import MirrorStatus
from registry.valkey import aconnection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]
EU = "eu-west"


@pytest.fixture
async def client() -> AsyncIterator[Redis]:
    """A connection to Valkey."""
    async with aconnection() as connected:
        yield connected


@pytest.fixture
def no_valkey() -> Iterator[None]:
    """Nobody listens where Valkey was."""
    away = replace(settings.MERIDIAN, valkey_url="redis://127.0.0.1:1/0")
    with override_settings(MERIDIAN=away):
        yield


async def keep(heard_at: float) -> None:
    """What a follower tells the tables."""
    await in_thread(lambda: audit.note_state(EU, heard_at=heard_at, verified_at=None, resets=0, relays=0))


async def test_valkey_is_believed_while_it_answers(client: Redis) -> None:
    now = time.time()
    await keep(now - 60)
    await statuses.publish(client, MirrorStatus(region=EU, last_contact=now, delay=0.04))
    assert (await StatusReader().read())[EU] == MirrorStatus(region=EU, last_contact=now, delay=0.04)


@pytest.mark.usefixtures("no_valkey")
async def test_without_valkey_the_tables_say_when_a_region_was_heard() -> None:
    now = time.time()
    await keep(now)
    assert (await StatusReader().read())[EU].freshness(now).state is Trust.LIVE
    assert (await StatusReader().read())[EU].freshness(now + statuses.FRESH_FOR).state is Trust.STALE


async def test_what_the_tables_do_not_say_is_as_it_was(client: Redis) -> None:
    now, reader = time.time(), StatusReader()
    said = MirrorStatus(region=EU, last_contact=now - 3, delay=0.04, path=(EU, "ap-south"), reason="a moment's trouble")
    await statuses.publish(client, said)
    await reader.read()
    await keep(now)
    with override_settings(MERIDIAN=replace(settings.MERIDIAN, valkey_url="redis://127.0.0.1:1/0")):
        after = (await reader.read())[EU]
    assert after == changed(said, last_contact=now, reason="")


async def test_what_valkey_said_last_is_not_forgotten_for_something_older(client: Redis) -> None:
    now, reader = time.time(), StatusReader()
    await keep(now - 9)
    await statuses.publish(client, MirrorStatus(region=EU, last_contact=now))
    await reader.read()
    with override_settings(MERIDIAN=replace(settings.MERIDIAN, valkey_url="redis://127.0.0.1:1/0")):
        assert (await reader.read())[EU].last_contact == now


@pytest.mark.usefixtures("no_valkey")
async def test_held_and_revoked_are_known_without_valkey() -> None:
    now = time.time()
    await keep(now)
    await in_thread(lambda: holds.hold_mirror(EU, "30 of 40 would go", population=40, now=now))
    assert (await StatusReader().read())[EU].held == "30 of 40 would go"
    await in_thread(lambda: Peer.objects.create(region=EU, state=State.REVOKED, since=now, by="a"))
    assert (await StatusReader().read())[EU].freshness(now).state is Trust.STALE


@pytest.mark.usefixtures("no_valkey")
async def test_without_valkey_and_tables_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(freshness, "_kept", gone)
    with pytest.raises(Unavailable, match="neither"):
        await StatusReader().read()
