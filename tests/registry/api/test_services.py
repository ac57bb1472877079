"""Services and regions over the API: sums of what is registered."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def _fleet(register: Callable[..., Any]) -> None:
    register("user-service", "user-1", zone="a", version="1")
    register("user-service", "user-2", zone="a", version="2", checks=[{"type": "ttl", "ttl": "5s"}])
    register("user-service", "user-3", zone="b", version="2", tags=["primary"])
    register("order-service", "order-1", namespace="staging")


@pytest.mark.usefixtures("_fleet")
def test_a_service_is_the_sum_of_its_instances(api: Client) -> None:
    assert api.get("/api/v1/services/user-service").json() == {
        "name": "user-service",
        "namespace": "default",
        "region": "us-east",
        "instances": 3,
        "statuses": {"passing": 2, "unknown": 1, "warning": 0, "critical": 0},
        "zones": {"a": 2, "b": 1},
        "versions": {"1": 1, "2": 2},
        "index": 3,
    }


@pytest.mark.usefixtures("_fleet")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [("user-service", 3), ("order-service", 1)]),
        ("namespace=staging", [("order-service", 1)]),
        ("zone=a", [("user-service", 2)]),
        ("tag=primary", [("user-service", 1)]),
        ("search=order", [("order-service", 1)]),
        ("status=critical", []),
    ],
)
def test_services_are_found_by_what_is_asked(api: Client, query: str, found: list[tuple[str, int]]) -> None:
    listed = api.get(f"/api/v1/services?{query}").json()["results"]
    assert [(service["name"], service["instances"]) for service in listed] == found


@pytest.mark.usefixtures("_fleet")
def test_pages_of_services_together_are_all(api: Client) -> None:
    first = api.get("/api/v1/services?page_size=1").json()
    second = api.get(first["next"]).json()
    names = [service["name"] for service in first["results"] + second["results"]]
    assert (first["count"], names) == (2, ["user-service", "order-service"])


def test_an_unknown_service_is_404(api: Client) -> None:
    assert api.get("/api/v1/services/nobody").status_code == 404


@pytest.mark.parametrize(
    ("path", "field"), [("nobody_here", "service"), ("x?namespace=a.b", "namespace"), ("x?zone=a", "zone")]
)
def test_a_bad_question_about_a_service_names_the_field(api: Client, path: str, field: str) -> None:
    answer = api.get(f"/api/v1/services/{path}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_services_cost_the_same_queries_however_many_they_are(
    api: Client, register: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    for number in range(20):
        register(f"service-{number}", "one")
    with django_assert_num_queries(3):  # the count, the page, the sums
        assert len(api.get("/api/v1/services").json()["results"]) == 20


@pytest.mark.usefixtures("_fleet")
def test_a_region_says_where_its_log_stands_and_what_it_holds(api: Client) -> None:
    (region,) = api.get("/api/v1/regions").json()
    assert (region["name"], region["is_local"], region["index"]) == ("us-east", True, 4)
    assert (region["instances"], region["services"], region["overrides"]) == (4, 2, 0)
    assert region["statuses"]["passing"] == 3
    assert len(region["digest"]) == 64
