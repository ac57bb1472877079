"""Answers as a stream of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import asyncio
from contextlib import aclosing

from catalog.errors import CatalogError
from discovery.answers.cache import Encoded, Read
from discovery.web.blocking import Waiting, is_news
from discovery.web.request import Request
from registry.asgi import Scope, begin, disconnected, header, piece

HEARTBEAT = 15.0  # seconds; proxies commonly cut what is silent for a minute
BEAT = b": still here\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx holds streams back otherwise
]


def frame(encoded: Encoded) -> bytes:
    """One event: `answer` with the JSON of a lookup, or `unknown` with a problem when nothing is registered."""
    name = b"answer" if encoded.status == 200 else b"unknown"
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name, encoded.index, encoded.body)


def last_seen(scope: Scope, waiting: Waiting | None) -> Waiting:
    """The index that the reader has: from `Last-Event-ID` when it comes back, else from the query."""
    text = header(scope, b"last-event-id")
    if text is not None and text.isascii() and text.isdigit() and len(text) < 20:
        return Waiting(int(text), 0.0)
    return waiting or Waiting(None, 0.0)


async def stream(request: Request, read: Read, waiting: Waiting | None) -> None:
    """Send the answer, then every new one, until the client goes away or may no longer read."""
    seen = last_seen(request.scope, waiting)
    await begin(request.send, 200, [*HEADERS, (b"meridian-region", request.plane.region.encode())])
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(_send_all(request, read, seen))
        await disconnected(request.receive)
        sending.cancel()


async def _send_all(request: Request, read: Read, seen: Waiting) -> None:
    plane = request.plane

    def known(encoded: Encoded) -> bool:
        return seen.index is not None and not is_news(encoded, seen, plane.head_of(encoded))

    async with aclosing(plane.topics.stream(read, request.form, heartbeat=HEARTBEAT, known=known)) as answers:
        async for encoded in answers:
            if not _may_read(request):
                break
            await piece(request.send, BEAT if encoded is None else frame(encoded))
    await piece(request.send, b"", last=True)


def _may_read(request: Request) -> bool:
    """Whether the token that opened the stream is still good. A reader that comes back learns why it is not."""
    try:
        request.may_read()
    except CatalogError:
        return False
    return True
