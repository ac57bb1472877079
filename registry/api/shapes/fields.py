"""Types of fields that the shapes share, and how a shape is filled from a record."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from catalog.records.duration import spoken
from catalog.records.status import Status

Shape = TypeVar("Shape")

Anything = Annotated[Any, Meta(extra_json_schema={"nullable": True})]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Text = Annotated[str, Meta(min_length=1)]


def one_of(values: Iterable[str]) -> Meta:
    """The values that a field may have."""
    return Meta(extra_json_schema={"enum": [str(value) for value in values]})


OverridingStatus = Annotated[Status, one_of(status for status in Status if status is not Status.UNKNOWN)]


def copied(shape: Callable[..., Shape], source: object, **rest: Any) -> Shape:
    """A shape whose fields are those of `source` by the same name, except for `rest`."""
    names: tuple[str, ...] = getattr(shape, "__struct_fields__", ())
    return shape(**{name: getattr(source, name) for name in names if name not in rest}, **rest)


def length(seconds: float | None) -> str | None:
    """A length as people write it: `1m30s`."""
    return None if seconds is None else spoken(seconds)
