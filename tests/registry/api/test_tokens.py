"""Tokens over the API: issued once, listed without secrets, revoked at once."""

from typing import Any

import pytest
from django.test import Client

from registry.models import Token


def post(api: Client, body: Any) -> Any:
    return api.post("/api/v1/tokens", body, content_type="application/json")


def test_a_token_is_issued_with_a_secret_that_works(api: Client) -> None:
    issued = post(api, {"name": "ci", "scopes": ["write:user-", "read"], "expires_in": "90d"}).json()
    assert (issued["name"], issued["scopes"]) == ("ci", ["read", "write:user-"])
    answer = api.get("/api/v1/instances", headers={"Authorization": f"Bearer {issued['secret']}"})
    assert answer.status_code == 200


def test_the_secret_is_kept_nowhere(api: Client) -> None:
    secret = post(api, {"name": "ci", "scopes": ["read"]}).json()["secret"]
    row = Token.objects.get()
    assert secret not in [str(value) for value in vars(row).values()]
    assert secret not in api.get("/api/v1/tokens").content.decode()
    assert secret not in api.get(f"/api/v1/tokens/{row.id}").content.decode()


def test_revoking_ends_it_and_keeps_its_row(api: Client) -> None:
    issued = post(api, {"name": "ci", "scopes": ["read"]}).json()
    answer = api.delete(f"/api/v1/tokens/{issued['id']}")
    assert (answer.status_code, answer.json()["revoked_at"] is not None) == (200, True)
    used = api.get("/api/v1/instances", headers={"Authorization": f"Bearer {issued['secret']}"})
    assert used.status_code == 401


def test_a_revoked_name_can_be_used_again(api: Client) -> None:
    first = post(api, {"name": "ci", "scopes": ["read"]}).json()
    api.delete(f"/api/v1/tokens/{first['id']}")
    assert post(api, {"name": "ci", "scopes": ["read"]}).status_code == 201


BAD = [
    ({}, "name"),
    ({"name": "", "scopes": ["read"]}, "name"),
    ({"name": "a b", "scopes": ["read"]}, "name"),
    ({"name": 5, "scopes": ["read"]}, "name"),
    ({"name": "ci"}, "scopes"),
    ({"name": "ci", "scopes": []}, "scopes"),
    ({"name": "ci", "scopes": "read"}, "scopes"),
    ({"name": "ci", "scopes": ["everything"]}, "scopes"),
    ({"name": "ci", "scopes": ["read"], "expires_in": "soon"}, "expires_in"),
    ({"name": "ci", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_in"),
    ({"name": "ci", "scopes": ["read"], "colour": "red"}, "colour"),
    ({"name": "taken", "scopes": ["read"]}, "name"),
]


@pytest.mark.parametrize(("body", "field"), BAD)
def test_a_bad_request_for_a_token_is_refused_by_field(api: Client, body: Any, field: str) -> None:
    post(api, {"name": "taken", "scopes": ["read"]})
    answer = post(api, body)
    assert (answer.status_code, answer.json().get("field"), Token.objects.count()) == (400, field, 1)


@pytest.mark.parametrize("method", ["get", "delete"])
def test_an_unknown_token_is_404(api: Client, method: str) -> None:
    assert getattr(api, method)("/api/v1/tokens/nothing").status_code == 404
