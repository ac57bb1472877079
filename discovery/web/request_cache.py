"""Requests known by their very bytes: the shortest way from a question to its answer.

A client that asks for the same thing again sends the same bytes again, over the same connection mostly. Whoever has
answered them once need not take them apart: one look into a dict replaces parsing, routing and headers. What may be
remembered so is decided here; everything else goes the long way, to the same answer.
"""

from dataclasses import dataclass

from catalog.errors import CatalogError
from discovery.access import Access, Shown, shown_in
from discovery.answers.cache import Answers, Encoded
from discovery.answers.wire import Wire
from discovery.web.asgi import matches
from registry.asgi import Scope

MOST_REQUESTS = 50_000  # remembered in all
MOST_WAYS = 64  # in which one answer is asked for: clients differ in the headers that they send
LONGEST_REQUEST = 2048  # bytes
LARGEST_BODY = 64 * 1024  # bytes of an answer: beyond, parsing the request is not what takes the time

# Headers with which a request is not, or need not be, answered like the others that differ in nothing else.
TELLING = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"range", b"x-request-id"})


@dataclass(frozen=True, slots=True)
class Known:
    """What answers a request: `encoded`, as `wire` has it, if whoever shows `shown` may still read."""

    encoded: Encoded
    wire: Wire
    shown: Shown


class Verbatim:
    """The requests that can be answered at once, by their bytes. Belongs to the loop of `answers`.

    A request is forgotten with its answer, so whatever is found is true now.
    """

    def __init__(self, answers: Answers, access: Access) -> None:
        self.known: dict[bytes, Known] = {}
        self.readers = access.readers
        self._hot, self._access = answers.hot, access
        self._count_copy = answers.count_copy
        answers.dropped = self._forget

    def learn(self, data: bytes, scope: Scope) -> None:
        """Remember a request, if it is fit. `data` is all of it and nothing else, `scope` what it was parsed to."""
        encoded = self._hot.get((scope["path"], scope["query_string"]))
        if (
            encoded is None
            or scope["method"] != "GET"
            or scope["http_version"] != "1.1"
            or len(data) > LONGEST_REQUEST
            or len(encoded.body) > LARGEST_BODY
        ):
            return
        headers = scope["headers"]
        shown = shown_in(headers)
        if shown not in self.readers or any(map(_is_telling, headers)):
            return
        try:
            self._access.guard("GET", headers)
        except CatalogError:
            return
        self._remember(data, Known(encoded, _wire(encoded, headers), shown))

    def _remember(self, data: bytes, known: Known) -> None:
        if len(self.known) >= MOST_REQUESTS:
            self._forget(self.known[next(iter(self.known))].encoded)
        requests = known.encoded.requests
        if len(requests) >= MOST_WAYS:
            self.known.pop(requests.pop(0), None)
        if data not in self.known:
            requests.append(data)
        self.known[data] = known
        if known.wire is known.encoded.wire:
            self._count_copy(known.encoded)  # last: there may be no room for it, and then the request goes with it

    def _forget(self, encoded: Encoded) -> None:
        for data in encoded.requests:
            self.known.pop(data, None)
        encoded.requests.clear()


def _is_telling(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    return name in TELLING or (name == b"connection" and value.lower() != b"keep-alive")


def _wire(encoded: Encoded, headers: list[tuple[bytes, bytes]]) -> Wire:
    """The answer, or the word that the client has it already."""
    tags = next((value.decode("latin-1") for name, value in headers if name == b"if-none-match"), None)
    return encoded.wire_unchanged if encoded.status == 200 and matches(tags, encoded.etag) else encoded.wire
