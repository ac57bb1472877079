"""The table of answers: what was encoded, kept until a change touches what it was made from.

Two kinds are kept. *Bodies* are whole messages but for their first two bytes, the id, keyed by the whole packet that
asked but for its id: finding one takes no reading of the packet at all. *Prepared* answers are keyed by name and type,
for packets that differ in what does not matter: the case of the name, a cookie, the size that the asker takes.

Threads. One thread answers over UDP, one follows the log and answers over TCP; further ones may answer over UDP.
Looking up takes no lock: a dict's `get` is whole. Everything that adds or removes holds the lock.

The danger is an answer made from the view as it was, put into the table after the change that should have dropped it:
it would stay for ever. So the maker of an answer first notes `generation`, and `put` refuses when it has moved on.
The generation moves at the *end* of dropping, under the lock. Were it to move at the start, a thread could note the
new one, take a prepared answer that is about to be dropped, and keep a body made from it. As it is, who notes the new
generation finds the table clean, and the view was changed before that.
"""

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from catalog.touched import EVERYTHING
from discovery.dns.message import Prepared
from discovery.dns.reads import Dependency

MOST_BODIES = 65_536
MOST_PREPARED = 65_536
MOST_SEEN_ONCE = 8192
EVICTED = 1 / 16  # of a full table goes at once, the oldest first


class Bodies:
    """The orders of one answer, used one after the other. `served` counts, and so picks the next.

    `kind` is (type, rcode) for the counters.
    """

    __slots__ = ("count", "kind", "orders", "served", "truncated")

    def __init__(self, orders: list[bytes], kind: tuple[int, int], *, truncated: bool) -> None:
        self.orders = orders
        self.count = len(orders)
        self.kind = kind
        self.truncated = truncated
        self.served = 0


Key = bytes | tuple[bytes, int]


class AnswerTable:
    """Bodies and prepared answers; a listener of the view. `retire` is called with each body that leaves the table."""

    def __init__(self, *, retire: Callable[[Bodies], None] = lambda _: None) -> None:
        self.bodies: dict[bytes, Bodies] = {}
        self.prepared: dict[tuple[bytes, int], Prepared] = {}
        self.generation = 0
        self._lock = threading.Lock()
        self._retire = retire
        self._depends: dict[Key, frozenset[Dependency]] = {}
        self._dependents: dict[str, dict[str, set[Key]]] = {}
        self._deadlines: dict[Key, float] = {}
        self._seen_once: set[int] = set()

    def is_new(self, key: Hashable) -> bool:
        """True the first time that a packet is seen, or nearly so.

        A packet is worth keeping from the second time on. Most packets of a resolver that varies the case of names, and
        all of a flood of invented names, come once; they must not push out what is asked all the time.
        """
        mark = hash(key)
        if mark in self._seen_once:
            return False
        if len(self._seen_once) >= MOST_SEEN_ONCE:
            self._seen_once = set()
        self._seen_once.add(mark)
        return True

    def put_body(
        self,
        key: bytes,
        bodies: Bodies,
        *,
        depends: frozenset[Dependency],
        generation: int,
        valid_until: float | None = None,
    ) -> None:
        """Keep a body, unless something was dropped since `generation` was noted."""
        with self._lock:
            if generation == self.generation:
                self._make_room(self.bodies, MOST_BODIES)
                self.bodies[key] = bodies
                self._remember(key, depends, valid_until)

    def put_prepared(self, key: tuple[bytes, int], prepared: Prepared, *, generation: int) -> None:
        """Keep a prepared answer, unless something was dropped since `generation` was noted."""
        with self._lock:
            if generation == self.generation:
                self._make_room(self.prepared, MOST_PREPARED)
                self.prepared[key] = prepared
                self._remember(key, prepared.depends, prepared.valid_until)

    def touched(self, region: str, names: frozenset[str], index: int) -> None:
        """Drop what depends on the names; a listener of the view."""
        with self._lock:
            dependents = self._dependents.get(region, {})
            affected = dependents.values() if EVERYTHING in names else (dependents.get(name, ()) for name in names)
            self._drop({key for keys in affected for key in keys})
            self.generation += 1

    def expire(self, now: float) -> None:
        """Drop what time alone has made doubtful."""
        with self._lock:
            due = [key for key, deadline in self._deadlines.items() if deadline <= now]
            if due:
                self._drop(due)
                self.generation += 1

    def live(self) -> Iterator[Bodies]:
        """The bodies kept now, as a copy."""
        return iter(list(self.bodies.values()))

    def _make_room(self, kept: Mapping[Any, object], most: int) -> None:
        if len(kept) >= most:
            oldest = iter(kept)
            self._drop([next(oldest) for _ in range(int(most * EVICTED))])

    def _remember(self, key: Key, depends: Iterable[Dependency], valid_until: float | None) -> None:
        self._depends[key] = frozenset(depends)
        for region, name in depends:
            self._dependents.setdefault(region, {}).setdefault(name, set()).add(key)
        if valid_until is not None:
            self._deadlines[key] = valid_until

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            for region, name in self._depends.pop(key, ()):
                self._forget(region, name, key)
            self._deadlines.pop(key, None)
            if isinstance(key, tuple):
                self.prepared.pop(key, None)
            elif (bodies := self.bodies.pop(key, None)) is not None:
                self._retire(bodies)

    def _forget(self, region: str, name: str, key: Key) -> None:
        keys = self._dependents[region][name]
        keys.discard(key)
        if not keys:
            del self._dependents[region][name]
