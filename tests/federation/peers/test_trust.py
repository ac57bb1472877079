"""Peers: by one token, both ways, until revoked."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.test import override_settings

from catalog.change import Position
from catalog.errors import Invalid, NotFound, Unauthenticated, Unavailable
from config.environment import read_environment
from federation.client import Refused as Rejected
from federation.follow.remote_log import RemoteLog
from federation.models import Peer
from federation.peers import trust
from federation.wire import Acceptance
from registry.access.issuing import create_token
from registry.access.process import process_table
from registry.database import in_thread
from registry.models import Region, Token
from tests.harness.federation.serving import FederationServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]
NOW = 1_000_000.0


@pytest.fixture
async def served() -> AsyncIterator[FederationServer]:
    """This region's paths on a real server, with an empty log."""
    running = await FederationServer.start()
    yield running
    await running.stop()


def invited(url: str = "http://127.0.0.1:1", **more: Any) -> str:
    return trust.invite("eu-west", actor="admin:ann", now=time.time(), url=url, **more)


def acceptance(region: str = "eu-west") -> Acceptance:
    return Acceptance(region=region, url="http://127.0.0.1:2/", secret="theirs")


def test_a_token_says_who_invites_whom_and_where() -> None:
    invitation = trust.read_token(invited("https://us.example:8500/"))
    assert (invitation.region, invitation.guest, invitation.url) == ("us-east", "eu-west", "https://us.example:8500")


def test_the_secret_of_an_invitation_is_kept_nowhere() -> None:
    secret = trust.read_token(invited()).secret
    peer = Peer.objects.get()
    assert secret not in {str(value) for value in vars(peer).values()}
    assert (peer.state, peer.region) == ("invited", "eu-west")


def test_whoever_bears_an_invitation_becomes_a_peer_that_may_follow() -> None:
    secret = trust.read_token(invited()).secret
    welcome = trust.admit(secret, acceptance(), now=time.time())
    peer = Peer.objects.get()
    assert (peer.state, trust.way_to(peer)) == ("active", ("eu-west", "http://127.0.0.1:2", "theirs"))
    assert "theirs" not in peer.secret
    grant = process_table().authenticate(welcome.secret)
    assert grant.is_peer
    assert grant.may_write("")
    assert not grant.is_operator
    assert trust.region_of(grant) == "eu-west"


def test_a_peer_invited_to_read_only_may_not_write() -> None:
    secret = trust.read_token(invited(writes=False)).secret
    welcome = trust.admit(secret, acceptance(), now=time.time())
    grant = process_table().authenticate(welcome.secret)
    assert grant.is_peer
    assert not grant.may_write("web")


def test_an_invitation_works_once() -> None:
    secret = trust.read_token(invited()).secret
    trust.admit(secret, acceptance(), now=time.time())
    with pytest.raises(Unauthenticated, match="it was used"):
        trust.admit(secret, acceptance(), now=time.time())


def test_an_invitation_is_for_one_region_alone() -> None:
    secret = trust.read_token(invited()).secret
    with pytest.raises(Unauthenticated):
        trust.admit(secret, acceptance("ap-south"), now=time.time())


def test_an_invitation_expires() -> None:
    secret = trust.read_token(trust.invite("eu-west", actor="a", now=NOW, url="http://h")).secret
    with pytest.raises(Unauthenticated, match="expired"):
        trust.admit(secret, acceptance(), now=NOW + trust.GOOD_FOR)


def test_a_second_invitation_replaces_the_first() -> None:
    first, second = (trust.read_token(invited()).secret for _ in range(2))
    with pytest.raises(Unauthenticated):
        trust.admit(first, acceptance(), now=time.time())
    trust.admit(second, acceptance(), now=time.time())


def test_peering_again_ends_the_token_of_before() -> None:
    before = trust.admit(trust.read_token(invited()).secret, acceptance(), now=time.time()).secret
    after = trust.admit(trust.read_token(invited()).secret, acceptance(), now=time.time()).secret
    assert process_table().authenticate(after).is_peer
    with pytest.raises(Unauthenticated, match="revoked"):
        process_table().authenticate(before)


@pytest.mark.parametrize("token", ["", "nonsense", "mrdpeer_", "mrdpeer_e30", "mrdpeer_äöü"])
def test_what_is_no_token_is_refused_in_words(token: str) -> None:
    with pytest.raises(Invalid) as caught:
        trust.read_token(token)
    assert caught.value.field == "token"


def test_a_region_is_not_its_own_peer() -> None:
    with pytest.raises(Invalid, match="this region itself"):
        trust.invite("us-east", actor="a", now=NOW)


def test_revoking_ends_both_directions_and_forgets_the_secret() -> None:
    welcome = trust.admit(trust.read_token(invited()).secret, acceptance(), now=time.time())
    trust.revoke("eu-west", actor="admin:ann", now=time.time())
    peer = Peer.objects.get()
    assert (peer.state, peer.secret, peer.by) == ("revoked", "", "admin:ann")
    assert trust.active_peers() == []
    with pytest.raises(Unauthenticated, match="revoked"):
        process_table().authenticate(welcome.secret)


def test_what_is_no_peer_cannot_be_revoked() -> None:
    with pytest.raises(NotFound):
        trust.revoke("nowhere", actor="a", now=NOW)


def test_a_region_that_listens_everywhere_must_say_where_it_is() -> None:
    everywhere = read_environment({"MERIDIAN_HTTP_HOST": "0.0.0.0", "MERIDIAN_AUTH": "on"})
    with override_settings(MERIDIAN=everywhere), pytest.raises(Invalid, match="MERIDIAN_URL"):
        trust.invite("eu-west", actor="a", now=NOW)
    assert not Peer.objects.exists()


def as_region(name: str) -> override_settings:
    """Play another region over the same tables."""
    return override_settings(MERIDIAN=read_environment({"MERIDIAN_REGION": name, "MERIDIAN_HTTP_PORT": "8510"}))


async def test_accepting_asks_the_other_region_and_takes_its_token_back_when_that_fails() -> None:
    token = await in_thread(lambda: invited("http://127.0.0.1:1"))
    with as_region("eu-west"), pytest.raises(Unavailable):
        await trust.accept(token, actor="admin:bob")
    assert not await in_thread(Token.objects.filter(revoked_at=None).exists)


async def test_a_token_is_not_accepted_by_another_region_than_it_names() -> None:
    token = await in_thread(invited)
    with as_region("ap-south"), pytest.raises(Invalid, match="the token invites eu-west"):
        await trust.accept(token, actor="admin:bob")


@pytest.fixture
def closed() -> Iterator[None]:
    """Nobody gets in without a token."""
    table = process_table()
    before, table.is_open = table.is_open, False
    yield
    table.is_open = before


@pytest.mark.usefixtures("closed")
async def test_nobody_else_hears_anything(served: FederationServer) -> None:
    for secret in ("", "mrd_aaaaaaaa_nonsense"):
        with pytest.raises(Rejected):
            await served.client(secret).row()


@pytest.mark.usefixtures("closed")
async def test_a_token_without_the_scope_hears_nothing(served: FederationServer) -> None:
    _, secret = await in_thread(lambda: create_token("ci", ["operator"], expires_in=None, actor="a", now=time.time()))
    with pytest.raises(Rejected, match="is not a peer"):
        await served.client(secret).row()


@pytest.mark.usefixtures("closed")
async def test_a_stream_ends_when_its_peer_is_revoked(served: FederationServer) -> None:
    await in_thread(lambda: Region.objects.create(name="us-east", log_id="one", digest="0" * 64))
    token = trust.read_token(await in_thread(invited)).secret
    welcome = await in_thread(lambda: trust.admit(token, acceptance(), now=time.time()))
    log = RemoteLog("us-east", served.client(welcome.secret))
    position = Position("one", 0)
    assert list(await log.read(position, limit=1)) == []
    await in_thread(lambda: trust.revoke("eu-west", actor="a", now=time.time()))
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await read_on(log, position)
    with pytest.raises(Rejected, match="revoked"):
        await log.read(position, limit=1)
    await log.close()


async def read_on(log: RemoteLog, position: Position) -> None:
    """Read what comes, for ever."""
    while True:
        await log.wait(position, timeout=0.2)
        await log.read(position, limit=1)
