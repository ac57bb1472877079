"""The log over the API: finding changes, leafing through them, and what each one changed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from registry import actions


@pytest.fixture
def _history(register: Callable[..., Any]) -> None:
    """Index 1 to 4, an hour apart."""
    register(id="user-1", version="1", metadata={"team": "a"})
    register(id="user-1", version="2", metadata={"team": "a", "cost": "9"})
    register("order-service", "order-1")
    actions.deregister(
        namespace="default", service="user-service", id="user-1", actor="admin:alice@10.0.0.8/api", cause="rolled back"
    )
    with connection.cursor() as cursor:
        cursor.execute('UPDATE registry_change SET "at" = 1700000000 + 3600 * "index"')


def indexes(api: Client, query: str) -> list[int]:
    answer = api.get(f"/api/v1/changes?{query}")
    assert answer.status_code == 200, answer.content
    return [change["index"] for change in answer.json()["results"]]


@pytest.mark.usefixtures("_history")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [4, 3, 2, 1]),
        ("service=user-service", [4, 2, 1]),
        ("service=user", []),
        ("service=user-service&namespace=staging", []),
        ("namespace=default", [4, 3, 2, 1]),
        ("key=instance/default/order-service/order-1", [3]),
        ("key_prefix=instance/default/order", [3]),
        ("actor=alice", [4]),
        ("verb=register", [3, 2, 1]),
        ("index_from=2&index_to=3", [3, 2]),
        ("since=2023-11-15T00:13:20Z", [4, 3, 2]),
        ("until=2023-11-15T00:13:20Z", [2, 1]),
        ("since=1s", []),
        ("until=1s", [4, 3, 2, 1]),
        ("region=eu-west", []),
    ],
)
def test_changes_are_found_by_what_is_asked(api: Client, query: str, found: list[int]) -> None:
    assert indexes(api, query) == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=long+ago", "since"),
        ("until=2027-01-01", "until"),
        ("index_from=x", "index_from"),
        ("colour=x", "colour"),
    ],
)
def test_a_bad_filter_is_refused_by_name(api: Client, query: str, field: str) -> None:
    answer = api.get(f"/api/v1/changes?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.parametrize("cursor", ["%21", "abc", "cD0", "%C3%A9"])
def test_a_cursor_that_is_none_is_a_problem(api: Client, cursor: str) -> None:
    answer = api.get(f"/api/v1/changes?cursor={cursor}")
    assert answer.status_code in (400, 404)
    assert answer["Content-Type"] == "application/problem+json"


def test_a_change_that_comes_while_leafing_neither_repeats_nor_hides_one(
    api: Client, register: Callable[..., Any]
) -> None:
    for number in range(5):
        register(id=f"user-{number}")
    first = api.get("/api/v1/changes?page_size=2").json()
    register(id="user-late")
    second = api.get(first["next"]).json()
    read = [change["index"] for change in first["results"] + second["results"]]
    assert read == [5, 4, 3, 2]


@pytest.mark.usefixtures("_history")
def test_a_change_shows_what_it_changed(api: Client) -> None:
    found = api.get("/api/v1/changes/2").json()
    assert found["before_index"] == 1
    assert found["difference"] == [
        {"field": "version", "before": "1", "after": "2"},
        {"field": "metadata.cost", "before": None, "after": "9"},
    ]
    assert found["record"]["version"] == "2"
    assert found["before"]["version"] == "1"


@pytest.mark.usefixtures("_history")
def test_a_removal_shows_what_was_lost(api: Client) -> None:
    found = api.get("/api/v1/changes/4").json()
    assert (found["removed"], found["record"], found["before"]["version"]) == (True, None, "2")
    assert {"field": "host", "before": "10.0.1.5", "after": None} in found["difference"]


@pytest.mark.usefixtures("_history")
def test_the_first_change_of_a_record_has_nothing_before_it(api: Client) -> None:
    found = api.get("/api/v1/changes/1").json()
    assert (found["before_index"], found["before"]) == (None, None)


def test_an_index_that_the_log_does_not_hold_is_404(api: Client) -> None:
    assert api.get("/api/v1/changes/99").status_code == 404


def test_the_log_costs_the_same_queries_however_long_it_is(
    api: Client, register: Callable[..., Any], django_assert_num_queries: Any
) -> None:
    for number in range(20):
        register(id=f"user-{number}")
    with django_assert_num_queries(1):
        assert len(indexes(api, "")) == 20
