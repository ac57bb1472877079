"""Components of the schema from msgspec structs: name, fields, defaults, descriptions and enums."""

from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentIdentity, ResolvedComponent

REFERENCE = "#/components/schemas/"
SUFFIX = "Shape"


class StructExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A struct may stand wherever drf-spectacular takes a serializer."""

    target_class = msgspec.Struct
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        """`Instance` for `InstanceShape`."""
        return component_name(self.target)

    def get_identity(self, auto_schema: AutoSchema, direction: str) -> ComponentIdentity:
        """The same for a struct that is used directly and inside another one."""
        return _identity(component_name(self.target))

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """The struct's schema. Registers the schemas of the structs and enums inside it."""
        found = components(self.target)
        own = found.pop(component_name(self.target))
        for name, schema in found.items():
            component = ResolvedComponent(  # type: ignore[no-untyped-call]
                name, ResolvedComponent.SCHEMA, schema, _identity(name)
            )
            auto_schema.registry.register_on_missing(component)
        return own


def _identity(name: str) -> ComponentIdentity:
    return ComponentIdentity(name)  # type: ignore[no-untyped-call]


def component_name(struct: type) -> str:
    """The name of a struct in the schema."""
    return struct.__name__.removesuffix(SUFFIX)


def components(struct: type) -> dict[str, dict[str, Any]]:
    """The schemas of a struct and of everything inside it, by name."""
    _, found = msgspec.json.schema_components([struct], ref_template=REFERENCE + "{name}")
    return {name.removesuffix(SUFFIX): as_openapi(schema) for name, schema in found.items()}


def as_openapi(schema: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema as OpenAPI 3.0 writes it: `nullable`, one `example`, nothing beside `$ref`, enums with a type."""
    result = {key: value for key, value in schema.items() if key not in ("title", "anyOf", "$ref")}
    if not result.get("required", True):
        del result["required"]
    if "examples" in result:
        result["example"] = result.pop("examples")[0]
    if "properties" in schema:
        result["properties"] = {name: as_openapi(inner) for name, inner in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            result[key] = as_openapi(schema[key])
    if "enum" in result:
        result.setdefault("type", "string")
    if "$ref" in schema:
        reference = {"$ref": schema["$ref"].removesuffix(SUFFIX)}
        result = {"allOf": [reference], **result} if result else reference
    options = [as_openapi(option) for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) < len(schema.get("anyOf", ())):
        result["nullable"] = True
    if len(options) == 1:
        option = options[0] if "$ref" not in options[0] else {"allOf": options}
        return option | result
    return {"anyOf": options, **result} if options else result
