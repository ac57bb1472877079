"""The request cache: requests known by their very bytes, the shortest way from a lookup to its answer.

A client that asks for the same thing again sends the same bytes again, over the same connection mostly. One look into a
dict then replaces parsing, routing and headers. What may be remembered so is decided here; everything else is parsed,
and gets the same answer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from catalog.errors import CatalogError
from discovery.access import Access
from discovery.answers.cache import Answers, Encoded
from discovery.answers.wire import Wire
from discovery.web.form import HttpForm
from discovery.web.replies import matches
from registry.asgi import Scope, header

MOST_REQUESTS = 50_000  # remembered in all
MOST_WAYS = 64  # in which one answer is asked for: clients differ in the headers that they send
LONGEST_REQUEST = 2048  # bytes
LARGEST_BODY = 64 * 1024  # bytes of an answer: beyond, parsing the request is not what takes the time

# A request with one of these is not, or need not be, answered like the others that differ in nothing else.
UNCACHEABLE_HEADERS = frozenset({
    b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"range", b"x-request-id",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class CachedRequest:
    """What answers a request: `encoded`, as `wire` has it, if the token with this secret may still read."""

    encoded: Encoded
    wire: Wire
    secret: str | None


class RequestCache:
    """The requests that can be answered at once, by their bytes. Belongs to the loop of `answers`.

    `form_of` finds the dialect of a request. A request is forgotten with its answer, so whatever is found is true now.
    """

    def __init__(self, answers: Answers, access: Access, form_of: Callable[[Scope], HttpForm | None]) -> None:
        self.requests: dict[bytes, CachedRequest] = {}
        self.readers = access.readers
        self._by_address, self._access, self._form_of = answers.by_address, access, form_of
        self._count_copy = answers.count_copy
        answers.dropped = self._forget

    def consider(self, data: bytes, scope: Scope) -> None:
        """Remember a request, if it is fit. `data` is all of it and nothing else, `scope` what it was parsed to."""
        form = self._form_of(scope)
        encoded = self._by_address.get(form.address(scope)) if form is not None else None
        if (
            form is None
            or encoded is None
            or scope["method"] != "GET"
            or scope["http_version"] != "1.1"
            or len(data) > LONGEST_REQUEST
            or len(encoded.body) > LARGEST_BODY
        ):
            return
        headers = scope["headers"]
        try:
            secret = form.secret(scope)
            self._access.guard("GET", headers, secret)
        except CatalogError:
            return
        if secret not in self.readers or any(map(_is_uncacheable, headers)):
            return
        self._remember(data, CachedRequest(encoded, _wire(encoded, scope), secret))

    def _remember(self, data: bytes, cached: CachedRequest) -> None:
        if len(self.requests) >= MOST_REQUESTS:
            self._forget(self.requests[next(iter(self.requests))].encoded)
        requests = cached.encoded.requests
        if len(requests) >= MOST_WAYS:
            self.requests.pop(requests.pop(0), None)
        if data not in self.requests:
            requests.append(data)
        self.requests[data] = cached
        if cached.wire is cached.encoded.wire:
            self._count_copy(cached.encoded)  # last: there may be no room for it, and then the request goes with it

    def _forget(self, encoded: Encoded) -> None:
        for data in encoded.requests:
            self.requests.pop(data, None)
        encoded.requests.clear()


def _is_uncacheable(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    return name in UNCACHEABLE_HEADERS or (name == b"connection" and value.lower() != b"keep-alive")


def _wire(encoded: Encoded, scope: Scope) -> Wire:
    """The answer, or that the client has it already."""
    is_had = encoded.status == 200 and matches(header(scope, b"if-none-match"), encoded.etag)
    return encoded.wire_unchanged if is_had else encoded.wire
