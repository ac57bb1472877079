"""One client's connection: uvicorn's, with a shorter way for requests that are known by their bytes, and with limits.

Whoever sends half a request and then nothing, or a head without end, is told so and let go.
"""

import asyncio
from typing import Any, cast

import httptools
import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from catalog.errors import CatalogError
from discovery import problems
from discovery.corked import Corked
from discovery.problems import LargeHead, Malformed, TooSlow
from discovery.verbatim import Verbatim

LARGEST_HEAD = 64 * 1024  # bytes of a request before its body
PATIENCE = 30.0  # seconds for a head, for a first request, and for the next part of a body


class Connection(HttpToolsProtocol):
    """A protocol of asyncio. The application that it serves has its `Verbatim` as an attribute of that name."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        verbatim: Verbatim = config.loaded_app.verbatim
        self._known, self._readers, self._learn = verbatim.known, verbatim.readers, verbatim.learn
        self._active = False  # since the timer for idle connections was looked at
        self._begun = 0  # messages
        self._in_message = self._in_head = False
        self._head_size = 0
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there, and has a while to say what it wants."""
        self._corked = Corked(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._corked))
        self.timeout_keep_alive_task = self.loop.call_later(PATIENCE, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._settle()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer at once what is known; parse the rest."""
        known = self._known.get(data)
        if (
            known is not None
            and not self._in_message
            and (self.cycle is None or self.cycle.response_complete)
            and known.shown in self._readers
            and not self.flow.write_paused
        ):
            known.encoded.hits += 1
            self._active = True
            self._corked.flush()
            self._corked.inner.write(known.wire.at(self.server_state.default_headers))
            return
        at_rest, self._begun = not self._in_message, 0
        super().data_received(data)
        if self._in_message:
            self._expect_more(len(data))
            return
        self._settle()
        if at_rest and self._begun == 1 and data.endswith(b"\r\n\r\n"):
            self._learn(data, self.scope)  # type: ignore[arg-type] # a dict that TypedDict describes

    def handle_websocket_upgrade(self) -> None:
        """The connection goes on as another protocol's."""
        self.transport = self._corked.inner
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """See httptools."""
        super().on_message_begin()
        self._begun += 1
        self._in_message = self._in_head = True
        self._head_size = 0

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """See httptools."""
        self._in_message = False
        super().on_message_complete()

    def shutdown(self) -> None:
        """End the connection once its answer is sent; what waits on purpose is not waited for."""
        if self.cycle is not None and not self.cycle.response_complete and self.cycle.scope.get("parked"):
            self.transport.close()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Tell a client that what it sent is not HTTP, and end the connection."""
        self._refuse(Malformed("what was sent cannot be read as HTTP/1.1"))

    def timeout_keep_alive_handler(self) -> None:
        """End a connection on which nothing was asked for a while."""
        if self._active:
            self._active = False
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def _unsupported_upgrade_warning(self) -> None:
        # The client offers another protocol, HTTP/2 say, and is answered in this one. Its parser has come to its end.
        self.parser = httptools.HttpRequestParser(self)
        self._in_message = False

    def _expect_more(self, size: int) -> None:
        """A message has begun and is not whole."""
        if self._in_head:
            self._head_size += size
            if self._head_size > LARGEST_HEAD:
                self._refuse(LargeHead(f"more than {LARGEST_HEAD} bytes have come before the body"))
                return
        else:
            self._settle()  # each part of a body has its own time, a head has one in all
        if self._stalled is None:
            self._stalled = self.loop.call_later(PATIENCE, self._give_up)

    def _settle(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _give_up(self) -> None:
        self._stalled = None
        if not self.flow.read_paused:  # else it is not the client that is slow
            self._refuse(TooSlow(f"the rest of the request has not come within {PATIENCE:g} s"))

    def _refuse(self, error: CatalogError) -> None:
        """End the connection, with a word about it where an answer can stand."""
        if not self._in_message or (self._in_head and self._is_free):
            problem = problems.problem(error)
            body = msgspec.json.encode(problem)
            head = [
                STATUS_LINE[problem.status],
                *(b"%s: %s\r\n" % header for header in self.server_state.default_headers),
                b"content-type: %s\r\n" % problems.CONTENT_TYPE.encode(),
                b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body),
            ]
            self.transport.write(b"".join((*head, body)))
        self.transport.close()

    @property
    def _is_free(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete
