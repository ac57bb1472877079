"""The OpenAPI schema, made from the structs of `registry.api.shapes`, with examples and what all operations share."""

from registry.api.schema.structs import StructExtension

__all__ = ["StructExtension"]
