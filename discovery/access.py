"""Access: what the token of a request allows, looked up once and remembered for a moment."""

from collections.abc import Callable, Iterable
from typing import Protocol

from registry.access import Grant
from registry.access.door import Door
from registry.access.grant import Kind
from registry.asgi import Headers, Scope
from registry.forwarding import FORWARDED, Origin

REMEMBERED = 1.0  # seconds after which a revoked or expired token is noticed at the latest
MOST_REMEMBERED = 10_000

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Authenticates(Protocol):
    """What is needed of a table of tokens."""

    version: int
    is_open: bool

    def authenticate(self, secret: str | None) -> Grant:
        """The grant of a token; raises Unauthenticated or Unavailable."""
        ...


class Access:
    """Grants by the secret of a token, None where a request shows none. `refresh` is called every `REMEMBERED` seconds.

    `readers` holds the secrets that may read: one look for a repeated lookup. `hosts` are the names by which a region
    may be asked without a token.
    """

    def __init__(self, tokens: Authenticates, hosts: Iterable[str] = LOOPBACK) -> None:
        self.tokens = tokens
        self.door = Door(hosts)
        self.readers: set[str | None] = set()
        self._grants: dict[str | None, Grant] = {}
        self._writers: dict[tuple[str | None, str], Grant] = {}

    def refresh(self) -> None:
        """Forget all grants, so that the table is asked again."""
        self.readers.clear()
        self._grants.clear()
        self._writers.clear()

    def guard(self, method: str, headers: Headers, secret: str | None) -> None:
        """Raises Forbidden when a page in a browser would come in by the open door. Tokens speak for themselves."""
        if self.tokens.is_open and secret is None:
            self.door.check(method, headers)

    def grant(self, secret: str | None) -> Grant:
        """What the secret stands for. Raises Unauthenticated."""
        known = self._grants.get(secret)
        if known is None:
            known = self.tokens.authenticate(secret)
            _bounded(self._grants.__len__, self._grants.clear)
            self._grants[secret] = known
        return known

    def reader(self, secret: str | None) -> Grant:
        """The grant of a reader. Raises Unauthenticated or Forbidden."""
        grant = self.grant(secret)
        if secret not in self.readers:
            grant.require_read()
            _bounded(self.readers.__len__, self.readers.clear)
            self.readers.add(secret)
        return grant

    def writer(self, secret: str | None, service: str) -> Grant:
        """The grant of a writer of this service. Raises Unauthenticated or Forbidden."""
        known = self._writers.get((secret, service))
        if known is None:
            known = self.grant(secret)
            known.require_write(service)
            _bounded(self._writers.__len__, self._writers.clear)
            self._writers[secret, service] = known
        return known


def forwarded_grant(scope: Scope) -> Grant | None:
    """The grant of a request that a peer has forwarded, having decided there who may ask it; None for all others."""
    origin: Origin | None = scope.get(FORWARDED)
    return None if origin is None else Grant(Kind.PEER, origin.region, frozenset({"operator"}))


def actor(scope: Scope, grant: Grant, address: str, dialect: str) -> str:
    """Who acts, for the log; of a forwarded request who asked in that region."""
    origin: Origin | None = scope.get(FORWARDED)
    return grant.actor(address, dialect) if origin is None else f"{origin.actor} via {origin.region}"


def _bounded(length: Callable[[], int], clear: Callable[[], None]) -> None:
    if length() >= MOST_REMEMBERED:
        clear()
