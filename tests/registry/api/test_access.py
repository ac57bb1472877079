"""Who may do what over the API: the scopes of tokens, sessions, and the open door."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from registry.access.issuing import create_token, revoke_token
from registry.access.process import process_table
from registry.models import ChangeRow

BODY = {"host": "10.0.1.5", "port": 8080}
OVERRIDE = {"scope": "zone", "zone": "a", "weight": 0, "reason": "maintenance"}
TOKEN = {"name": "new", "scopes": ["read"]}

READ = ("get", "/api/v1/instances", None)
WRITE_USER = ("put", "/api/v1/instances/user-api/1", BODY)
WRITE_ORDER = ("put", "/api/v1/instances/order-api/1", BODY)
OVERRIDES = ("post", "/api/v1/overrides", OVERRIDE)
PREVIEW = ("post", "/api/v1/overrides/preview", OVERRIDE)
TOKENS = ("get", "/api/v1/tokens", None)
ISSUE = ("post", "/api/v1/tokens", TOKEN)
REQUESTS = (READ, WRITE_USER, WRITE_ORDER, OVERRIDES, PREVIEW, TOKENS, ISSUE)

# scopes, and the answers to REQUESTS in order
MATRIX = [
    (("read",), (200, 403, 403, 403, 403, 403, 403)),
    (("write:user-",), (403, 201, 403, 403, 403, 403, 403)),
    (("write:*",), (403, 201, 201, 403, 403, 403, 403)),
    (("read", "write:user-"), (200, 201, 403, 403, 403, 403, 403)),
    (("peer",), (200, 403, 403, 403, 403, 403, 403)),
    (("operator",), (200, 201, 201, 201, 200, 200, 201)),
]


def ask(api: Client, request: tuple[str, str, Any], headers: dict[str, str] | None = None) -> Any:
    method, path, body = request
    if body is None:
        return getattr(api, method)(path, headers=headers)
    return getattr(api, method)(path, body, content_type="application/json", headers=headers)


@pytest.mark.usefixtures("closed_door")
@pytest.mark.parametrize(("scopes", "statuses"), MATRIX)
def test_a_token_may_do_what_its_scopes_say(
    api: Client, token: Callable[..., dict[str, str]], scopes: tuple[str, ...], statuses: tuple[int, ...]
) -> None:
    headers = token(*scopes)
    assert tuple(ask(api, request, headers).status_code for request in REQUESTS) == statuses


@pytest.mark.usefixtures("closed_door")
@pytest.mark.parametrize("request_", REQUESTS)
def test_without_a_token_everything_is_401_and_says_how(api: Client, request_: Any) -> None:
    answer = ask(api, request_)
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert "Authorization: Bearer" in answer.json()["detail"]


def test_the_open_door_lets_everything_in_on_loopback(api: Client) -> None:
    assert [ask(api, request).status_code for request in REQUESTS] == [200, 201, 201, 201, 200, 200, 201]


def test_a_narrow_token_is_narrow_behind_an_open_door_too(api: Client, token: Callable[..., dict[str, str]]) -> None:
    assert ask(api, WRITE_USER, token("read")).status_code == 403


def test_consuls_header_carries_a_token_too(api: Client, token: Callable[..., dict[str, str]]) -> None:
    secret = token("read")["Authorization"].removeprefix("Bearer ")
    process_table().is_open = False
    assert ask(api, READ, {"X-Consul-Token": secret}).status_code == 200


def test_the_refusal_says_what_the_token_may_do(api: Client, token: Callable[..., dict[str, str]]) -> None:
    answer = ask(api, WRITE_ORDER, token("write:user-"))
    assert answer.json()["detail"] == "token ci may write services beginning with 'user-', not 'order-api'"


def test_an_expired_token_says_so(api: Client) -> None:
    _, secret = create_token("old", ["read"], expires_in=60, actor="test", now=1_600_000_000)
    answer = ask(api, READ, {"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert "has expired on 2020-09-13" in answer.json()["detail"]


def test_a_revoked_token_says_so_at_once(api: Client) -> None:
    token, secret = create_token("gone", ["read"], expires_in=None, actor="test", now=1_600_000_000)
    assert ask(api, READ, {"Authorization": f"Bearer {secret}"}).status_code == 200
    revoke_token(token.id, actor="test", now=1_600_000_060)
    answer = ask(api, READ, {"Authorization": f"Bearer {secret}"})
    assert (answer.status_code, "was revoked" in answer.json()["detail"]) == (401, True)


@pytest.mark.parametrize("header", ["Bearer mrd_abcdefgh_wrong", "Bearer x", "Basic YTpi", "Bearer"])
def test_a_wrong_token_is_401_even_behind_an_open_door(api: Client, header: str) -> None:
    assert ask(api, READ, {"Authorization": header}).status_code == 401


def test_the_log_names_the_token(api: Client, token: Callable[..., dict[str, str]]) -> None:
    ask(api, WRITE_USER, token("write:*", name="deployer"))
    assert ChangeRow.objects.latest("index").actor == "token:deployer@127.0.0.1/api"


def test_a_page_of_another_site_may_not_write_through_the_open_door(api: Client) -> None:
    answer = ask(api, WRITE_USER, {"Origin": "http://evil.example"})
    assert (answer.status_code, ChangeRow.objects.count()) == (403, 0)


def test_this_sites_own_page_may(api: Client) -> None:
    assert ask(api, WRITE_USER, {"Origin": "http://testserver"}).status_code == 201


def signed_in(*, superuser: bool = False, staff: bool = True, writer: bool = False) -> Client:
    user = User.objects.create_user("alice", is_staff=staff, is_superuser=superuser)
    if writer:
        user.user_permissions.add(Permission.objects.get(codename="change_instancerow"))
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.mark.usefixtures("closed_door")
@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        ({"superuser": True}, (200, 201, 201, 201, 200, 200, 201)),
        ({"writer": True}, (200, 201, 201, 403, 403, 403, 403)),
        ({}, (200, 403, 403, 403, 403, 403, 403)),
        ({"staff": False}, (403, 403, 403, 403, 403, 403, 403)),
    ],
)
def test_a_signed_in_user_may_do_what_they_are(kind: dict[str, bool], statuses: tuple[int, ...]) -> None:
    client = signed_in(**kind)
    assert tuple(ask(client, request).status_code for request in REQUESTS) == statuses


@pytest.mark.usefixtures("fresh_tokens")
def test_the_log_names_the_user() -> None:
    ask(signed_in(superuser=True), WRITE_USER)
    assert ChangeRow.objects.latest("index").actor == "admin:alice@127.0.0.1/api"


def test_a_session_without_its_csrf_token_may_not_write(api: Client) -> None:
    api.force_login(User.objects.create_superuser("alice"))
    answer = ask(api, WRITE_USER)
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    assert "CSRF" in answer.json()["detail"]


def test_a_session_may_read_without_one(api: Client) -> None:
    api.force_login(User.objects.create_superuser("alice"))
    assert ask(api, READ).status_code == 200


@pytest.mark.usefixtures("closed_door")
def test_a_refusal_is_logged_with_who_and_from_where(
    api: Client, token: Callable[..., dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    ask(api, WRITE_ORDER, token("read", name="nosy"))
    told = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    (refusal,) = [line for line in told if line.get("event") == "request refused"]
    assert (refusal["status"], refusal["by"], refusal["address"]) == (403, "token nosy", "127.0.0.1")
    assert refusal["path"] == "/api/v1/instances/order-api/1"
