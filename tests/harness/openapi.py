"""The schema of the REST API, and whether a value is what it says."""

import json
from functools import cache
from io import StringIO
from typing import Any

import jsonschema
from django.core.management import call_command


@cache
def schema() -> Any:
    """The schema, made without a warning."""
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


def validate(value: Any, component: str) -> None:
    """Raises ValidationError when `value` is not what the schema says of the component."""
    validate_by({"$ref": f"#/components/schemas/{component}"}, value)


def validate_by(node: Any, value: Any) -> None:
    """The same for any part of the schema."""
    jsonschema.validate(value, {**_with_null(node), "components": _with_null(schema()["components"])})


def _with_null(node: Any) -> Any:
    """OpenAPI 3.0 writes `nullable` where JSON Schema has a type of null."""
    if isinstance(node, list):
        return [_with_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _with_null(value) for key, value in node.items()}
    if copy.pop("nullable", False):
        return {"anyOf": [copy, {"type": "null"}]}
    return copy
