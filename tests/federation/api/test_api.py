"""Peers and the matrix in the API and in the admin site."""

import base64
import html
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import Client

from federation import status
from federation.follow.link import row_key
from federation.models import MirrorState, Peer
from federation.peers import trust
from federation.wire import Acceptance, Row
from registry import freshness
from registry.access.issuing import create_token
from registry.access.process import process_table
from registry.breaker import holds
from registry.freshness import MirrorStatus
from registry.models import HeldRow
from registry.valkey import aconnection
from tests.harness import openapi

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]


@pytest.fixture
def api() -> Iterator[Client]:
    table = process_table()
    table.reload()
    yield Client(raise_request_exception=False)
    table.is_open = True


def invite(api: Client, **given: object):
    return api.post("/api/v1/peers", {"region": "eu-west", **given}, content_type="application/json")


def admitted() -> None:
    secret = trust.read_token(trust.invite("eu-west", actor="a", now=time.time(), url="http://h")).secret
    trust.admit(secret, Acceptance(region="eu-west", url="http://eu:1", secret="s"), now=time.time())


def test_an_invitation_gives_a_token_and_a_peer_in_waiting(api: Client) -> None:
    answer = invite(api, url="https://us.example")
    assert answer.status_code == 201
    assert trust.read_token(answer.json()["token"]).url == "https://us.example"
    (peer,) = api.get("/api/v1/peers").json()
    assert (peer["region"], peer["state"], peer["by"]) == ("eu-west", "invited", "anonymous@127.0.0.1/api")


def test_neither_secret_nor_hash_is_ever_shown(api: Client) -> None:
    admitted()
    peer = Peer.objects.get()
    for path in ("/api/v1/peers", "/api/v1/peers/eu-west", "/api/v1/federation"):
        text = api.get(path).content.decode()
        assert '"s"' not in text
        assert peer.token not in text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"region": "EU west"}, "region"),
        ({"region": "us-east"}, "region"),
        ({"url": "ftp://h"}, "url"),
        ({"writes": "yes"}, "writes"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_named(api: Client, given: dict[str, object], field: str) -> None:
    answer = invite(api, **given)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not Peer.objects.exists()


def test_a_token_that_is_none_is_not_accepted(api: Client) -> None:
    answer = api.post("/api/v1/peers/accept", {"token": "nonsense"}, content_type="application/json")
    assert (answer.status_code, answer.json()["field"]) == (400, "token")


def test_a_region_that_cannot_be_reached_is_said_and_nothing_is_done(api: Client) -> None:
    invitation = trust.Invitation(region="eu-west", url="http://127.0.0.1:1", guest="us-east", secret="s")
    token = trust.BEGINS + base64.urlsafe_b64encode(msgspec.json.encode(invitation)).decode()
    answer = api.post("/api/v1/peers/accept", {"token": token}, content_type="application/json")
    assert answer.status_code == 503
    assert not Peer.objects.exists()


def test_revoking_leaves_the_peer_shown_as_revoked(api: Client) -> None:
    admitted()
    assert api.delete("/api/v1/peers/eu-west").json()["state"] == "revoked"
    assert api.delete("/api/v1/peers/nowhere").status_code == 404


def test_what_is_held_is_approved_with_a_reason(api: Client) -> None:
    admitted()
    holds.hold_mirror("eu-west", "eu-west would lose 9 of 10", population=10, now=time.time())
    wanting = api.post("/api/v1/peers/eu-west/approve", {}, content_type="application/json")
    assert (wanting.status_code, wanting.json()["field"]) == (400, "reason")
    assert api.get("/api/v1/peers/eu-west").json()["held"] == "eu-west would lose 9 of 10"
    done = api.post("/api/v1/peers/eu-west/approve", {"reason": "it is true"}, content_type="application/json")
    assert done.status_code == 200
    assert HeldRow.objects.get().decided_by == "anonymous@127.0.0.1/api"


def test_what_is_answered_is_what_the_schema_says(api: Client) -> None:
    admitted()
    MirrorState.objects.create(region="eu-west", diverged='["billing"]', diverged_at=1.0)
    openapi.validate(api.get("/api/v1/peers/eu-west").json(), "Peer")
    openapi.validate(api.get("/api/v1/federation").json(), "Federation")


async def said(place: tuple[float, float] | None, *, in_a_row: bool) -> None:
    """What eu-west says of where it is, as its follower keeps it."""
    async with aconnection() as client:
        await freshness.publish(client, MirrorStatus(region="eu-west", place=place))
        if in_a_row:
            await client.set(row_key("eu-west"), msgspec.json.encode(Row(region="eu-west", logs=(), place=place)))


@pytest.mark.parametrize("in_a_row", [True, False], ids=["just now", "before it fell silent"])
def test_the_matrix_says_where_regions_are(api: Client, settings: Any, in_a_row: bool) -> None:
    settings.MERIDIAN = replace(settings.MERIDIAN, place=(39.0, -77.5))
    async_to_sync(said)((53.3, -6.3), in_a_row=in_a_row)
    admitted()
    found = api.get("/api/v1/federation").json()
    assert found["places"] == {"eu-west": [53.3, -6.3], "us-east": [39.0, -77.5]}


def test_a_region_that_does_not_say_where_it_is_has_no_place(api: Client) -> None:
    async_to_sync(said)(None, in_a_row=True)
    admitted()
    assert api.get("/api/v1/federation").json()["places"] == {}


def test_where_this_region_reaches_its_peers_is_in_the_matrix() -> None:
    admitted()
    assert async_to_sync(status.matrix)(now=time.time()).urls == {"eu-west": "http://eu:1"}


def test_the_row_of_an_older_peer_says_no_place_and_one_off_the_globe_is_refused() -> None:
    decode = msgspec.json.Decoder(Row).decode
    assert decode(b'{"region": "eu-west", "logs": []}').place is None
    assert decode(b'{"region": "eu-west", "logs": [], "place": [53.3, -6.3]}').place == (53.3, -6.3)
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"region": "eu-west", "logs": [], "place": [91.0, 0.0]}')


def test_readers_see_the_matrix_and_operators_alone_the_peers(api: Client) -> None:
    process_table().is_open = False
    reader, operator = (
        {"Authorization": f"Bearer {create_token(name, [scope], expires_in=None, actor='a', now=time.time())[1]}"}
        for name, scope in (("reader", "read"), ("boss", "operator"))
    )
    assert api.get("/api/v1/federation", headers=reader).status_code == 200
    assert api.get("/api/v1/peers", headers=reader).status_code == 403
    assert api.get("/api/v1/peers", headers=operator).status_code == 200


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def test_the_admin_site_shows_the_matrix_above_the_peers(boss: Client) -> None:
    admitted()
    page = boss.get("/admin/federation/peer/").content.decode()
    assert "Mirrors" in page
    assert "eu-west" in page
    assert "No recent contact: eu-west." in page


def test_an_invitation_from_the_admin_site_shows_its_token_once(boss: Client) -> None:
    page = boss.post("/admin/federation/peer/add/", {"region": "eu-west", "writes": "on"})
    assert trust.BEGINS in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert Peer.objects.get().by.startswith("admin:ann@")


def test_a_peer_is_revoked_in_the_admin_site(boss: Client) -> None:
    admitted()
    assert boss.post("/admin/federation/peer/eu-west/delete/", {"post": "yes"}).status_code == 302
    assert Peer.objects.get().state == "revoked"


def test_staff_may_not_invite() -> None:
    client = Client()
    client.force_login(User.objects.create_user("bob", is_staff=True))
    assert client.post("/admin/federation/peer/add/", {"region": "eu-west"}).status_code == 403
    assert client.get("/admin/federation/peer/accept/").status_code == 403


def test_a_token_that_cannot_be_accepted_is_complained_about_in_the_admin_site(boss: Client) -> None:
    page = boss.post("/admin/federation/peer/accept/", {"token": "nonsense", "writes": "on"})
    assert page.status_code == 200
    assert "this is no token of `peer invite`" in html.unescape(page.content.decode())
    assert not Peer.objects.exists()


def test_what_is_held_is_approved_in_the_admin_site(boss: Client) -> None:
    admitted()
    hold = holds.hold_mirror("eu-west", "30 of 40 would go", population=40, now=time.time())
    assert f"/admin/registry/heldrow/{hold.id}/" in boss.get("/admin/federation/peer/eu-west/change/").content.decode()
    path = f"/admin/registry/heldrow/{hold.id}/decide/approve/"
    assert "30 of 40 would go" in boss.get(path).content.decode()
    assert boss.post(path, {"reason": "it is true"}).status_code == 302
    hold.refresh_from_db()
    assert (hold.state, hold.decided_by.partition("@")[0], hold.reason) == ("approved", "admin:ann", "it is true")
