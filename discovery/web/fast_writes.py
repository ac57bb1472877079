"""Fast writes: registrations and renewals, so frequent that they are answered without a task of their own.

A task, its coroutines and ASGI's messages cost as much as the write itself. So a connection may hand a whole request
to a `FastHandler`, which leaves a `FastWrite` with the writer that commits it; the reply is sent from there. Requests
and answers are the same as with a task, from the same functions.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from catalog.errors import CatalogError
from catalog.records.instance import Instance
from discovery.plane import Plane
from discovery.web.access_log import log_exchange, log_failure
from discovery.web.exchange import Exchange
from discovery.web.form import HttpForm
from discovery.web.replies import Reply
from registry.asgi import Headers, Scope

FastHandler = Callable[["FastWrite", bytes], bool]
"""Begins to answer a request, of which the body is whole. False when it needs a task after all; nothing has been done
then. Raises CatalogError."""


class Sender(Protocol):
    """The connection that a reply goes out on."""

    def put(self, write: "FastWrite", status: int, headers: Headers, body: bytes) -> None:
        """Send the answer."""
        ...


class FastWrite(Exchange):
    """A request whose reply is sent when it is settled. To the writer it is a future, to uvicorn its cycle.

    `to_reply` makes the reply of the outcome.
    """

    __slots__ = ("_later", "_sender", "disconnected", "keep_alive", "response_complete", "to_reply")

    def __init__(self, plane: Plane, form: HttpForm, scope: Scope, sender: Sender, *, keep_alive: bool) -> None:
        super().__init__(plane, form, scope)
        self._sender = sender
        self.to_reply: Callable[[Any], Reply] = _as_it_is
        self.keep_alive, self.disconnected, self.response_complete = keep_alive, False, False
        self._later: asyncio.Task[None] | None = None

    @property
    def message_event(self) -> "FastWrite":
        """Set by uvicorn when the client is gone; `disconnected` says it already."""
        return self

    def set(self) -> None:
        """See `message_event`."""

    def done(self) -> bool:
        """Whether it is settled, or the client is gone."""
        return self.response_complete or self.disconnected or self._later is not None

    def set_result(self, value: Any) -> None:
        """What was asked for is done."""
        try:
            reply = self.to_reply(value)
        except Exception as error:  # noqa: BLE001 - the last line of defence, as in `server.py`
            self.set_exception(error)
            return
        if self.plane.head >= reply.shown:
            self._send(reply)
        else:
            self._later = asyncio.get_running_loop().create_task(self._send_when_shown(reply))

    def set_exception(self, error: Exception) -> None:
        """What was asked for has failed."""
        if not isinstance(error, CatalogError):
            log_failure(self.scope, self.id, error)
        self._send(self.form.error(error))

    def settle(self, future: "asyncio.Future[Any]") -> None:
        """Take over the outcome of a future; a callback for it."""
        try:
            value = future.result()
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            self.set_exception(error)
        else:
            self.set_result(value)

    async def _send_when_shown(self, reply: Reply) -> None:
        await self.plane.caught_up(reply.shown)
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        if self.response_complete or self.disconnected:
            return
        self.response_complete = True
        status, headers, body, _ = reply
        self._sender.put(self, status, [*headers, (b"x-request-id", self.id.encode())], body)
        log_exchange(self.scope, self.id, status, self.began)


def renew(write: FastWrite, instance: Instance | None, reply: Reply) -> bool:
    """Renew a lease and send the reply; False for an instance that is not known here yet, or whose lease has expired:
    these have to wait for the log."""
    if instance is None or instance.lease_expired:
        return False
    write.to_reply = partial(_renewed, write.plane, reply)
    if instance.lease is None:
        write.set_result(None)
    else:
        write.plane.renewals.renew(instance).add_done_callback(write.settle)
    return True


def _renewed(plane: Plane, reply: Reply, _: None) -> Reply:
    plane.renewed += 1
    return reply


def _as_it_is(value: Reply) -> Reply:
    return value
