"""The schema of the API: valid, complete, and true to what is answered."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from federation.api.urls import ROUTES as FEDERATION
from registry.api.urls import ROUTES
from registry.models import HeldRow
from registry.tables.held import Member, encode_members
from tests.harness import openapi


@pytest.fixture(name="schema")
def _schema() -> Any:
    return openapi.schema()


def test_the_schema_is_valid_and_made_without_a_warning(schema: Any) -> None:
    assert schema["openapi"].startswith("3.0")


def test_every_path_is_in_the_schema_once(schema: Any) -> None:
    shown = {path.count("/") for path in schema["paths"]}
    assert shown
    wanted = {name for _, _, name in (*ROUTES, *FEDERATION) if name not in ("schema", "docs")}
    assert len(schema["paths"]) == len(wanted)
    assert not [path for path in schema["paths"] if path.endswith("/")]


def test_every_operation_has_a_summary_a_description_and_problems(schema: Any) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            told = operation.get("summary"), operation.get("description")
            assert all(told), f"{method} {path}"
            assert "application/problem+json" in operation["responses"]["400"]["content"], f"{method} {path}"


def test_the_description_says_when_to_use_it(schema: Any) -> None:
    assert "When to use this, and when `/services`" in schema["info"]["description"]


def test_the_schema_and_its_page_are_served_from_here_alone(client: Client) -> None:
    assert client.get("/api/v1/schema").status_code == 200
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert b"/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui" in page.content
    assert b"https://" not in page.content
    assert b"<script>" not in page.content  # the policy forbids scripts in the page


def _contents(schema: Any) -> Iterator[tuple[str, Any]]:
    """Each body and answer of each operation."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            for part in (operation.get("requestBody", {}), *operation["responses"].values()):
                for content in part.get("content", {}).values():
                    yield f"{method} {path}", content


def test_every_example_is_what_the_schema_says(schema: Any) -> None:
    operations = set()
    for operation, content in _contents(schema):
        for example in content.get("examples", {}).values():
            openapi.validate_by(content["schema"], example["value"])
            operations.add(operation)
    assert len(operations) >= 17


def test_every_list_tells_its_pages_and_its_filters(schema: Any) -> None:
    told = {parameter["name"] for parameter in schema["paths"]["/api/v1/instances"]["get"]["parameters"]}
    assert told >= {"page", "page_size", "ordering", "service", "tag", "owner", "search"}
    told = {parameter["name"] for parameter in schema["paths"]["/api/v1/changes"]["get"]["parameters"]}
    assert told >= {"cursor", "page_size", "key_prefix", "actor", "since"}


HELD: dict[str, Any] = {"population": 1, "earlier": 0, "members": encode_members([Member(key="k", epoch=1)])}
ANSWERS = [
    ("/api/v1/instances", "PaginatedInstanceList"),
    ("/api/v1/instances/user-service/user-1", "Instance"),
    ("/api/v1/services", "PaginatedServiceList"),
    ("/api/v1/services/user-service", "Service"),
    ("/api/v1/overrides", "PaginatedOverrideList"),
    ("/api/v1/overrides?scope=zone", "PaginatedOverrideList"),
    ("/api/v1/checks", "PaginatedCheckedInstanceList"),
    ("/api/v1/checks/user-service/user-1", "CheckedInstance"),
    ("/api/v1/policies", "PaginatedPolicyList"),
    ("/api/v1/policies/user-service", "Policy"),
    ("/api/v1/held", "PaginatedHeldList"),
    ("/api/v1/held/h1", "Held"),
    ("/api/v1/changes", "PaginatedChangeList"),
    ("/api/v1/changes/1", "ChangeDetail"),
    ("/api/v1/tokens", "PaginatedTokenList"),
    ("/api/v1/instances/user-service/nobody", "Problem"),
]


@pytest.mark.parametrize(("path", "component"), ANSWERS)
def test_what_is_answered_is_what_the_schema_says(
    api: Client,
    register: Callable[..., Any],
    token: Callable[..., dict[str, str]],
    path: str,
    component: str,
) -> None:
    register(lease={"ttl": "15s"}, checks=[{"type": "http", "url": "http://10.0.1.5/"}], tags=["primary"])
    override = {"scope": "tag", "tag": "primary", "status": "critical", "reason": "x", "expires_in": "5m"}
    api.post("/api/v1/overrides", override, content_type="application/json")
    api.put("/api/v1/policies/user-service", {"order": ["eu-west"]}, content_type="application/json")
    HeldRow.objects.create(id="h1", kind="expiry", scope="zone", region="us-east", at=1.0, expires_at=2.0, **HELD)
    token("read")
    openapi.validate(api.get(path).json(), component)


def test_a_path_that_is_none_is_a_problem(client: Client) -> None:
    answer = client.get("/api/v1/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_method_that_does_not_fit_is_a_problem(api: Client, db: None) -> None:
    answer = api.put("/api/v1/regions", {}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert "GET" in answer["Allow"]
