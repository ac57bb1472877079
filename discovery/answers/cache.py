"""The cache of encoded answers: each is kept until something that it depends on changes.

A dialect renders a read of the view in its own form. Status, headers and body then become bytes once, however many ask:
a repeated lookup is a look into a dict and two messages to the server, both made when the answer was encoded.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from catalog.query import Part
from catalog.view import Freshness, View
from discovery.answers.dependents import Dependency, Dependents
from discovery.answers.wire import Wire
from registry.asgi import BODY, START, Headers, Message

MOST_KEPT = 50_000  # answers
LARGEST_KEPT = 256 * 2**20  # bytes of bodies in all, and of their copies for the wire
MOST_ADDRESSES = 32  # ways to write the same read that are remembered

JSON = b"application/json"
Address = tuple[str | bytes | None, ...]  # path, query string, and the headers that the form of the answer depends on


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a read comes to in a dialect's form, and what that rests on.

    `index` is where the answer last changed; `depends` are the names of the view that were read, each with its region;
    after `valid_until` time alone may change it. `parts` are the regions that had a say, when there is more to tell of
    them than `region`, `index` and `freshness` do.
    """

    body: bytes
    region: str
    index: int
    freshness: Freshness
    depends: frozenset[Dependency]
    parts: tuple[Part, ...] = ()
    status: int = 200
    content_type: bytes = JSON
    valid_until: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A read of the view: its cache key, and how to answer it. In one dialect equal keys have equal answers.

    A `personal` one depends on who asks, so that path and query alone do not find its answer.
    """

    key: Hashable
    render: Callable[[View, float], Rendered]
    personal: bool = False


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a dialect's answers look: its name, as metrics and cache keys have it, and the headers of an answer besides
    those of its body."""

    name: str
    headers: Callable[["Encoded"], Headers]


class Encoded:
    """An answer as bytes: the two ASGI messages that carry it, shared by all who are sent them, so never written to.

    `hits` counts how often it was sent from memory. `by_time` says that other bytes may be about under this index,
    because something else than an entry of the log has changed them. `touched` is the last index that touched a name
    in `depends`, whether or not it made a difference. `requests` are those that the request cache answers with it.
    `size` is how many bytes it counts while it is kept.
    """

    __slots__ = (
        "body", "by_time", "depends", "etag", "form", "freshness", "hits", "index", "parts", "region", "rendered",
        "requests", "size", "start", "status", "touched", "unchanged", "valid_until", "whole", "wire", "wire_unchanged",
    )  # fmt: skip

    def __init__(self, rendered: Rendered, form: Form) -> None:
        self.rendered, self.form, self.hits, self.by_time = rendered, form, 0, False
        self.body, self.status, self.size = rendered.body, rendered.status, len(rendered.body)
        self.region, self.freshness, self.parts = rendered.region, rendered.freshness, rendered.parts
        self.index = self.touched = rendered.index
        self.depends, self.valid_until = rendered.depends, rendered.valid_until
        self.etag = b'"' + hashlib.blake2b(self.body, digest_size=9).hexdigest().encode() + b'"'
        described = form.headers(self)
        entity = ((b"content-type", rendered.content_type), (b"content-length", b"%d" % len(self.body)))
        self.start: Message = {"type": START, "status": self.status, "headers": [*entity, *described]}
        self.whole: Message = {"type": BODY, "body": self.body}
        self.unchanged: Message = {"type": START, "status": 304, "headers": described}
        self.wire, self.wire_unchanged = Wire(self.start, self.body), Wire(self.unchanged)
        self.requests: list[bytes] = []

    def same_as(self, other: "Encoded | Former") -> bool:
        """Whether no reader can tell the two apart by status or body; headers say when, not what."""
        return self.etag == other.etag and self.status == other.status

    def is_news_after(self, other: "Encoded | Former") -> bool:
        """Whether those who wait with the other one are answered: it differs, or its index did not say enough."""
        return not self.same_as(other) or (other.by_time and self.index > other.index)

    def at(self, index: int) -> "Encoded":
        """The same answer, said to have been so since `index`."""
        return Encoded(replace(self.rendered, index=index), self.form)


@dataclass(frozen=True, slots=True)
class Former:
    """What is remembered of an answer that is out of date: what tells whether the next one is the same, and no body."""

    status: int
    etag: bytes
    index: int
    by_time: bool


CacheKey = tuple[str, Hashable]  # the dialect's name, and the key of the read


class Answers:
    """The answers that are kept. Belongs to one event loop, where the view tells it of changes.

    `clock` gives wall time: some answers change with time alone.
    """

    def __init__(self, view: View, *, clock: Callable[[], float]) -> None:
        self.by_address: dict[Address, Encoded] = {}
        self.asked = Counter[str]()  # lookups by dialect that were not found by their address
        self.computed = 0
        self._hits = Counter[str]()  # those that were, by dialect; of answers that are gone
        self._view, self._clock = view, clock
        self._kept: dict[CacheKey, Encoded] = {}
        self._timers: dict[CacheKey, asyncio.TimerHandle] = {}  # of those that time will end
        self._size = 0
        # What an answer was before a change that touched it. When it turns out to be the same again, it keeps its
        # index, so that no client that has it is answered again.
        self._former: dict[CacheKey, Former] = {}
        self._log_ids: dict[str, str] = {}
        self._addresses: dict[CacheKey, list[Address]] = {}
        self._dependents = Dependents[CacheKey]()
        self.dropped: Callable[[Encoded], None] | None = None  # told of each answer that is out of date
        view.listeners.append(self._changed)

    def ask(self, read: Read, form: Form) -> Encoded:
        """The answer in the form of a dialect, encoded now unless it is cached."""
        key = (form.name, read.key)
        found = self._kept.get(key)
        if found is not None:
            return found
        now = self._clock()
        encoded = Encoded(read.render(self._view, now), form)
        touched = encoded.index
        former = self._former.pop(key, None)
        if former is not None and former.index < encoded.index and not encoded.is_news_after(former):
            encoded = encoded.at(former.index)
        encoded.by_time = self._time_has_a_say(now) or (
            former is not None and former.index == encoded.index and (former.by_time or not encoded.same_as(former))
        )
        encoded.touched = touched
        self.computed += 1
        self._keep(key, encoded)
        return encoded

    def remember(self, address: Address, read: Read, form: Form) -> None:
        """Let the answer be found by the address of a request too, while it lasts."""
        key = (form.name, read.key)
        encoded = self._kept.get(key)
        addresses = self._addresses.setdefault(key, [])
        if encoded is not None and address not in self.by_address and len(addresses) < MOST_ADDRESSES:
            addresses.append(address)
            self.by_address[address] = encoded

    def __len__(self) -> int:
        return len(self._kept)

    def hits(self) -> int:
        """Lookups that were found by their address."""
        return self._hits.total() + sum(encoded.hits for encoded in self._kept.values())

    def lookups(self) -> Counter[str]:
        """Lookups by dialect."""
        total = Counter(self.asked)
        total.update(self._hits)
        for encoded in self._kept.values():
            if encoded.hits:
                total[encoded.form.name] += encoded.hits
        return total

    @property
    def size(self) -> int:
        """Bytes of all bodies that are kept, and of their copies for the wire."""
        return self._size

    def count_copy(self, encoded: Encoded) -> None:
        """Count an answer that is kept twice from now on: its `wire` is used, and keeps a copy of the body."""
        if encoded.size == len(encoded.body):
            encoded.size += len(encoded.body)
            self._size += len(encoded.body)
            self._make_room()

    def _keep(self, key: CacheKey, encoded: Encoded) -> None:
        self._kept[key] = encoded
        self._size += encoded.size
        self._dependents.add(key, encoded.depends)
        if encoded.valid_until is not None:
            delay = max(0.0, encoded.valid_until - self._clock())
            self._timers[key] = asyncio.get_running_loop().call_later(delay, self._drop, key)
        self._make_room()

    def _make_room(self) -> None:
        while len(self._kept) > MOST_KEPT or (self._size > LARGEST_KEPT and len(self._kept) > 1):
            # The first in is the answer that was made longest ago and has not changed since.
            self._drop(next(iter(self._kept)))

    def _time_has_a_say(self, now: float) -> bool:
        """Whether answers may differ now from what the log says: an override is over, its entry yet to come, say."""
        return any(
            region.blind_since is not None
            or any(override.expires_at is not None and override.expires_at <= now for override in region.overrides)
            for region in self._view.regions.values()
        )

    def _changed(self, region: str, names: frozenset[str], _index: int) -> None:
        self._forget_other_logs(region)
        for key in self._dependents.touched(region, names):
            gone = self._drop(key)
            self._former[key] = Former(gone.status, gone.etag, gone.index, gone.by_time)
        while len(self._former) > MOST_KEPT:
            del self._former[next(iter(self._former))]

    def _forget_other_logs(self, region: str) -> None:
        """Indexes of another history mean nothing in this one."""
        position = self._view.position(region)
        log_id = position.log_id if position else ""
        if self._log_ids.get(region, log_id) != log_id:
            self._former.clear()
            for key in self._dependents.touched(region, frozenset({"*"})):
                self._drop(key)
        self._log_ids[region] = log_id

    def _drop(self, key: CacheKey) -> Encoded:
        encoded = self._kept.pop(key)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if encoded.hits:
            self._hits[encoded.form.name] += encoded.hits
        self._size -= encoded.size
        self._dependents.discard(key, encoded.depends)
        for address in self._addresses.pop(key, ()):
            self.by_address.pop(address, None)
        if encoded.requests and self.dropped is not None:
            self.dropped(encoded)
        return encoded
