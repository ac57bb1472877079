"""Overrides over the API: setting, previewing, listing and clearing them."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from catalog.records.override import Scope
from catalog.records.status import Status
from registry import actions
from registry.models import ChangeRow, OverrideRow

ONE = {"scope": "instance", "service": "user-service", "instance": "user-1", "status": "critical", "reason": "disk"}


def post(api: Client, body: Any, path: str = "/api/v1/overrides") -> Any:
    return api.post(path, body, content_type="application/json")


def test_an_override_is_set_with_its_author_and_expiry(api: Client) -> None:
    answer = post(api, {**ONE, "expires_in": "30m"})
    assert answer.status_code == 201
    found = answer.json()
    left = datetime.fromisoformat(found["expires_at"]).timestamp() - time.time()
    assert 1790 < left <= 1800
    assert (found["author"], found["live"], found["status"], found["weight"]) == ("anonymous", True, "critical", None)


def test_the_reason_is_the_cause_in_the_log(api: Client) -> None:
    post(api, ONE)
    change = ChangeRow.objects.get()
    assert (change.verb, change.cause, change.actor) == ("set_override", "disk", "anonymous@127.0.0.1/api")


def test_an_expiry_may_be_a_moment(api: Client) -> None:
    assert post(api, {**ONE, "expires_at": "2099-01-15T08:00:00+01:00"}).json()["expires_at"] == (
        "2099-01-15T07:00:00.000Z"
    )


BAD = [
    ({}, "scope"),
    ({**ONE, "scope": "planet"}, "scope"),
    ({**ONE, "reason": " "}, "reason"),
    ({key: value for key, value in ONE.items() if key != "reason"}, "reason"),
    ({**ONE, "reason": "x" * 501}, "reason"),
    ({**ONE, "status": None}, "status"),
    ({**ONE, "status": "unknown"}, "status"),
    ({**ONE, "weight": -1}, "weight"),
    ({**ONE, "weight": "heavy"}, "weight"),
    ({**ONE, "instance": ""}, "instance"),
    ({**ONE, "zone": "a"}, "zone"),
    ({**ONE, "service": "user_service"}, "service"),
    ({**ONE, "author": "somebody else"}, "author"),
    ({**ONE, "colour": "red"}, "colour"),
    ({**ONE, "expires_in": "soon"}, "expires_in"),
    ({**ONE, "expires_in": True}, "expires_in"),
    ({**ONE, "expires_in": "0s"}, "expires_in"),
    ({**ONE, "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ({**ONE, "expires_at": "tomorrow"}, "expires_at"),
    ({**ONE, "expires_at": "2099-01-01T00:00:00"}, "expires_at"),
    ({**ONE, "expires_at": "2099-01-01T00:00:00Z", "expires_in": "5m"}, "expires_in"),
]


@pytest.mark.parametrize("path", ["/api/v1/overrides", "/api/v1/overrides/preview"])
@pytest.mark.parametrize(("body", "field"), BAD)
def test_a_bad_override_is_refused_by_field_and_changes_nothing(api: Client, path: str, body: Any, field: str) -> None:
    answer = post(api, body, path)
    assert (answer.status_code, answer.json().get("field"), ChangeRow.objects.count()) == (400, field, 0)


def test_clearing_ends_it_and_stays_in_the_log(api: Client) -> None:
    made = post(api, ONE).json()
    assert api.delete(f"/api/v1/overrides/{made['id']}").status_code == 204
    assert api.get(f"/api/v1/overrides/{made['id']}").status_code == 404
    listed = api.get("/api/v1/changes?key_prefix=override/").json()["results"]
    assert [change["verb"] for change in listed] == ["clear_override", "set_override"]


def test_clearing_twice_is_404(api: Client) -> None:
    made = post(api, ONE).json()
    api.delete(f"/api/v1/overrides/{made['id']}")
    assert api.delete(f"/api/v1/overrides/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("query", "zones"),
    [
        ("", ["b", "a"]),
        ("zone=a", ["a"]),
        ("scope=zone", ["b", "a"]),
        ("scope=tag", []),
        ("live=true", ["b"]),
        ("live=false", ["a"]),
        ("author=ANON", ["b", "a"]),
    ],
)
def test_overrides_are_found_by_what_is_asked(api: Client, query: str, zones: list[str]) -> None:
    for zone in ("a", "b"):
        post(api, {"scope": "zone", "zone": zone, "weight": 0, "reason": "x", "expires_in": "1h"})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_override SET created_at = 1, expires_at = 2 WHERE zone = 'a'")
    listed = api.get(f"/api/v1/overrides?{query}").json()["results"]
    assert [override["zone"] for override in listed] == zones


def test_an_unknown_filter_is_refused(api: Client) -> None:
    answer = api.get("/api/v1/overrides?owner=x")
    assert (answer.status_code, answer.json()["field"]) == (400, "owner")


@pytest.fixture
def _two_in_two_zones(register: Callable[..., Any]) -> None:
    register(id="user-1", zone="a", tags=["primary"])
    register(id="user-2", zone="b")
    register("order-service", "order-1", zone="a")


@pytest.mark.usefixtures("_two_in_two_zones")
def test_a_preview_names_what_would_be_taken_out_and_emptied(api: Client) -> None:
    answer = post(api, {"scope": "zone", "zone": "a", "weight": 0, "reason": "x"}, "/api/v1/overrides/preview").json()
    assert answer["taken_out"] == ["default/order-service/order-1", "default/user-service/user-1"]
    assert (answer["concerned"], answer["taken_out_count"]) == (2, 2)
    assert answer["emptied"] == ["default/order-service"]


@pytest.mark.usefixtures("_two_in_two_zones")
def test_a_preview_counts_what_other_overrides_have_done(api: Client) -> None:
    post(api, {**ONE, "instance": "user-2"})
    answer = post(api, ONE, "/api/v1/overrides/preview").json()
    assert answer["emptied"] == ["default/user-service"]


@pytest.mark.usefixtures("_two_in_two_zones")
def test_a_preview_of_a_weaker_word_changes_nothing(api: Client) -> None:
    post(api, {**ONE, "status": "passing"})
    answer = post(
        api, {"scope": "zone", "zone": "a", "service": "user-service", "status": "critical", "reason": "x"},
        "/api/v1/overrides/preview",
    ).json()  # fmt: skip
    assert (answer["concerned"], answer["taken_out"]) == (1, [])


@pytest.mark.usefixtures("_two_in_two_zones")
def test_a_preview_says_what_would_be_put_back(api: Client) -> None:
    post(api, {"scope": "zone", "zone": "a", "status": "critical", "reason": "x"})
    answer = post(api, {**ONE, "status": "passing"}, "/api/v1/overrides/preview").json()
    assert answer["put_back"] == ["default/user-service/user-1"]


@pytest.mark.usefixtures("_two_in_two_zones")
def test_a_preview_does_nothing(api: Client) -> None:
    before = ChangeRow.objects.count()
    post(api, ONE, "/api/v1/overrides/preview")
    assert (OverrideRow.objects.count(), ChangeRow.objects.count()) == (0, before)


@pytest.mark.usefixtures("_two_in_two_zones")
def test_an_instance_shows_the_override_that_decides(api: Client) -> None:
    post(api, ONE)
    found = api.get("/api/v1/instances/user-service/user-1").json()
    assert (found["status"], found["status_override"]["reason"]) == ("passing", "disk")
    assert found["weight_override"] is None


def test_an_override_set_elsewhere_is_listed(api: Client) -> None:
    request = actions.OverrideRequest(scope=Scope.TAG, tag="primary", status=Status.CRITICAL, reason="x", author="bob")
    actions.set_override(request, actor="test", cause="x")
    assert api.get("/api/v1/overrides?tag=primary").json()["results"][0]["author"] == "bob"
