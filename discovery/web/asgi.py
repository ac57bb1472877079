"""One HTTP exchange over bare ASGI: what is read of a request, and sending an answer."""

import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from catalog.errors import Invalid
from discovery.answers.cache import Encoded
from discovery.answers.wire import Message
from discovery.web import problems
from discovery.web.problems import TooLarge

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LONGEST_REQUEST_ID = 128


class Disconnected(Exception):
    """The client went away in the middle of its request: nothing was done, and there is nobody to tell."""


def header(scope: Scope, name: bytes) -> str | None:
    """The first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def client_address(scope: Scope) -> str:
    """The address that the request came from, without its port."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def request_id(scope: Scope) -> str:
    """The id that the client gave the request, when it is fit for a log, or a fresh one."""
    given = header(scope, b"x-request-id")
    if given and len(given) <= LONGEST_REQUEST_ID and given.isascii() and given.isprintable():
        return given
    return f"{random.getrandbits(64):016x}"


def require_clean(scope: Scope) -> None:
    """Raises Invalid when the path or the query are not what UTF-8 and percent-encoding make of text.

    Servers decode what they can and put marks in place of the rest; a name must not come to exist by such a mistake.
    """
    raw = scope.get("raw_path") or b""
    _require_escapes(raw, "path")
    _require_escapes(scope["query_string"], "query")


def _require_escapes(raw: bytes, field: str) -> None:
    if b"%" in raw:
        for part in raw.split(b"%")[1:]:
            if len(part) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in part[:2]):
                raise Invalid(f"a % must be followed by two hexadecimal digits, not {_shown(part[:2])}", field=field)
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Invalid("is not UTF-8", field=field) from None
    if "\0" in text:
        raise Invalid("holds a NUL character", field=field)


def _shown(part: bytes) -> str:
    return repr(part.decode("ascii", "backslashreplace"))


async def read_body(scope: Scope, receive: Receive, *, most: int) -> bytes:
    """The whole body. Raises TooLarge as soon as more than `most` bytes are announced or seen, and Disconnected."""
    announced = header(scope, b"content-length")
    if announced is not None and announced.isdigit() and int(announced) > most:
        raise TooLarge(f"the body has {announced} bytes: at most {most}")
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > most:
            raise TooLarge(f"the body has more than {most} bytes")
        if not message.get("more_body", False):
            return body


async def reply(
    send: Send, status: int, body: bytes = b"", *, headers: Iterable[tuple[bytes, bytes]] = (), content_type: str = ""
) -> None:
    """Send a whole answer."""
    described: Headers = [(b"content-length", b"%d" % len(body))] if status != 204 else []
    if content_type:
        described.append((b"content-type", content_type.encode()))
    await send({"type": "http.response.start", "status": status, "headers": [*described, *headers]})
    await send({"type": "http.response.body", "body": body})


async def reply_json(send: Send, status: int, value: object, *, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send a value as JSON."""
    await reply(send, status, msgspec.json.encode(value), headers=headers, content_type="application/json")


async def reply_problem(send: Send, error: Exception, *, body: bool = True) -> int:
    """Send what an error amounts to, without the body when the method was HEAD; returns the status."""
    problem = problems.problem(error)
    await reply(
        send,
        problem.status,
        msgspec.json.encode(problem) if body else b"",
        headers=problems.headers(error),
        content_type=problems.CONTENT_TYPE,
    )
    return problem.status


async def reply_encoded(scope: Scope, send: Send, encoded: Encoded) -> None:
    """Send an encoded answer, or the word that it is unchanged when the client says that it has it."""
    if encoded.status == 200 and matches(header(scope, b"if-none-match"), encoded.etag):
        await send(encoded.unchanged)
        await send({"type": "http.response.body", "body": b""})
        return
    await send(encoded.start)
    await send(encoded.whole if scope["method"] != "HEAD" else {"type": "http.response.body", "body": b""})


def matches(if_none_match: str | None, etag: bytes) -> bool:
    """Whether an `If-None-Match` header names the tag. Weak tags compare as strong ones, RFC 9110 §13.1.2."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.decode() in tags
