"""Who may ask: tokens as they stand in a request's headers, looked up once and remembered for a moment."""

from collections.abc import Callable, Iterable
from typing import Protocol

from registry.access import Grant, presented
from registry.access.door import Door
from registry.access.grant import Kind
from registry.asgi import Scope
from registry.forwarding import FORWARDED, Origin

# Revoked and expired tokens are noticed within this many seconds; until then a header that was good is good.
REMEMBERED = 1.0
MOST_REMEMBERED = 10_000

Shown = tuple[bytes | None, bytes | None]  # the Authorization and X-Consul-Token headers
NOTHING: Shown = (None, None)
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Authenticates(Protocol):
    """What is needed of a table of tokens."""

    version: int
    is_open: bool

    def authenticate(self, secret: str | None) -> Grant:
        """Who presents the secret; raises Unauthenticated or Unavailable."""
        ...


class Access:
    """Grants by the headers that were shown. `refresh` is called every `REMEMBERED` seconds.

    `readers` holds the headers that may read: one look on the way of a hot lookup. `hosts` are the names by which a
    region may be asked without a token.
    """

    def __init__(self, tokens: Authenticates, hosts: Iterable[str] = LOOPBACK) -> None:
        self.tokens = tokens
        self.door = Door(hosts)
        self.readers: set[Shown] = set()
        self._grants: dict[Shown, Grant] = {}
        self._writers: dict[tuple[Shown, str], Grant] = {}

    def may_read(self, scope: Scope) -> Grant:
        """Who asks, and may read. Raises Unauthenticated or Forbidden."""
        return vouched(scope) or self.reader(shown_in(scope["headers"]))

    def may_write(self, scope: Scope, service: str) -> Grant:
        """Who asks, and may write this service. Raises Unauthenticated or Forbidden."""
        return vouched(scope) or self.writer(shown_in(scope["headers"]), service)

    def refresh(self) -> None:
        """Ask the table anew from now on."""
        self.readers.clear()
        self._grants.clear()
        self._writers.clear()

    def guard(self, method: str, headers: list[tuple[bytes, bytes]]) -> None:
        """Raises Forbidden when a page in a browser would come in by the open door. Tokens speak for themselves."""
        if self.tokens.is_open and _secret(shown_in(headers)) is None:
            self.door.check(method, headers)

    def grant(self, shown: Shown) -> Grant:
        """Who shows these headers. Raises Unauthenticated."""
        known = self._grants.get(shown)
        if known is None:
            known = self.tokens.authenticate(_secret(shown))
            _bounded(self._grants.__len__, self._grants.clear)
            self._grants[shown] = known
        return known

    def reader(self, shown: Shown) -> Grant:
        """Who shows these headers and may read. Raises Unauthenticated or Forbidden."""
        grant = self.grant(shown)
        if shown not in self.readers:
            grant.require_read()
            _bounded(self.readers.__len__, self.readers.clear)
            self.readers.add(shown)
        return grant

    def writer(self, shown: Shown, service: str) -> Grant:
        """Who shows these headers and may write this service. Raises Unauthenticated or Forbidden."""
        known = self._writers.get((shown, service))
        if known is None:
            known = self.grant(shown)
            known.require_write(service)
            _bounded(self._writers.__len__, self._writers.clear)
            self._writers[shown, service] = known
        return known


def vouched(scope: Scope) -> Grant | None:
    """The grant of a request that a peer has forwarded, having decided there who may ask it; None for all others."""
    origin: Origin | None = scope.get(FORWARDED)
    return None if origin is None else Grant(Kind.PEER, origin.region, frozenset({"operator"}))


def actor(scope: Scope, grant: Grant, address: str, way: str) -> str:
    """Who does it, for the log: of a forwarded request who asked there, and through which region."""
    origin: Origin | None = scope.get(FORWARDED)
    return grant.actor(address, way) if origin is None else f"{origin.actor} via {origin.region}"


def _secret(shown: Shown) -> str | None:
    authorization, token = (None if value is None else value.decode("latin-1") for value in shown)
    return presented(authorization, token)


def _bounded(length: Callable[[], int], clear: Callable[[], None]) -> None:
    if length() >= MOST_REMEMBERED:
        clear()


def shown_in(headers: list[tuple[bytes, bytes]]) -> Shown:
    """The headers that carry a token."""
    authorization = token = None
    for name, value in headers:
        if name == b"authorization":
            authorization = value
        elif name == b"x-consul-token":
            token = value
    return NOTHING if authorization is None and token is None else (authorization, token)
