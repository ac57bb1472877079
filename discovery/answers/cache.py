"""Answers encoded once, and kept until something that they depend on changes.

A question is asked in some dialect's words; its answer is bytes ready to send. The hot path of a lookup is a look into
`Answers.hot` and two messages to the server, both made when the answer was encoded.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime

from catalog.query import Part
from catalog.view import Freshness, State, View
from discovery.answers.dependents import Dependency, Dependents
from discovery.answers.wire import Wire
from registry.asgi import Message

MOST_KEPT = 50_000  # answers
LARGEST_KEPT = 256 * 2**20  # bytes of bodies in all, and of their copies for the wire
MOST_ADDRESSES = 32  # ways to write the same question that are remembered

JSON = b"application/json"
Address = tuple[str, bytes]  # path and query string of a request


class Encoded:
    """An answer as bytes: status, headers and body, and the two ASGI messages that carry them.

    `index` is where the answer last changed; `depends` are the names of the view that were read, each with its region;
    after `valid_until` time alone may change it. `parts` are the regions that had a say, when there is more to tell of
    them than `region`, `index` and `freshness` do. `hits` counts how often it was sent straight from `Answers.hot`.
    `start` and `whole` are shared by all who are sent them: nobody may write into them. `by_time` says that other bytes
    may go about under this index, because something else than an entry of the log has changed them. `touched` is the
    last index that touched a name in `depends`, whether or not it made a difference. `requests` are those that
    `Verbatim` answers with it. `size` is how many bytes it counts while it is kept.
    """

    __slots__ = (
        "body", "by_time", "content_type", "depends", "dialect", "etag", "freshness", "hits", "index", "parts",
        "region", "requests", "size", "start", "status", "touched", "unchanged", "valid_until", "whole", "wire",
        "wire_unchanged",
    )  # fmt: skip

    def __init__(
        self,
        body: bytes,
        *,
        region: str,
        index: int,
        freshness: Freshness,
        depends: frozenset[Dependency],
        parts: tuple[Part, ...] = (),
        status: int = 200,
        content_type: bytes = JSON,
        valid_until: float | None = None,
        dialect: str = "http",
    ) -> None:
        self.dialect, self.hits, self.by_time = dialect, 0, False
        self.body, self.status, self.content_type, self.size = body, status, content_type, len(body)
        self.region, self.index, self.touched, self.freshness = region, index, index, freshness
        self.depends, self.valid_until, self.parts = depends, valid_until, parts
        self.etag = b'"' + hashlib.blake2b(body, digest_size=9).hexdigest().encode() + b'"'
        described = (
            (b"meridian-region", region.encode()),
            (b"meridian-index", b"%d" % index),
            (b"meridian-freshness", spoken(freshness).encode()),
            *(((b"meridian-regions", _listed(parts)),) if parts else ()),
            (b"etag", self.etag),
        )
        entity = ((b"content-type", content_type), (b"content-length", b"%d" % len(body)))
        self.start: Message = {"type": "http.response.start", "status": status, "headers": [*entity, *described]}
        self.whole: Message = {"type": "http.response.body", "body": body}
        self.unchanged: Message = {"type": "http.response.start", "status": 304, "headers": list(described)}
        self.wire, self.wire_unchanged = Wire(self.start, body), Wire(self.unchanged)
        self.requests: list[bytes] = []

    def same_as(self, other: "Encoded | Former") -> bool:
        """Whether no reader can tell the two apart by status or body; headers say when, not what."""
        return self.etag == other.etag and self.status == other.status

    def is_news_after(self, other: "Encoded | Former") -> bool:
        """Whether those who wait with the other one are told: it differs, or its index did not say enough."""
        return not self.same_as(other) or (other.by_time and self.index > other.index)

    def at(self, index: int) -> "Encoded":
        """The same answer, said to have been so since `index`."""
        return Encoded(
            self.body,
            region=self.region,
            index=index,
            freshness=self.freshness,
            depends=self.depends,
            parts=self.parts,
            status=self.status,
            content_type=self.content_type,
            valid_until=self.valid_until,
            dialect=self.dialect,
        )


@dataclass(frozen=True, slots=True)
class Former:
    """What is remembered of an answer that is out of date: what tells whether the next one is the same, and no body."""

    status: int
    etag: bytes
    index: int
    by_time: bool


def spoken(freshness: Freshness) -> str:
    """The `Meridian-Freshness` header: `live`, `unknown`, or `stale; since=2026-01-31T12:00:00Z`."""
    if freshness.state is not State.STALE or freshness.since is None:
        return freshness.state.value
    return f"stale; since={datetime.fromtimestamp(freshness.since, UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def _listed(parts: tuple[Part, ...]) -> bytes:
    """The `Meridian-Regions` header, a list as RFC 9651 has it: `us-east;index=7;freshness=live, eu-west;…`."""
    return ", ".join(_member(part) for part in parts if part.used).encode()


def _member(part: Part) -> str:
    state, _, since = spoken(part.freshness).partition("; since=")
    return f"{part.region};index={part.index};freshness={state}" + (f';since="{since}"' if since else "")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how to answer it. Questions with equal keys have equal answers."""

    key: Hashable
    answer: Callable[[View, float], Encoded]


class Answers:
    """Answers by question. Belongs to one event loop, where the view tells it of changes.

    `clock` gives wall time: some answers change with time alone.
    """

    def __init__(self, view: View, *, clock: Callable[[], float]) -> None:
        self.hot: dict[Address, Encoded] = {}
        self.asked = Counter[str]()  # lookups by dialect that were not found in `hot`
        self.computed = 0
        self._hits = Counter[str]()  # those that were, by dialect; of answers that are gone
        self._view, self._clock = view, clock
        self._kept: dict[Hashable, Encoded] = {}
        self._timers: dict[Hashable, asyncio.TimerHandle] = {}  # of those that time will end
        self._size = 0
        # What an answer was before a change that touched it. When it turns out to be the same again, it keeps its
        # index, so that nobody who has it is answered again.
        self._former: dict[Hashable, Former] = {}
        self._log_ids: dict[str, str] = {}
        self._addresses: dict[Hashable, list[Address]] = {}
        self._dependents = Dependents[Hashable]()
        self.dropped: Callable[[Encoded], None] | None = None  # told of each answer that is out of date
        view.listeners.append(self._changed)

    def ask(self, question: Question) -> Encoded:
        """The answer, encoded now if it is not at hand."""
        found = self._kept.get(question.key)
        if found is not None:
            return found
        now = self._clock()
        encoded = question.answer(self._view, now)
        touched = encoded.index
        former = self._former.pop(question.key, None)
        if former is not None and former.index < encoded.index and not encoded.is_news_after(former):
            encoded = encoded.at(former.index)
        encoded.by_time = self._time_has_a_say(now) or (
            former is not None and former.index == encoded.index and (former.by_time or not encoded.same_as(former))
        )
        encoded.touched = touched
        self.computed += 1
        self._keep(question.key, encoded)
        return encoded

    def remember(self, address: Address, question: Question) -> None:
        """Let the question's answer be found by path and query string too, while it lasts."""
        encoded = self._kept.get(question.key)
        addresses = self._addresses.setdefault(question.key, [])
        if encoded is not None and address not in self.hot and len(addresses) < MOST_ADDRESSES:
            addresses.append(address)
            self.hot[address] = encoded

    def __len__(self) -> int:
        return len(self._kept)

    def hits(self) -> int:
        """Lookups that were found in `hot`."""
        return self._hits.total() + sum(encoded.hits for encoded in self._kept.values())

    def lookups(self) -> Counter[str]:
        """Lookups by dialect."""
        total = self.asked + self._hits
        for encoded in self._kept.values():
            if encoded.hits:
                total[encoded.dialect] += encoded.hits
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

    def _keep(self, key: Hashable, encoded: Encoded) -> None:
        self._kept[key] = encoded
        self._size += encoded.size
        self._dependents.add(key, encoded.depends)
        if encoded.valid_until is not None:
            delay = max(0.0, encoded.valid_until - self._clock())
            self._timers[key] = asyncio.get_running_loop().call_later(delay, self._drop, key)
        self._make_room()

    def _make_room(self) -> None:
        while len(self._kept) > MOST_KEPT or (self._size > LARGEST_KEPT and len(self._kept) > 1):
            # The first in is the one whose question was answered longest ago without any change since.
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

    def _drop(self, key: Hashable) -> Encoded:
        encoded = self._kept.pop(key)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if encoded.hits:
            self._hits[encoded.dialect] += encoded.hits
        self._size -= encoded.size
        self._dependents.discard(key, encoded.depends)
        for address in self._addresses.pop(key, ()):
            self.hot.pop(address, None)
        if encoded.requests and self.dropped is not None:
            self.dropped(encoded)
        return encoded
