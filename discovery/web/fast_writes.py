"""Writes so frequent that they are answered without a task of their own: registrations and renewals.

A task, its coroutines and ASGI's messages cost as much as the write itself. So a connection may hand a whole request
to a `Handler`, which leaves word with whoever commits it; the `Reply` is sent from there. What is asked and answered is
the same as on the long way, from the same functions.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from catalog.errors import CatalogError
from discovery.plane import Plane
from discovery.web import problems
from discovery.web.access_log import log_exchange, log_failure
from registry.asgi import Headers, Scope, header, request_id


class Answer(NamedTuple):
    """What is sent, once this process's lookups show the log up to the index `shown`."""

    status: int
    headers: Headers
    body: bytes = b""
    shown: int = 0


class Handler(Protocol):
    """Begins to answer a request whose path it knows, of which `body` is whole."""

    def __call__(self, plane: Plane, scope: Scope, body: bytes, reply: "Reply") -> bool:
        """False when the request has to go the long way; nothing has been done then. Raises CatalogError."""
        ...


class Line(Protocol):
    """The connection that a reply goes out on."""

    def put(self, reply: "Reply", status: int, headers: Headers, body: bytes) -> None:
        """Send the answer."""
        ...


class Reply:
    """The answer to one request, when it comes. To whoever commits it is a future; to uvicorn it is its cycle."""

    __slots__ = ("_began", "_later", "_line", "_plane", "disconnected", "id", "keep_alive", "response_complete",
                 "scope", "then")  # fmt: skip

    def __init__(self, plane: Plane, scope: Scope, line: Line, *, keep_alive: bool) -> None:
        self._plane, self._line, self.scope = plane, line, scope
        self.id = request_id(header(scope, b"x-request-id"))
        self._began = time.perf_counter()
        self.then: Callable[[Any], Answer] = _as_it_is
        self.keep_alive, self.disconnected, self.response_complete = keep_alive, False, False
        self._later: asyncio.Task[None] | None = None

    @property
    def message_event(self) -> "Reply":
        """Set by uvicorn when the client is gone; `disconnected` says it already."""
        return self

    def set(self) -> None:
        """See `message_event`."""

    def done(self) -> bool:
        """Whether it is settled, or nobody is there to be told."""
        return self.response_complete or self.disconnected or self._later is not None

    def set_result(self, value: Any) -> None:
        """What was asked for is done."""
        try:
            answer = self.then(value)
        except Exception as error:  # noqa: BLE001 - the last line of defence, as in `server.py`
            self.set_exception(error)
            return
        if self._plane.head >= answer.shown:
            self._send(answer)
        else:
            self._later = asyncio.get_running_loop().create_task(self._send_when_shown(answer))

    def set_exception(self, error: Exception) -> None:
        """It came to nothing."""
        if not isinstance(error, CatalogError):
            log_failure(self.scope, self.id, error)
        problem = problems.problem(error)
        headers = [(b"content-type", problems.CONTENT_TYPE.encode()), *problems.headers(error)]
        self._send(Answer(problem.status, headers, msgspec.json.encode(problem)))

    def settle(self, future: "asyncio.Future[Any]") -> None:
        """Become what a future is; a callback for it."""
        try:
            value = future.result()
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told
            self.set_exception(error)
        else:
            self.set_result(value)

    async def _send_when_shown(self, answer: Answer) -> None:
        await self._plane.caught_up(answer.shown)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        if self.response_complete or self.disconnected:
            return
        self.response_complete = True
        status, headers, body, _ = answer
        self._line.put(self, status, [*headers, (b"x-request-id", self.id.encode())], body)
        log_exchange(self.scope, self.id, status, self._began)


def _as_it_is(value: Answer) -> Answer:
    return value
