"""Who depends on which names of the view: the way from a change to what it makes out of date."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from catalog.touched import EVERYTHING

Dependency = tuple[str, str]  # a region, and a name in its part of the view

K = TypeVar("K", bound=Hashable)
H = TypeVar("H", bound=Hashable)


class Dependents(Generic[K]):
    """Keys by the names that they depend on, of each region."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], set[K]] = {}
        self._by_region: dict[str, set[K]] = {}

    def add(self, key: K, depends: Iterable[Dependency]) -> None:
        """From now on `key` depends on these names."""
        for region, name in depends:
            self._by_region.setdefault(region, set()).add(key)
            self._by_name.setdefault((region, name), set()).add(key)

    def discard(self, key: K, depends: Iterable[Dependency]) -> None:
        """Forget what `add` was told."""
        for region, name in depends:
            self._remove(self._by_region, region, key)
            self._remove(self._by_name, (region, name), key)

    def touched(self, region: str, names: frozenset[str]) -> list[K]:
        """The keys that depend on any of the names."""
        if EVERYTHING in names:
            return list(self._by_region.get(region, ()))
        if len(names) == 1:
            return list(self._by_name.get((region, next(iter(names))), ()))
        found = set[K]()
        for name in names:
            found |= self._by_name.get((region, name), set())
        return list(found)

    @staticmethod
    def _remove(index: dict[H, set[K]], at: H, key: K) -> None:
        keys = index.get(at)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del index[at]
