"""The difference between two records: which fields changed, from what to what."""

from collections.abc import Iterator
from typing import Any

import msgspec

from catalog.change import Record


class Changed(msgspec.Struct, frozen=True):
    """One field; None stands for a field that is not there."""

    field: str
    before: Any
    after: Any


def difference(before: Record | None, after: Record | None) -> tuple[Changed, ...]:
    """The fields that differ, in the order of the record; all of them when there is only one record."""
    old, new = dict(_fields(before)), dict(_fields(after))
    names = [*new, *(name for name in old if name not in new)]
    return tuple(Changed(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))


def _fields(record: Record | None) -> Iterator[tuple[str, Any]]:
    """Leaves by path, lists of things with a name by that name: `verdicts.http.status`, `metadata.team`."""
    if record is not None:
        yield from _leaves("", msgspec.to_builtins(record))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            yield from _leaves(f"{path}.{inner.get('name') or inner.get('check') or number}", inner)
    else:
        yield path, value
