"""Instances over the API: finding, registering, replacing and deregistering them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from registry.models import ChangeRow, InstanceRow

WHOLE = {
    "host": "10.0.1.5",
    "port": 8080,
    "ports": {"grpc": 50051},
    "zone": "us-east-1a",
    "version": "2.1.0",
    "tags": ["primary"],
    "metadata": {"team": "accounts"},
    "weight": 10,
    "owner": "accounts",
    "lease": {"ttl": "15s"},
    "checks": [{"name": "http", "type": "http", "url": "http://10.0.1.5:8080/health", "interval": "10s"}],
    "deregister_critical_after": "10m",
}


def put(api: Client, path: str, body: Any, **headers: str) -> Any:
    return api.put(path, body, content_type="application/json", headers=headers)


def ids(api: Client, query: str) -> list[str]:
    answer = api.get(f"/api/v1/instances?{query}")
    assert answer.status_code == 200, answer.content
    return [instance["id"] for instance in answer.json()["results"]]


def test_a_new_instance_is_answered_201_with_its_record(api: Client) -> None:
    answer = put(api, "/api/v1/instances/user-service/user-1", WHOLE)
    assert answer.status_code == 201
    found = answer.json()
    assert {field: found[field] for field in ("host", "port", "ports", "zone", "tags", "metadata", "weight")} == {
        field: WHOLE[field] for field in ("host", "port", "ports", "zone", "tags", "metadata", "weight")
    }
    assert (found["region"], found["namespace"], found["epoch"], found["index"]) == ("us-east", "default", 1, 1)
    assert found["lease"] == {"ttl": "15s", "expired": False}
    assert found["checks"][0]["status"] == "unknown"
    assert found["registered_at"].endswith("Z")


def test_the_same_name_again_replaces_and_is_answered_200(api: Client) -> None:
    put(api, "/api/v1/instances/user-service/user-1", WHOLE)
    answer = put(api, "/api/v1/instances/user-service/user-1", {**WHOLE, "version": "2.2.0"})
    assert (answer.status_code, answer.json()["version"]) == (200, "2.2.0")


def test_post_takes_the_name_from_the_body(api: Client) -> None:
    body = {**WHOLE, "service": "user-service", "id": "user-9", "namespace": "staging"}
    answer = api.post("/api/v1/instances", body, content_type="application/json")
    assert answer.status_code == 201
    assert (answer.json()["id"], answer.json()["namespace"]) == ("user-9", "staging")


def test_what_is_registered_can_be_read_back(api: Client) -> None:
    written = put(api, "/api/v1/instances/user-service/user-1", WHOLE).json()
    assert api.get("/api/v1/instances/user-service/user-1").json() == written


def test_deregistering_leaves_nothing_and_says_who_and_why(api: Client, register: Callable[..., Any]) -> None:
    register()
    answer = api.delete("/api/v1/instances/user-service/user-1", headers={"Meridian-Cause": "rolled back"})
    assert answer.status_code == 204
    assert api.get("/api/v1/instances/user-service/user-1").status_code == 404
    change = ChangeRow.objects.latest("index")
    assert (change.verb, change.actor, change.cause) == ("deregister", "anonymous@127.0.0.1/api", "rolled back")


def test_each_write_is_one_change_of_the_log(api: Client) -> None:
    for version in ("1", "2"):
        put(api, "/api/v1/instances/user-service/user-1", {**WHOLE, "version": version})
    api.delete("/api/v1/instances/user-service/user-1")
    assert list(ChangeRow.objects.order_by("index").values_list("verb", flat=True)) == [
        "register", "register", "deregister",
    ]  # fmt: skip


BAD_BODIES = [
    ({}, "host"),
    ({"host": "10.0.1.5", "port": 0}, "port"),
    ({"host": "10.0.1.5", "port": 70000}, "port"),
    ({"host": "10.0.1.5", "port": "8080"}, "port"),
    ({"host": 5, "port": 80}, "host"),
    ({"host": "not a host", "port": 80}, "host"),
    ({"host": "10.0.1.5", "port": 80, "colour": "red"}, "colour"),
    ({"host": "10.0.1.5", "port": 80, "weight": 0}, "weight"),
    ({"host": "10.0.1.5", "port": 80, "lease": {"ttl": "soon"}}, "lease.ttl"),
    ({"host": "10.0.1.5", "port": 80, "checks": [{"type": "http"}]}, "checks[0].url"),
    ({"host": "10.0.1.5", "port": 80, "checks": [{"type": "smell"}]}, "checks[0].type"),
    ({"host": "10.0.1.5", "port": 80, "metadata": {"k": "v" * 600}}, "metadata.k"),
    ({"host": "10.0.1.5", "port": 80, "tags": ["ok", "\u0007"]}, "tags[1]"),
    ({"host": "10.0.1.5", "port": 80, "zone": "a b"}, "zone"),
]


@pytest.mark.parametrize(("body", "field"), BAD_BODIES)
def test_a_bad_registration_is_refused_by_field_and_changes_nothing(api: Client, body: Any, field: str) -> None:
    answer = put(api, "/api/v1/instances/user-service/user-1", body)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["field"] == field
    assert ChangeRow.objects.count() == 0


BAD_NAMES = [
    ("/api/v1/instances/user_service/user-1", "service"),
    ("/api/v1/instances/user-service/-1", "id"),
    ("/api/v1/instances/user-service/user-1?namespace=a.b", "namespace"),
    ("/api/v1/instances/" + "a" * 64 + "/user-1", "service"),
]


@pytest.mark.parametrize(("path", "field"), BAD_NAMES)
@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_names_that_cannot_be_are_refused_by_every_method(api: Client, path: str, field: str, method: str) -> None:
    answer = put(api, path, WHOLE) if method == "put" else getattr(api, method)(path)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize("missing", ["service", "id"])
def test_post_without_a_name_says_which_is_missing(api: Client, missing: str) -> None:
    body = {**WHOLE, "service": "user-service", "id": "user-1"}
    del body[missing]
    answer = api.post("/api/v1/instances", body, content_type="application/json")
    assert (answer.status_code, answer.json()["field"]) == (400, missing)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[1, 2]", 400),
        (b'"text"', 400),
        (b'{"host": NaN}', 400),
        (b"\xff\xfe", 400),
        (b'{"a":' * 9000 + b"1" + b"}" * 9000, 400),
        (b'{"host": "' + b"x" * 70_000 + b'"}', 413),
    ],
)
def test_a_body_that_is_no_registration_is_a_problem(api: Client, body: bytes, status: int) -> None:
    answer = put(api, "/api/v1/instances/user-service/user-1", body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def test_another_type_of_body_is_refused(api: Client) -> None:
    answer = api.put("/api/v1/instances/user-service/user-1", "host=1", content_type="text/plain")
    assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")


def test_an_unknown_instance_is_404(api: Client) -> None:
    for answer in (api.get("/api/v1/instances/user-service/x"), api.delete("/api/v1/instances/user-service/x")):
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.fixture
def _fleet(register: Callable[..., Any]) -> None:
    register("user-service", "user-1", zone="a", version="1", tags=["primary", 'odd"]tag'], owner="accounts")
    register("user-service", "user-2", zone="b", version="2", tags=["secondary"], metadata={"owner": "accounts"})
    register("order-service", "order-1", zone="a", metadata={"tags": "primary", "team": "Gold"}, port=9090)
    register("order-service", "order-2", namespace="staging", checks=[{"type": "ttl", "ttl": "5s"}])


FINDINGS = [
    ("", ["order-1", "user-1", "user-2", "order-2"]),
    ("service=user-service", ["user-1", "user-2"]),
    ("namespace=staging", ["order-2"]),
    ("zone=a", ["order-1", "user-1"]),
    ("version=2", ["user-2"]),
    ("status=unknown", ["order-2"]),
    ("status=passing&zone=b", ["user-2"]),
    ("region=us-east&service=order-service", ["order-1", "order-2"]),
    ("region=mars", []),
    ("tag=primary", ["user-1"]),
    ("tag=prim", []),
    ("tag=odd%22%5Dtag", ["user-1"]),
    ("tag=.*", []),
    ("owner=accounts", ["user-1"]),
    ("owner=account", []),
    ("search=user", ["user-1", "user-2"]),
    ("search=gold", ["order-1"]),
    ("search=order+gold", ["order-1"]),
    ("search=secondary", ["user-2"]),
    ("search=lease", []),
    ("search=%25", []),
    ("ordering=-id", ["user-2", "user-1", "order-2", "order-1"]),
    ("ordering=zone,-version", ["order-2", "user-1", "order-1", "user-2"]),
]


@pytest.mark.usefixtures("_fleet")
@pytest.mark.parametrize(("query", "found"), FINDINGS)
def test_instances_are_found_by_what_is_asked(api: Client, query: str, found: list[str]) -> None:
    assert ids(api, query) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("status=well", "status"),
        ("ordering=colour", "ordering"),
        ("page_size=0", "page_size"),
        ("page_size=many", "page_size"),
        ("page_size=100000", "page_size"),
        ("zone=%00", "zone"),
    ],
)
def test_a_question_that_cannot_be_answered_names_the_parameter(api: Client, query: str, field: str) -> None:
    answer = api.get(f"/api/v1/instances?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_a_page_that_is_not_there_is_404(api: Client) -> None:
    assert api.get("/api/v1/instances?page=2").status_code == 404


@pytest.mark.usefixtures("_fleet")
def test_pages_together_are_the_whole_list(api: Client) -> None:
    first = api.get("/api/v1/instances?page_size=3").json()
    second = api.get(first["next"]).json()
    names = [instance["id"] for instance in first["results"] + second["results"]]
    assert (first["count"], second["next"], names) == (4, None, ["order-1", "user-1", "user-2", "order-2"])


@pytest.mark.parametrize("path", ["/api/v1/instances", "/api/v1/instances/"])
def test_a_trailing_slash_makes_no_difference(api: Client, path: str) -> None:
    assert api.get(path).status_code == 200


def test_a_list_costs_the_same_queries_however_long_it_is(
    api: Client, register: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    for number in range(3):
        register(id=f"user-{number}")
    with django_assert_num_queries(3):  # the count, the page, the overrides
        assert len(ids(api, "")) == 3
    for number in range(3, 30):
        register(id=f"user-{number}")
    with django_assert_num_queries(3):
        assert len(ids(api, "")) == 30


def test_markup_in_a_record_is_answered_as_text(api: Client, register: Callable[..., Any]) -> None:
    register(tags=["<script>alert(1)</script>"])
    answer = api.get("/api/v1/instances/user-service/user-1")
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["tags"] == ["<script>alert(1)</script>"]


def test_nothing_is_left_in_the_table_by_a_refusal(api: Client) -> None:
    put(api, "/api/v1/instances/user-service/user-1", {"host": "10.0.1.5", "port": 0})
    assert not InstanceRow.objects.exists()
