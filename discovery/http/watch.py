"""Answers as a stream of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import asyncio
from contextlib import aclosing

from catalog.errors import CatalogError
from discovery.answers.cache import Encoded, Question
from discovery.plane import Plane
from discovery.web.blocking import Waiting, is_news
from registry.asgi import Receive, Scope, Send, header

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


async def stream(plane: Plane, scope: Scope, receive: Receive, send: Send, question: Question, seen: Waiting) -> None:
    """Send the answer, then every new one, until the client goes away or may no longer read."""
    await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, *_stamp(plane)]})
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(_send_all(plane, scope, send, question, seen))
        while (await receive())["type"] != "http.disconnect":
            pass
        sending.cancel()


async def _send_all(plane: Plane, scope: Scope, send: Send, question: Question, seen: Waiting) -> None:
    def known(encoded: Encoded) -> bool:
        return seen.index is not None and not is_news(encoded, seen, plane.head_of(encoded))

    async with aclosing(plane.topics.stream(question, heartbeat=HEARTBEAT, known=known)) as answers:
        async for encoded in answers:
            if not _may_read(plane, scope):
                break
            body = BEAT if encoded is None else frame(encoded)
            await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _may_read(plane: Plane, scope: Scope) -> bool:
    """Whether the token that opened the stream is still good. A reader whose stream ends comes back and is told why."""
    try:
        plane.access.may_read(scope)
    except CatalogError:
        return False
    return True


def _stamp(plane: Plane) -> list[tuple[bytes, bytes]]:
    return [(b"meridian-region", plane.region.encode())]
