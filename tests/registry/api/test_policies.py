"""Failover policies over the API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from registry.models import ChangeRow, PolicyRow

PATH = "/api/v1/policies/web"
ASKED = {"min_healthy": 2, "order": ["eu-west", "ap-south"], "stale": "drop", "stale_after": "1m", "hold_down": 30}


def put(api: Client, body: Any = ASKED, path: str = PATH, **headers: Any) -> Any:
    return api.put(path, body, content_type="application/json", headers=headers)


def test_a_policy_is_set_read_and_replaced(api: Client) -> None:
    created = put(api)
    found = api.get(PATH)
    assert (created.status_code, found.status_code) == (201, 200)
    assert created.json() == found.json()
    assert found.json() == {
        "region": "us-east", "namespace": "default", "service": "web", "min_healthy": 2, "min_share": 0.0,
        "order": ["eu-west", "ap-south"], "nearest": 0, "stale": "drop", "stale_after": "1m", "hold_down": "30s",
        "index": 1,
    }  # fmt: skip
    assert put(api, {"nearest": 2}).status_code == 200
    assert api.get(PATH).json()["order"] == []


def test_a_policy_is_cleared(api: Client) -> None:
    put(api)
    assert [api.delete(PATH).status_code, api.get(PATH).status_code, api.delete(PATH).status_code] == [204, 404, 404]


def test_policies_are_listed_by_service(api: Client) -> None:
    for service in ("web", "pay"):
        put(api, path=f"/api/v1/policies/{service}")
    assert [row["service"] for row in api.get("/api/v1/policies").json()["results"]] == ["pay", "web"]
    assert [row["service"] for row in api.get("/api/v1/policies?service=pay").json()["results"]] == ["pay"]


def test_who_and_why_are_in_the_log(api: Client) -> None:
    put(api, **{"Meridian-Cause": "before the move"})
    change = ChangeRow.objects.get()
    assert (change.actor, change.cause) == ("anonymous@127.0.0.1/api", "before the move")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "order"),
        ({"order": ["us-east"]}, "order"),
        ({"order": "eu-west"}, "order"),
        ({**ASKED, "min_share": 3}, "min_share"),
        ({**ASKED, "stale": "burn"}, "stale"),
        ({**ASKED, "hold_down": "soon"}, "hold_down"),
        ({**ASKED, "colour": "red"}, "colour"),
        ({**ASKED, "nearest": 1}, "nearest"),
    ],
)
def test_a_wrong_policy_is_refused_by_its_field(api: Client, body: Any, field: str) -> None:
    answer = put(api, body)
    assert (answer.status_code, answer.json().get("field")) == (400, field)
    assert not PolicyRow.objects.exists()


@pytest.mark.usefixtures("closed_door")
def test_only_operators_set_policies(api: Client, token: Callable[..., dict[str, str]]) -> None:
    assert put(api, **token("read", "write:*")).status_code == 403
    assert put(api, **token("operator", name="op")).status_code == 201


def test_an_opinion_about_another_region_is_set_and_shown(api: Client) -> None:
    body = {"scope": "region", "target": "eu-west", "status": "critical", "reason": "packet loss"}
    answer = api.post("/api/v1/overrides", body, content_type="application/json")
    assert (answer.status_code, answer.json()["target"], answer.json()["region"]) == (201, "eu-west", "us-east")
    assert api.get("/api/v1/overrides?target=eu-west").json()["count"] == 1
