"""Parsing a request's body: a JSON object of a bounded size."""

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from rest_framework.parsers import BaseParser

from catalog.errors import Invalid
from catalog.records.body import complaint
from catalog.records.registration import LARGEST_BODY
from registry.api.problems import TooLarge


class BoundedJson(BaseParser):
    """A JSON object of at most `LARGEST_BODY` bytes."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """See DRF. Raises Invalid and TooLarge."""
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise TooLarge(f"the body has more than {LARGEST_BODY} bytes")
        try:
            value = msgspec.json.decode(body)
        except RecursionError:
            raise Invalid("the body is nested too deeply") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            told = complaint(error, body)
            raise told if told.message.startswith("the body") else Invalid(f"the body is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise Invalid(f"the body must be a JSON object, not {_type_name(value)}")
        return value


def _type_name(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
