"""A request that a handler answers in a task of its own."""

import structlog

from discovery.plane import Plane
from discovery.web.access_log import log_exchange
from discovery.web.exchange import Exchange
from discovery.web.form import HttpForm
from discovery.web.replies import Reply, send_reply
from registry.asgi import START, Message, Receive, Scope, Send, read_body

CLOSED = 499  # as nginx logs a request whose client has gone

logger = structlog.get_logger(__name__)


class Request(Exchange):
    """One request, and the way to answer it. `status` is 0 until an answer has begun.

    `path` holds the segments of the path that its route names.
    """

    __slots__ = ("_send", "path", "receive", "status")

    def __init__(self, plane: Plane, form: HttpForm, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(plane, form, scope)
        self.receive, self._send = receive, send
        self.status = 0
        self.path: dict[str, str] = {}

    @property
    def query_string(self) -> bytes:
        """As it stands on the wire."""
        found: bytes = self.scope["query_string"]
        return found

    async def body(self, *, most: int) -> bytes:
        """The whole body. Raises TooLarge and Disconnected."""
        return await read_body(self.scope, self.receive, most=most)

    async def send(self, message: Message) -> None:
        """Send a message of ASGI, with the request's id among the headers."""
        if message["type"] == START:
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], (b"x-request-id", self.id.encode())]}
        await self._send(message)

    async def reply(self, reply: Reply) -> None:
        """Answer, once the lookups of this process show what the reply speaks of."""
        if reply.shown:
            await self.plane.caught_up(reply.shown)
        await send_reply(self.send, reply, body=self.scope["method"] != "HEAD")

    async def fail(self, error: Exception) -> None:
        """Answer with an error, unless an answer has begun: then it stays cut short, which a client can tell."""
        if self.status:
            logger.warning("an answer was cut short", path=self.scope["path"], request=self.id, reason=repr(error))
            return
        await self.reply(self.form.error(error))

    def log(self) -> None:
        """One line, if it is worth one."""
        log_exchange(self.scope, self.id, self.status or CLOSED, self.began)
