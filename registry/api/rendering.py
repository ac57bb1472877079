"""Answers as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import JSONRenderer


class StructJson(JSONRenderer):
    """JSON of structs and plain values; indented for `Accept: application/json; indent=4`."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """See DRF."""
        if data is None:
            return b""
        body = msgspec.json.encode(data)
        indent = self.get_indent(accepted_media_type or "", dict(renderer_context or {}))
        return msgspec.json.format(body, indent=indent) if indent else body
