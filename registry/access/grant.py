"""A grant: who is asking, and what their scopes allow."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from catalog.errors import Forbidden, Invalid
from catalog.records.names import LABEL

WRITE = "write:"
EVERY_SERVICE = "*"
MOST_SCOPES = 32


class Kind(StrEnum):
    """How the asker was recognised; the first word of an actor in the log."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret
    ADMIN = "admin"
    ANONYMOUS = "anonymous"
    PEER = "peer"


# What else a scope allows. `write:` scopes allow what they say and no reading: give `read` too where it is wanted.
IMPLIES = {
    "read": ("read",),
    "peer": ("peer", "read"),
    "correct": ("correct", "read"),
    "operator": ("operator", "correct", "read", "write:*"),
}
OF_TOKENS = frozenset({"read", "peer", "operator"})  # `correct` is of people alone


@dataclass(frozen=True, slots=True)
class Grant:
    """What its holder may do. `name` is the token's or the user's; `scopes` are as given, before what they imply."""

    kind: Kind
    name: str
    scopes: frozenset[str]

    def may_read(self) -> bool:
        """Whether lookups and the record may be read."""
        return self._has("read")

    def may_write(self, service: str) -> bool:
        """Whether instances of `service` may be registered, renewed, reported on and deregistered."""
        return service.lower().startswith(self._prefixes())

    @property
    def is_operator(self) -> bool:
        """Whether tokens and peers too are theirs to decide."""
        return self._has("operator")

    @property
    def may_correct(self) -> bool:
        """Whether overrides, policies and held removals are theirs to decide: operators', and people's of that role."""
        return self._has("correct")

    @property
    def is_peer(self) -> bool:
        """Whether another region may follow this one's log with it."""
        return self._has("peer")

    def require_read(self) -> None:
        """Raises Forbidden unless reading is allowed."""
        if not self.may_read():
            raise Forbidden(f"{self} may not read: {self._spoken_scopes()}")

    def require_write(self, service: str) -> None:
        """Raises Forbidden, naming what may be written, unless `service` may be."""
        if self.may_write(service):
            return
        prefixes = self._prefixes()
        if not prefixes:
            raise Forbidden(f"{self} may not write: {self._spoken_scopes()}")
        spoken = " or ".join(f"'{prefix}'" for prefix in prefixes)
        raise Forbidden(f"{self} may write services beginning with {spoken}, not '{service[:80]}'")

    def require_operator(self) -> None:
        """Raises Forbidden unless the scope `operator` is there."""
        if not self.is_operator:
            who = "administrator" if self.kind is Kind.ADMIN else "operator"
            raise Forbidden(f"{self} is not an {who}: {self._spoken_scopes()}")

    def require_correct(self) -> None:
        """Raises Forbidden unless correcting the catalog by hand is allowed."""
        if not self.may_correct:
            raise Forbidden(f"{self} is not an operator: {self._spoken_scopes()}")

    def require_peer(self) -> None:
        """Raises Forbidden unless the scope `peer` is there."""
        if not self.is_peer:
            raise Forbidden(f"{self} is not a peer: {self._spoken_scopes()}")

    def actor(self, address: str, way: str) -> str:
        """Who did it, for the log: `token:ci@10.0.0.7/http`, `admin:alice@10.0.0.8/api`, `anonymous@127.0.0.1/http`."""
        who = str(self.kind) if self.kind is Kind.ANONYMOUS else f"{self.kind}:{self.name}"
        return f"{who}@{address}/{way}"

    def __str__(self) -> str:
        return f"{'user' if self.kind is Kind.ADMIN else 'token'} {self.name}"

    def _has(self, scope: str) -> bool:
        return any(scope in IMPLIES.get(given, ()) for given in self.scopes)

    def _prefixes(self) -> tuple[str, ...]:
        written = (scope.removeprefix(WRITE) for scope in self.scopes if scope.startswith(WRITE))
        prefixes = {"" if prefix == EVERY_SERVICE else prefix for prefix in written}
        return ("",) if self.is_operator or "" in prefixes else tuple(sorted(prefixes))

    def _spoken_scopes(self) -> str:
        return f"its scopes are {', '.join(sorted(self.scopes))}" if self.scopes else "it has no scopes"


ANONYMOUS = Grant(Kind.ANONYMOUS, "anonymous", frozenset({"operator", "peer"}))


def parse_scopes(given: Iterable[str], *, field: str = "scopes") -> tuple[str, ...]:
    """Scopes sorted and without repeats; raises Invalid naming the one that is none."""
    scopes = tuple(sorted({scope.strip().lower() for scope in given}))
    if not scopes:
        raise Invalid("a token needs a scope: read, write:PREFIX, write:*, operator or peer", field=field)
    if len(scopes) > MOST_SCOPES:
        raise Invalid(f"{len(scopes)} scopes are too many: at most {MOST_SCOPES}", field=field)
    for scope in scopes:
        if scope not in OF_TOKENS and not _is_write(scope):
            raise Invalid(
                f"{scope[:80]!r} is no scope: use read, write:PREFIX (services whose name begins so), write:*, "
                "operator or peer",
                field=field,
            )
    return scopes


def _is_write(scope: str) -> bool:
    """A prefix is the beginning of a DNS label, so it may end in a hyphen."""
    prefix = scope.removeprefix(WRITE)
    if not scope.startswith(WRITE):
        return False
    return prefix == EVERY_SERVICE or (len(prefix) < 64 and LABEL.fullmatch(prefix.rstrip("-")) is not None)
