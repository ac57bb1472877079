"""The schema of the API: valid, complete, and true to what is answered."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.test import Client

from federation.api.urls import ROUTES as FEDERATION
from registry.api.urls import ROUTES


@pytest.fixture(scope="module")
def schema() -> Any:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


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


def _validate(value: Any, component: str, schema: Any) -> None:
    """OpenAPI 3.0 writes `nullable` where JSON Schema has a type of null."""
    whole = {"$ref": f"#/components/schemas/{component}", "components": _with_null(schema["components"])}
    jsonschema.validate(value, whole)


def _with_null(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _with_null(value) for key, value in node.items()}
    if copy.pop("nullable", False):
        return {"anyOf": [copy, {"type": "null"}]}
    return copy


ANSWERS = [
    ("/api/v1/instances", "PaginatedInstanceList"),
    ("/api/v1/instances/user-service/user-1", "Instance"),
    ("/api/v1/services", "PaginatedServiceList"),
    ("/api/v1/services/user-service", "Service"),
    ("/api/v1/overrides", "PaginatedOverrideList"),
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
    schema: Any,
    path: str,
    component: str,
) -> None:
    register(lease={"ttl": "15s"}, checks=[{"type": "http", "url": "http://10.0.1.5/"}], tags=["primary"])
    override = {"scope": "tag", "tag": "primary", "status": "critical", "reason": "x", "expires_in": "5m"}
    api.post("/api/v1/overrides", override, content_type="application/json")
    token("read")
    _validate(api.get(path).json(), component, schema)


def test_a_path_that_is_none_is_a_problem(client: Client) -> None:
    answer = client.get("/api/v1/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_method_that_does_not_fit_is_a_problem(api: Client, db: None) -> None:
    answer = api.put("/api/v1/regions", {}, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert "GET" in answer["Allow"]
