"""What an HTTP check sends: its URL and its headers, judged once, so that whatever is registered can be sent."""

import re
from urllib.parse import urlsplit

from catalog.errors import Invalid
from catalog.records import names

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)  # a field name, RFC 9110 §5.6.2
USER = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*", re.ASCII)  # RFC 3986 §3.2.1
UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
LONGEST_URL = 2_048
LEAST_STATUS, MOST_STATUS = 100, 599  # RFC 9110 §15

# They say how the message is framed, which is for the client to decide (RFC 9112 §6, RFC 9110 §7.6.1).
FRAMING = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


def url(text: str, *, field: str = "url") -> str:
    """`text` when it is a URL that a probe can ask. Raises Invalid."""
    if len(text) > LONGEST_URL or UNPRINTABLE.search(text):
        raise Invalid(
            f"{text[:80]!r} is not a URL: use up to {LONGEST_URL} characters without blanks or control characters",
            field=field,
        )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"{text[:80]!r} is not a URL: {error}", field=field) from None
    if parts.scheme not in ("http", "https"):
        raise Invalid(f"{text[:80]!r} is not an http or https URL", field=field)
    user, _, address = parts.netloc.rpartition("@")
    if not USER.fullmatch(user):
        raise Invalid(f"{text[:80]!r} has a user or password that has to be percent-encoded", field=field)
    if address.count(":") > 1 and not address.startswith("["):
        raise Invalid(f"{text[:80]!r} has an IPv6 address without brackets: write http://[::1]:8080/", field=field)
    if not host:
        raise Invalid(f"{text[:80]!r} names no host", field=field)
    names.host(host, field=field)
    if port is not None:
        names.port(port, field=field)
    return text


def headers(given: dict[str, str], *, field: str = "headers") -> dict[str, str]:
    """Headers sorted by name. Raises Invalid."""
    for name, value in given.items():
        if not TOKEN.fullmatch(name):
            raise Invalid(f"{name[:80]!r} is not the name of a header", field=f"{field}[{name[:80]}]")
        if name.lower() in FRAMING:
            raise Invalid(f"{name} belongs to the connection and cannot be set", field=f"{field}[{name}]")
        if names.CONTROL.search(value.replace("\t", " ")):
            raise Invalid("holds a line break or another control character", field=f"{field}[{name}]")
    return dict(sorted(given.items()))


def statuses(given: tuple[int, ...], *, field: str = "expect_status") -> tuple[int, ...]:
    """Status codes that an answer can have. Raises Invalid."""
    for status in given:
        if not LEAST_STATUS <= status <= MOST_STATUS:
            raise Invalid(f"{status} is not a status: use {LEAST_STATUS} to {MOST_STATUS}", field=field)
    return given
