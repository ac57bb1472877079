"""Reading a body as a struct."""

from typing import Any, TypeVar

import msgspec

from catalog.records.registration import complaint

Body = TypeVar("Body")


def read(given: Any, kind: type[Body]) -> Body:
    """The parsed body as `kind`. Raises Invalid naming the field."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise complaint(error) from None
