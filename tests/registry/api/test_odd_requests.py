"""Malformed requests: each gets a clear problem, none a 500, and nothing is lost."""

import json
from typing import Any

import pytest
from django.test import Client

from registry.models import ChangeRow

ODD_PATHS = [
    "/api/v1/changes/99999999999999999999999999",
    "/api/v1/changes/0",
    "/api/v1/changes?index_from=99999999999999999999999999",
    "/api/v1/changes?index_from=1e5",
    "/api/v1/changes?since=0001-01-01T00:00:00%2B23:59",
    "/api/v1/changes?since=9999-12-31T23:59:59-23:59",
    "/api/v1/changes?since=99999999d",
    "/api/v1/changes?cursor=cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ%3D%3D",
    "/api/v1/changes?key=%00",
    "/api/v1/changes?region=%00",
    "/api/v1/changes/1?region=%00",
    "/api/v1/instances?page=99999999999999999999999999",
    "/api/v1/instances?page=-1",
    "/api/v1/instances?page_size=%F0%9F%A6%8A",
    "/api/v1/instances?page_size=" + "9" * 5000,
    "/api/v1/instances?search=" + "a+" * 500,
    "/api/v1/instances?search=%5B%28%2A%5C",
    "/api/v1/instances?tag=%5B%28%2A%5C%22",
    "/api/v1/instances?owner=" + "x" * 2000,
    "/api/v1/instances?ordering=,,,-",
    "/api/v1/instances/user-service/%00",
    "/api/v1/instances/user-service/%F0%9F%A6%8A",
    "/api/v1/instances/user-service/" + "x" * 3000,
    "/api/v1/services/%2e%2e",
    "/api/v1/overrides/%00",
    "/api/v1/held/%00",
    "/api/v1/tokens/%00",
    "/api/v1/checks?status=%00",
]


@pytest.mark.parametrize("path", ODD_PATHS)
def test_an_odd_question_is_answered_or_refused(api: Client, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code in (200, 400, 404), answer.content
    if answer.status_code != 200:
        assert answer["Content-Type"] == "application/problem+json"


REGISTRATION = {"host": "10.0.1.5", "port": 8080}
ODD_BODIES: list[bytes] = [
    b'{"host": "10.0.1.5", "port": 8080, "metadata": {"a": "\\ud800"}}',
    b'{"host": "10.0.1.5", "port": 8080, "tags": ["\\udc00"]}',
    b'{"host": "10.0.1.5", "port": 1e999}',
    b'{"host": "10.0.1.5", "port": 99999999999999999999999999}',
    b'{"host": "10.0.1.5", "port": true}',
    b'{"host": null, "port": 80}',
    b'{"host": "10.0.1.5", "port": 80, "weight": -99999999999999999999}',
    b'{"host": "10.0.1.5", "port": 80, "lease": {"ttl": 1e300}}',
    b'{"host": "10.0.1.5", "port": 80, "ports": {"": 1}}',
    b'{"host": "10.0.1.5", "port": 80, "checks": [[]]}',
    b'{"host": "10.0.1.5", "port": 80,',
    b'{"host": Infinity}',
    b"\xef\xbb\xbf{}",
    b"\x00",
    json.dumps({**REGISTRATION, "tags": [f"tag-{number}" for number in range(5000)]}).encode(),
]


@pytest.mark.parametrize("body", ODD_BODIES)
def test_an_odd_registration_is_refused_and_changes_nothing(api: Client, body: bytes) -> None:
    answer = api.put("/api/v1/instances/user-service/user-1", body, content_type="application/json")
    assert answer.status_code in (400, 413), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not ChangeRow.objects.exists()


@pytest.mark.parametrize(
    "given",
    [
        {"expires_at": "9999-12-31T23:59:59-23:59"},
        {"expires_at": "0001-01-01T00:00:00+23:59"},
        {"expires_at": 5},
        {"expires_in": [1]},
        {"expires_in": 1e300},
        {"reason": ["x"]},
        {"weight": 1e300},
        {"service": None},
    ],
)
def test_an_odd_override_is_refused_and_spoils_no_list(api: Client, given: dict[str, Any]) -> None:
    body = {"scope": "service", "service": "x", "status": "critical", "reason": "x", **given}
    answer = api.post("/api/v1/overrides", body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), answer.content
    assert api.get("/api/v1/overrides").json()["count"] == 0


@pytest.mark.parametrize("method", ["options", "trace", "patch"])
def test_a_method_that_nobody_offers_is_a_problem(api: Client, method: str) -> None:
    answer = getattr(api, method)("/api/v1/instances")
    assert answer.status_code == 405


def test_a_question_for_something_else_than_json_is_a_problem(api: Client) -> None:
    answer = api.get("/api/v1/instances", headers={"Accept": "application/xml"})
    assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")
