"""One HTTP exchange over bare ASGI: what is read of a request, and sending an answer. Every plane builds on it."""

import random
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from catalog.errors import CatalogError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

REQUEST_ID = re.compile(r"[!-~]{1,64}")  # fit for a header and for one field of a log line
START, BODY, DISCONNECT = "http.response.start", "http.response.body", "http.disconnect"


class TooLarge(CatalogError):
    """A body is larger than what is read."""


class Disconnected(Exception):
    """The client went away in the middle of its request: nothing was done, and no answer can be sent."""


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


def request_id(given: str | None) -> str:
    """The id that the client gave its request (`X-Request-Id`) when it is fit for a log, else a new one."""
    if given and REQUEST_ID.fullmatch(given):
        return given
    return f"{random.getrandbits(128):032x}"


async def read_body(scope: Scope, receive: Receive, *, most: int) -> bytes:
    """The whole body. Raises TooLarge as soon as more than `most` bytes are announced or seen, and Disconnected."""
    announced = header(scope, b"content-length")
    if announced is not None and announced.isascii() and announced.isdigit() and int(announced) > most:
        raise TooLarge(f"the body has {announced} bytes: at most {most}")
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == DISCONNECT:
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > most:
            raise TooLarge(f"the body has more than {most} bytes")
        if not message.get("more_body", False):
            return body


async def disconnected(receive: Receive) -> None:
    """Return once the client is gone."""
    while (await receive())["type"] != DISCONNECT:
        pass


async def reply(
    send: Send, status: int, body: bytes = b"", *, headers: Iterable[tuple[bytes, bytes]] = (), content_type: str = ""
) -> None:
    """Send a whole answer."""
    described: Headers = [(b"content-length", b"%d" % len(body))] if status != 204 else []
    if content_type:
        described.append((b"content-type", content_type.encode()))
    await begin(send, status, [*described, *headers])
    await send({"type": BODY, "body": body})


async def reply_json(send: Send, status: int, value: object, *, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send a value as JSON."""
    await reply(send, status, msgspec.json.encode(value), headers=headers, content_type="application/json")


async def begin(send: Send, status: int, headers: Headers) -> None:
    """Begin an answer whose body follows in pieces."""
    await send({"type": START, "status": status, "headers": headers})


async def piece(send: Send, body: bytes, *, last: bool = False) -> None:
    """Send a part of the body."""
    await send({"type": BODY, "body": body, "more_body": not last})
