"""A roster: the instances of one service, never changed in place.

A change makes a new roster out of the old one. Copying it whole each time would make a thousand registrations of one
service cost a million copies, so a roster may be an older one and what has changed since; it is put together when
it is read from end to end, or when what has changed grows to a good part of it.
"""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import TypeVar, overload

from catalog.records.instance import Instance

MOST_EDITS = 16  # that a roster keeps beside its base, or an eighth of the base when that is more

T = TypeVar("T")


class Roster(Mapping[str, Instance]):
    """Instances by id. Safe to read on other threads: putting it together twice comes to the same."""

    __slots__ = ("_parts", "_size", "_whole")

    def __init__(self, instances: Mapping[str, Instance] | None = None) -> None:
        whole = dict(instances or {})
        self._whole: dict[str, Instance] | None = whole
        self._parts: tuple[dict[str, Instance], dict[str, Instance | None]] = (whole, {})
        self._size = len(whole)

    def edited(self, edits: Mapping[str, Instance | None]) -> "Roster":
        """The roster with these instances in place, or gone where there is None."""
        base, former = (self._whole, {}) if self._whole is not None else self._parts
        roster = Roster.__new__(Roster)
        roster._parts = (base, {**former, **edits})
        roster._whole = None
        roster._size = self._size + sum((new is not None) - (id in self) for id, new in edits.items())
        if len(roster._parts[1]) > max(MOST_EDITS, len(base) // 8):
            roster._put_together()
        return roster

    def _put_together(self) -> dict[str, Instance]:
        base, edits = self._parts
        whole = base.copy()
        for id, instance in edits.items():
            if instance is None:
                whole.pop(id, None)
            else:
                whole[id] = instance
        self._whole, self._parts = whole, (whole, {})
        return whole

    def __getitem__(self, id: str) -> Instance:
        whole = self._whole
        if whole is not None:
            return whole[id]
        base, edits = self._parts
        instance = edits[id] if id in edits else base[id]
        if instance is None:
            raise KeyError(id)
        return instance

    def __contains__(self, id: object) -> bool:
        base, edits = self._parts
        return edits[id] is not None if id in edits else id in base

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return self._size

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return self._read() == (other._read() if isinstance(other, Roster) else other)

    __hash__ = None  # type: ignore[assignment] # as a dict's

    @overload
    def get(self, key: str, /) -> Instance | None: ...
    @overload
    def get(self, key: str, /, default: Instance | T) -> Instance | T: ...
    def get(self, key: str, /, default: object = None) -> object:
        """The instance of this id, or the default."""
        base, edits = self._parts
        instance = edits[key] if key in edits else base.get(key)
        return default if instance is None else instance

    def values(self) -> ValuesView[Instance]:
        """See `dict.values`."""
        return self._read().values()

    def items(self) -> ItemsView[str, Instance]:
        """See `dict.items`."""
        return self._read().items()

    def _read(self) -> dict[str, Instance]:
        return self._whole if self._whole is not None else self._put_together()
