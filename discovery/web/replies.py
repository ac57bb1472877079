"""Replies: whole answers to one request, and encoded ones that many are sent."""

from typing import NamedTuple

from discovery.answers.cache import Encoded
from registry.asgi import BODY, Headers, Scope, Send, begin, header


class Reply(NamedTuple):
    """An answer to a single request, sent once the lookups of this process show the log up to the index `shown`."""

    status: int
    headers: Headers
    body: bytes = b""
    shown: int = 0


async def send_reply(send: Send, reply: Reply, *, body: bool = True) -> None:
    """Send it, without the body when the method was HEAD."""
    said = reply.body if body else b""
    described: Headers = [] if reply.status == 204 else [(b"content-length", b"%d" % len(said))]
    await begin(send, reply.status, [*described, *reply.headers])
    await send({"type": BODY, "body": said})


async def send_encoded(scope: Scope, send: Send, encoded: Encoded) -> None:
    """Send an encoded answer, or 304 when the client says that it has it."""
    if encoded.status == 200 and matches(header(scope, b"if-none-match"), encoded.etag):
        await send(encoded.unchanged)
        await send({"type": BODY, "body": b""})
        return
    await send(encoded.start)
    await send(encoded.whole if scope["method"] != "HEAD" else {"type": BODY, "body": b""})


def matches(if_none_match: str | None, etag: bytes) -> bool:
    """Whether an `If-None-Match` header names the tag. Weak tags compare as strong ones, RFC 9110 §13.1.2."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.decode() in tags
