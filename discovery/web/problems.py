"""Errors as `application/problem+json` (RFC 9457): what is wrong, where, and what to do about it."""

import msgspec

from catalog.errors import CatalogError, Diverged, Invalid, Unauthenticated, Unavailable
from discovery.answers.limits import TooMany
from discovery.web.replies import Reply
from registry.asgi import Headers, TooLarge
from registry.problems import CONTENT_TYPE, INTERNAL, MEANINGS, TYPE, Meaning


class TooOld(Unavailable):
    """What is known here is older than the client allows; the text says of which region, and why."""


class Malformed(CatalogError):
    """What was sent is not HTTP."""


class LargeHead(CatalogError):
    """What stands before a request's body has no end in sight."""


class TooSlow(CatalogError):
    """The rest of a request did not come."""


class NoSuchPath(CatalogError):
    """Nothing lives at this path."""


class NotAllowed(CatalogError):
    """The path exists, the method does not fit it. `allowed` are those that do."""

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an error. `field` is the path of what is wrong in the request, where there is one."""

    type: str
    title: str
    status: int
    detail: str
    field: str = ""


# What only this plane raises, besides what all do.
STATUSES: dict[type[CatalogError], Meaning] = {
    **MEANINGS,
    Malformed: ("malformed", 400, "The request is not HTTP"),
    NoSuchPath: ("no-such-path", 404, "Nothing lives at this path"),
    NotAllowed: ("method-not-allowed", 405, "The path does not take this method"),
    TooSlow: ("too-slow", 408, "The request was not sent in time"),
    Diverged: ("diverged", 500, "The view differs from the log"),
    TooLarge: ("too-large", 413, "The body is too large"),
    TooMany: ("too-many-watchers", 429, "Too many watchers"),
    LargeHead: ("large-head", 431, "The request's head is too large"),
    TooOld: ("too-old", 503, "What is known here is older than was asked for"),
}


def problem(error: Exception) -> Problem:
    """The problem that an error amounts to. What is no CatalogError is our mistake and is not spoken of in detail."""
    kind = next((kind for kind in type(error).__mro__ if kind in STATUSES), None)
    slug, status, title = STATUSES[kind] if kind is not None else INTERNAL
    detail = str(error) if kind is not None else "what went wrong is in the server's log, under the request's id"
    return Problem(
        type=TYPE + slug,
        title=title,
        status=status,
        detail=detail,
        field=error.field if isinstance(error, Invalid) else "",
    )


def reply(error: Exception) -> Reply:
    """The answer to a request that failed."""
    found = problem(error)
    headers = [(b"content-type", CONTENT_TYPE.encode()), *_headers(error)]
    return Reply(found.status, headers, msgspec.json.encode(found))


def _headers(error: Exception) -> Headers:
    if isinstance(error, Unavailable | TooMany):
        return [(b"retry-after", b"%d" % max(1, round(error.retry_after)))]
    if isinstance(error, Unauthenticated):
        return [(b"www-authenticate", b'Bearer realm="meridian"')]
    if isinstance(error, NotAllowed):
        return [(b"allow", ", ".join(error.allowed).encode())]
    return []


__all__ = [
    "CONTENT_TYPE", "TYPE", "LargeHead", "Malformed", "NoSuchPath", "NotAllowed", "Problem", "TooLarge", "TooOld",
    "TooSlow", "problem", "reply",
]  # fmt: skip
