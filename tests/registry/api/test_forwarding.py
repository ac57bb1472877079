"""Writes for another region: passed on to it, answered by it, and nothing done when it cannot be reached."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.test import Client

from catalog.errors import Unavailable
from registry import forwarding
from registry.models import ChangeRow, Region

OVERRIDE = {"scope": "service", "service": "web", "status": "critical", "reason": "drill"}
REGISTRATION = {"host": "10.0.1.5", "port": 8080}


class Peer:
    """Another region as this one reaches it: remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[forwarding.Call] = []
        self.is_away = False

    async def send(self, call: forwarding.Call) -> forwarding.Reply:
        if self.is_away:
            raise Unavailable("eu-west cannot be reached")
        self.calls.append(call)
        return forwarding.Reply(201, ((b"content-type", b"application/json"),), b'{"region":"eu-west"}')


@pytest.fixture
def peer(db: None) -> Iterator[Peer]:
    Region.objects.create(name="eu-west", log_id="x", digest="0" * 64, is_local=False)
    peer = Peer()
    forwarding.use(peer.send)
    yield peer
    forwarding.use(None)


def ask(api: Client, method: str, target: str, body: object) -> Any:
    """One request, without a body where there is nothing to say."""
    given = {} if body is None else {"data": body, "content_type": "application/json"}
    return getattr(api, method)(target, **given)


WRITES = [
    ("post", "/api/v1/overrides", OVERRIDE),
    ("post", "/api/v1/overrides/preview", OVERRIDE),
    ("delete", "/api/v1/overrides/o-1", None),
    ("put", "/api/v1/policies/web", {"order": ["us-east"]}),
    ("delete", "/api/v1/policies/web", None),
    ("put", "/api/v1/instances/web/a", REGISTRATION),
    ("post", "/api/v1/instances", {"service": "web", "id": "a", **REGISTRATION}),
    ("delete", "/api/v1/instances/web/a", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_write_for_another_region_is_answered_by_it(
    api: Client, peer: Peer, method: str, path: str, body: object
) -> None:
    answer = ask(api, method, f"{path}?region=eu-west", body)
    assert (answer.status_code, answer.json()) == (201, {"region": "eu-west"})
    [call] = peer.calls
    assert (call.region, call.method, call.target) == ("eu-west", method.upper(), path)
    assert call.actor == "anonymous@127.0.0.1/api"
    assert (msgspec.json.decode(call.body) if call.body else None) == body
    assert not ChangeRow.objects.exists()


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_region_that_cannot_be_reached_is_503_and_nothing_is_done(
    api: Client, peer: Peer, method: str, path: str, body: object
) -> None:
    peer.is_away = True
    answer = ask(api, method, f"{path}?region=eu-west", body)
    assert answer.status_code == 503
    assert "eu-west" in answer.json()["detail"]
    assert not ChangeRow.objects.exists()


def test_a_region_that_nobody_knows_is_404(api: Client, peer: Peer) -> None:
    answer = api.post("/api/v1/overrides?region=mars", OVERRIDE, content_type="application/json")
    assert answer.status_code == 404


async def pass_on(target: str, body: object) -> tuple[int, Any]:
    """A request as the door for peers hands it to this process's own application."""
    sent = msgspec.json.encode(body)
    headers = [
        (b"content-type", b"application/json"), (b"host", b"localhost"), (b"content-length", b"%d" % len(sent)),
    ]  # fmt: skip
    scope = {
        "type": "http", "method": "POST", "path": target.partition("?")[0], "raw_path": target.encode(),
        "query_string": target.partition("?")[2].encode(), "headers": headers, "client": ("127.0.0.1", 1),
        forwarding.FORWARDED: forwarding.Origin("eu-west", "token:ci@10.0.0.7/api"),
    }  # fmt: skip
    exchange = ApplicationCommunicator(ASGIHandler(), scope)
    await exchange.send_input({"type": "http.request", "body": sent})
    start, whole = await exchange.receive_output(5), await exchange.receive_output(5)
    await exchange.wait()
    return start["status"], msgspec.json.decode(whole["body"])


@pytest.mark.django_db(transaction=True)
async def test_what_a_peer_has_passed_on_is_done_here_in_the_name_of_who_asked_there() -> None:
    status, answered = await pass_on("/api/v1/overrides", OVERRIDE)
    assert (status, answered["author"]) == (201, "token:ci@10.0.0.7/api")
    change = await ChangeRow.objects.aget()
    assert change.actor == "token:ci@10.0.0.7/api via eu-west"


@pytest.mark.django_db(transaction=True)
async def test_what_a_peer_has_passed_on_goes_no_further() -> None:
    status, answered = await pass_on("/api/v1/overrides?region=mars", OVERRIDE)
    assert (status, answered["field"]) == (400, "region")


def test_what_is_passed_on_says_why(api: Client, peer: Peer) -> None:
    for headers in ({"Meridian-Cause": "ticket 4711"}, {}):
        api.post("/api/v1/overrides?region=eu-west", OVERRIDE, content_type="application/json", headers=headers)
    assert [call.cause for call in peer.calls] == ["ticket 4711", ""]
