"""One client's connection: uvicorn's, with shorter ways for the most frequent requests, and with limits.

A lookup that was made before in the same words is answered by its very bytes (`request_cache.py`), a frequent write
without a task of its own (`fast_writes.py`); uvicorn hands everything else to the same application.

A client that sends half a request and then nothing, or a head without end, gets an error and is disconnected.
"""

import asyncio
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from catalog.errors import CatalogError
from catalog.records.registration import LARGEST_BODY
from discovery.web.fast_writes import FastHandler, FastWrite
from discovery.web.form import HttpForm
from discovery.web.http1.corked_transport import Corked
from discovery.web.problems import LargeHead, Malformed, TooSlow
from discovery.web.server import HOUSE, Application
from registry.asgi import Headers, Scope

LARGEST_HEAD = 64 * 1024  # bytes of a request before its body
LARGEST_FAST = LARGEST_BODY  # bytes of the body of a fast write
MOST_WAITING = 100  # requests behind one that is not answered yet; clients that send ahead at all send a few
NO_CONTENT = 204
_LINE = b"%s: %s\r\n".__mod__
ENDING = 3.0  # seconds for the rest of a request and its answer when the server ends; less than uvicorn gives
PATIENCE = 30.0  # seconds for a head, for a first request, and for the next part of a body


class Connection(HttpToolsProtocol):
    """A protocol of asyncio, for a `discovery.web.server.Application`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        application: Application = config.loaded_app
        cache = application.request_cache
        self._plane, self._fast_paths = application.plane, application.fast_paths
        self._cached, self._readers, self._consider = cache.requests, cache.readers, cache.consider
        self._handler: FastHandler | None = None  # of the request that is being read
        self._form: HttpForm = HOUSE  # of that request, when it has a handler
        self._parts: list[bytes] = []  # of its body
        self._active = False  # since the timer for idle connections was looked at
        self._idle: asyncio.TimerHandle | None = None
        self._running: Any = None  # the cycle that the application was given last
        self._begun = 0  # messages
        self._in_message = self._in_head = self._is_offer = False
        self._is_last = False  # the request that came last: the connection ends with its answer
        self._head_size = 0
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there, and has a while to say what it wants."""
        self._corked = Corked(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._corked))
        self._idle = self.loop.call_later(PATIENCE, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._settle()
        if self._idle is not None:
            self._idle.cancel()
        if self._is_busy:  # uvicorn tells only the last of several requests on their way
            self._running.disconnected = True
            self._running.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer at once what is in the request cache; parse the rest."""
        cached = self._cached.get(data)
        if (
            cached is not None
            and not self._in_message
            and self._is_free
            and cached.secret in self._readers
            and not self.flow.write_paused
        ):
            cached.encoded.hits += 1
            self._active = True
            self._corked.flush()
            self._corked.inner.write(cached.wire.at(self.server_state.default_headers))
            return
        at_rest, self._begun = not self._in_message, 0
        self._parse(data)
        if self._begun > 1:
            self._corked.flush()  # now, not at the turn's end: several packets of a turn would be read unpaused
        if self._in_message:
            # Where in a packet a message began is not known: one that began behind another is counted from the next on.
            self._expect_more(len(data) if self._begun == int(at_rest) else 0)
            return
        self._settle()
        if at_rest and self._begun == 1 and data.endswith(b"\r\n\r\n"):
            self._consider(data, cast("Scope", self.scope))

    def handle_websocket_upgrade(self) -> None:
        """The connection goes on as another protocol's, and its silences are not this one's affair."""
        self._in_message, self._begun = False, 0
        if self._idle is not None:
            self._idle.cancel()
        self._corked.flush()
        self.transport = self._corked.inner
        super().handle_websocket_upgrade()
        websocket = cast("WebSocketsSansIOProtocol", self.transport.get_protocol())
        if not websocket.handshake_initiated:  # a head larger than it reads: its answer is made, but not sent
            self.transport.write(b"".join(websocket.conn.data_to_send()))
            self.transport.close()

    def on_message_begin(self) -> None:
        """See httptools. What is raised ends the parser's work, here as in `on_headers_complete`; see `_parse`."""
        self._begun += 1
        if self._is_last:
            raise Malformed("the connection ends with the request before this one")
        super().on_message_begin()
        self._in_message = self._in_head = True
        self._head_size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools. What comes after a body is a trailer that is not read, and must not be collected."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._is_offer = self._offers_another_protocol()
        if self._is_offer:
            if self.parser.get_method() == b"CONNECT":
                raise Malformed("CONNECT is not supported")
            return  # the request is parsed once more, see `_parse`
        self._handler = self._fast_handler()
        if self._handler is None:
            self._begin()
        self._in_head = False  # last: a target that cannot be read may still be answered as such

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        if self._handler is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        if self._is_offer:
            return
        self._in_message = False
        if self._handler is None:
            super().on_message_complete()
        else:
            self._answer(self._handler)

    def on_response_complete(self) -> None:
        """An answer was sent; go on with what was asked meanwhile."""
        self._active = True
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def put(self, write: FastWrite, status: int, headers: Headers, body: bytes) -> None:
        """Send the reply to a fast write; see `fast_writes.Sender`."""
        if self.transport.is_closing():
            return
        lines = [STATUS_LINE[status], *map(_LINE, self.server_state.default_headers), *map(_LINE, headers)]
        if status != NO_CONTENT:
            lines.append(b"content-length: %d\r\n" % len(body))
        if not write.keep_alive:
            lines.append(b"connection: close\r\n")
        self._corked.write(b"".join((*lines, b"\r\n", body)))
        if not write.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def shutdown(self) -> None:
        """End the connection once its answer is sent; what waits on purpose is not waited for.

        A client that does not take its answer, or does not finish its request, is not waited for without end either:
        it is cut off, and whatever serves it ends as if the client had gone.
        """
        self.loop.call_later(ENDING, self.transport.abort)
        if self._is_busy and self._running.scope.get("parked"):
            self.transport.close()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Tell a client that what it sent is not HTTP, and end the connection."""
        self._refuse(Malformed("what was sent cannot be read as HTTP/1.1"))

    def timeout_keep_alive_handler(self) -> None:
        """Look now and then whether anything was asked for lately, and end the connection if not.

        A timer that is reset with every request would cost more than answering it.
        """
        if self._active or self._in_message or not self._is_free:
            self._active = False
            self._idle = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _unset_keepalive_if_required(self) -> None:
        """There is nothing to unset: see `timeout_keep_alive_handler`."""

    def _should_upgrade(self) -> bool:
        """Whether the connection goes on as a WebSocket, once this request has come.

        Nothing can go on in another protocol before what was asked is answered; and of a body websockets wants to know
        nothing. Such a request is answered like any other offer that is not taken up.
        """
        return (
            self._is_free
            and self.parser.get_method() == b"GET"
            and not any(map(_announces_a_body, self.headers))
            and super()._should_upgrade()
        )

    def _fast_handler(self) -> FastHandler | None:
        """Who answers this request without a task, if it is of that kind; its scope is completed then."""
        parser, method, url = self.parser, self.parser.get_method(), self.url
        path, _, query = url.partition(b"?")
        found = self._fast_paths.get((method, path[1:].partition(b"/")[0]))
        if found is None or not self._is_free or parser.should_upgrade() or self.expect_100_continue:
            return None
        if self.flow.write_paused:  # a task waits until the client reads, and reads no further meanwhile
            return None
        if b"%" in url or not url.startswith(b"/") or not _is_short(self.headers):
            return None
        scope = cast("Scope", self.scope)
        scope.update(
            method=method.decode(), path=path.decode("ascii", "replace"), raw_path=path, query_string=query,
            http_version=parser.get_http_version(),
        )  # fmt: skip
        self._form = found.form
        return found.handler_of(scope)

    def _answer(self, handler: FastHandler) -> None:
        """Have the request that was just read answered, by a task of its own if the handler cannot."""
        parser, scope = self.parser, cast("Scope", self.scope)
        body = b"".join(self._parts)
        self._parts.clear()
        keep_alive = scope["http_version"] == "1.1" and parser.should_keep_alive()
        self._is_last = not keep_alive
        before = self.cycle
        write = FastWrite(self._plane, self._form, scope, self, keep_alive=keep_alive)
        self.cycle = write  # type: ignore[assignment]
        try:
            write.guard()
            handled = handler(write, body)
        except Exception as error:  # noqa: BLE001 - the last line of defence: the client gets a 500, the log has the reason
            write.set_exception(error)
            return
        if not handled:
            self.cycle = before
            self._begin()
            if body:
                super().on_body(body)
            super().on_message_complete()

    def _begin(self) -> None:
        """Have a request answered by a task, or let it wait behind others. With too many of them it is the last."""
        super().on_headers_complete()
        cycle: Any = self.cycle  # None before the first, as a WebSocket's handshake may be
        if len(self.pipeline) >= MOST_WAITING:
            cycle.keep_alive = False
        self._is_last = cycle is not None and not cycle.keep_alive

    def _parse(self, data: bytes) -> None:
        """Take this apart, and answer what there is to answer.

        A client may offer to go on in another protocol, as Java's does with HTTP/2, and is answered in this one. The
        parser takes all that follows such a head for that protocol, the request's body too. So the head is parsed once
        more without the offer, and what follows it after that.
        """
        pieces: list[bytes | memoryview] = [data]
        while pieces:
            piece = pieces.pop()
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade as upgrade:
                if not self._is_offer:
                    self.handle_websocket_upgrade()
                    return
                pieces += (memoryview(piece)[upgrade.args[0] :], self._head_without_offer())
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            except httptools.HttpParserError:
                if self._in_message or not self._is_last:  # what comes behind the last request is not read
                    self.send_400_response("")
                return

    def _offers_another_protocol(self) -> bool:
        return self.parser.should_upgrade() and not self._should_upgrade()

    def _head_without_offer(self) -> bytes:
        first = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        return b"".join((first, *(_LINE(header) for header in self.headers if header[0] != b"upgrade"), b"\r\n"))

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
        if self.flow.read_paused:  # it is not the client that is slow, until it is read from again
            self._stalled = self.loop.call_later(PATIENCE, self._give_up)
            return
        self._stalled = None
        self._refuse(TooSlow(f"the rest of the request has not come within {PATIENCE:g} s"))

    def _refuse(self, error: CatalogError) -> None:
        """End the connection, with an error where an answer can stand."""
        if self._is_free and (self._in_head or not self._in_message):
            status, headers, body, _ = HOUSE.error(error)
            head = [
                STATUS_LINE[status],
                *map(_LINE, (*self.server_state.default_headers, *headers)),
                b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body),
            ]
            self.transport.write(b"".join((*head, body)))
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.scope["is_slow"] = self._is_slow  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, app)

    def _is_slow(self) -> bool:
        """Whether the client leaves so much unread that sending more has to wait."""
        return self.flow.write_paused

    @property
    def _is_busy(self) -> bool:
        """Whether the application is at work on a request, the last that came or one before it."""
        return self._running is not None and not self._running.response_complete

    @property
    def _is_free(self) -> bool:
        """Whether no request is being answered."""
        cycle: Any = self.cycle  # None before the first
        return cycle is None or cycle.response_complete


def _announces_a_body(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    return name == b"transfer-encoding" or (name == b"content-length" and value != b"0")


def _is_short(headers: Headers) -> bool:
    """Whether the head announces a body that is small enough to be kept whole, or none."""
    for name, value in headers:
        if name == b"transfer-encoding":
            return False
        if name == b"content-length":
            return len(value) < 7 and int(value) <= LARGEST_FAST  # the parser lets only digits through
    return True
