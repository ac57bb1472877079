"""What this region shows to its peers rests sealed with its secret key."""

import asyncio
import importlib
import time
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.test import override_settings

from catalog.errors import Unavailable
from federation.follow.worker import Worker
from federation.models import Peer
from federation.peers import trust
from federation.peers.sealing import Unopened, seal, unseal
from federation.serve import forward
from federation.tables.peer import State
from registry import freshness
from registry.database import in_thread
from registry.forwarding import Call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]

SECRET = "mrd_abcdefgh_what-eu-west-lets-us-in-by"


@pytest.fixture
def other_key() -> Iterator[None]:
    """The region has lost its secret key and made another."""
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[]):
        yield


def peer(secret: str) -> Peer:
    return Peer.objects.create(
        region="eu-west", url="http://127.0.0.1:1", state=State.ACTIVE, secret=secret, since=time.time(), by="a"
    )


def test_what_was_sealed_is_opened_by_the_same_key() -> None:
    assert unseal(seal(SECRET)) == SECRET
    assert SECRET not in seal(SECRET)
    assert seal(SECRET) != seal(SECRET)


def test_nothing_stays_nothing() -> None:
    assert (seal(""), unseal("")) == ("", "")


def test_another_key_does_not_open_it() -> None:
    sealed = seal(SECRET)
    with override_settings(SECRET_KEY="another"), pytest.raises(Unopened, match="invite it again"):
        unseal(sealed)


def test_a_key_that_was_replaced_still_opens_it() -> None:
    with override_settings(SECRET_KEY="before"):
        sealed = seal(SECRET)
    with override_settings(SECRET_KEY="after", SECRET_KEY_FALLBACKS=["before"]):
        assert unseal(sealed) == SECRET


@pytest.mark.parametrize("text", [SECRET, "gAAAAA", seal(SECRET)[:-4]], ids=["clear", "short", "cut"])
def test_what_was_not_sealed_here_is_not_opened(text: str) -> None:
    with pytest.raises(Unopened):
        unseal(text)


def test_migrating_seals_what_is_there_and_back() -> None:
    migration = importlib.import_module("federation.migrations.0002_sealed_secrets")
    peer(SECRET)
    Peer.objects.create(region="ap-south", state=State.INVITED, since=0.0, by="a")
    migration.seal_all(apps, None)
    assert Peer.objects.get(region="eu-west").secret != SECRET
    assert trust.way_to(Peer.objects.get(region="eu-west")) == ("eu-west", "http://127.0.0.1:1", SECRET)
    assert Peer.objects.get(region="ap-south").secret == ""
    migration.unseal_all(apps, None)
    assert Peer.objects.get(region="eu-west").secret == SECRET


@pytest.mark.usefixtures("other_key")
async def test_a_write_for_a_peer_whose_secret_cannot_be_opened_says_what_to_do() -> None:
    with override_settings(SECRET_KEY="before"):
        sealed = seal(SECRET)
    await in_thread(lambda: peer(sealed))
    call = Call(region="eu-west", method="GET", target="/services", actor="a", content_type="", body=b"")
    forwarder = forward.Forwarder()
    with pytest.raises(Unavailable, match=r"eu-west cannot be asked: .* invite it again"):
        await forwarder.send(call)
    await forwarder.close()


@pytest.mark.usefixtures("other_key")
async def test_a_peer_whose_secret_cannot_be_opened_is_not_followed_and_everybody_is_told() -> None:
    with override_settings(SECRET_KEY="before"):
        sealed = seal(SECRET)
    await in_thread(lambda: peer(sealed))
    worker = Worker("test")
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(10):
            while "eu-west" not in (words := await freshness.read()):
                await asyncio.sleep(0.02)
        assert worker.following == {}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert "invite it again" in words["eu-west"].reason
    assert not words["eu-west"].revoked
