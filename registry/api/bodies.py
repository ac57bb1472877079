"""Taking a body apart, field by field."""

from typing import Any

from catalog.errors import Invalid


def required_text(given: dict[str, Any], field: str, default: str | None = None) -> str:
    """Take a text out of a body. Raises Invalid when it is missing or of another type."""
    value = given.pop(field, default)
    if not isinstance(value, str) or not value:
        raise Invalid("is missing" if value is None else "must be a text", field=field)
    return value


def refuse_rest(given: dict[str, Any]) -> None:
    """Raises Invalid for a field that nothing has taken out of the body."""
    for field in given:
        raise Invalid("there is no such field", field=str(field)[:80])
