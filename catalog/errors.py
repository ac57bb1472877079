"""Everything that can go wrong with a catalog, as one small tree.

CatalogError
├── Invalid         your fault: the request names a field that is wrong; mend it and send it again
├── NotFound        your fault: nothing by that name is registered here
├── Refused         your fault: the record has moved on (a tombstone, an older epoch); register again
├── Unauthenticated your fault: no token, or an unknown one; present a valid token
├── Forbidden       your fault: the token is good, but not for this; use one with the scope that the text names
├── Held            no fault: the blast-radius breaker waits for a decision
├── Compacted       try a snapshot: the log no longer holds what you ask for
├── Diverged        try a snapshot: your state and the log's digest differ
└── Unavailable     our fault: try later; nothing was done, unless the text says that this is unknown
"""


class CatalogError(Exception):
    """The root of what the catalog raises; `str()` is a sentence for a person."""


class Invalid(CatalogError):
    """A value breaks a rule. `field` is its path in the request (`checks[0].interval`), empty for the whole."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def within(self, prefix: str) -> "Invalid":
        """The same complaint about a field one level further out."""
        joined = prefix if not self.field else f"{prefix}{'' if self.field.startswith('[') else '.'}{self.field}"
        return Invalid(self.message, field=joined)


class NotFound(CatalogError):
    """Nothing by that name is registered in this region."""


class Refused(CatalogError):
    """A write lost against a newer fact, for example a deregistration that it did not know of."""


class Unauthenticated(CatalogError):
    """A token is needed and none was given, or the one given is unknown, expired or revoked."""


class Forbidden(CatalogError):
    """Who asks is known and may not do this; the text says what it may do."""


class Held(CatalogError):
    """The blast-radius breaker holds this removal until a person or its expiry decides."""


class Compacted(CatalogError):
    """A reader's position is not in the log: compacted away, ahead of the head, or of another log id."""


class Diverged(CatalogError):
    """A follower's digest differs from the log's at the same index."""


class Unavailable(CatalogError):
    """The log or its store cannot be reached; try again after `retry_after` seconds.

    Nothing was done, unless the text says that this is unknown.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
