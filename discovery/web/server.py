"""The discovery plane as an ASGI application, beside whatever else the process serves.

A lookup that was made before in the same words does not even come here: see `request_cache.py`. One that differs only
in headers that do not matter, as in the id of a trace, is found by its path and query before anything is routed.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from catalog.errors import CatalogError
from discovery.plane import Plane
from discovery.web.access_log import log_failure
from discovery.web.dialect import Dialect, HttpDialect
from discovery.web.fast_writes import FastHandler
from discovery.web.form import HttpForm
from discovery.web.replies import send_encoded
from discovery.web.request import Request
from discovery.web.request_cache import RequestCache
from discovery.web.routing import Router
from registry.asgi import ASGI, Disconnected, Receive, Scope, Send

HOUSE = HttpForm(name="http")  # of the paths that are no dialect's
PROBED = frozenset({"health", "metrics"})  # asked by whatever address leads here, and by anybody


class Mounted(NamedTuple):
    """What answers the paths of a segment, and in which form. With `is_guarded` pages in a browser may not come in by
    the open door."""

    form: HttpForm
    answer: Callable[[Request], Awaitable[None]]
    is_guarded: bool = True


class FastPath(NamedTuple):
    """Who answers writes of one method below a segment without a task, and in which form."""

    form: HttpForm
    handler_of: Callable[[Scope], FastHandler | None]


class Application:
    """Hands each request to the dialect that its first path segment names, or a header of a request for `/`.

    `beside` are the applications of other segments; `otherwise` has everything else. `fast_paths` are by method and
    segment.
    """

    def __init__(
        self, plane: Plane, dialects: Iterable[Dialect], *, beside: Mapping[str, ASGI], otherwise: ASGI
    ) -> None:
        self.plane = plane
        self.fast_paths: dict[tuple[bytes, bytes], FastPath] = {}
        self._by_segment: dict[str, Mounted] = {}
        self._by_header: dict[bytes, Mounted] = {}
        self._otherwise = otherwise
        for segment, application in beside.items():
            self._by_segment[segment] = Mounted(HOUSE, partial(_delegate, application), segment not in PROBED)
        for dialect in dialects:
            if isinstance(dialect, HttpDialect):
                self._mount(dialect)
        self.request_cache = RequestCache(plane.answers, plane.access, self._form_of)
        self._by_address = plane.answers.by_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one exchange."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        mounted = self._mounted(scope) if scope["type"] == "http" else None
        if mounted is None:
            await self._otherwise(scope, receive, send)
        elif scope["method"] != "GET" or not await self._answered_from_memory(mounted.form, scope, send):
            await self._answer(mounted, Request(self.plane, mounted.form, scope, receive, send))

    def _mount(self, dialect: HttpDialect) -> None:
        """Raises ValueError when a place is taken."""
        self.plane.answers.asked[dialect.name] += 0  # it is counted from the start
        mounted = Mounted(dialect, Router(dialect.routes(), dialect.paths).answer)
        for segment in dialect.segments:
            if segment in self._by_segment:
                raise ValueError(f"{dialect.name} cannot have /{segment}: it is taken")
            self._by_segment[segment] = mounted
        if dialect.root_header:
            self._by_header[dialect.root_header] = mounted
        for method, handler_of in dialect.fast_writes.items():
            for segment in dialect.segments:
                self.fast_paths[method.encode(), segment.encode()] = FastPath(dialect, handler_of)

    def _mounted(self, scope: Scope) -> Mounted | None:
        path = scope["path"]
        if path == "/" and self._by_header:
            return next((self._by_header[name] for name, _ in scope["headers"] if name in self._by_header), None)
        return self._by_segment.get(path[1:].partition("/")[0])

    def _form_of(self, scope: Scope) -> HttpForm | None:
        mounted = self._mounted(scope)
        return None if mounted is None else mounted.form

    async def _answered_from_memory(self, form: HttpForm, scope: Scope, send: Send) -> bool:
        """Whether the answer was cached and the client may have it; in doubt the request is routed."""
        encoded = self._by_address.get(form.address(scope))
        if encoded is None:
            return False
        names = dict(scope["headers"])
        if b"x-request-id" in names:
            return False
        access = self.plane.access
        try:
            secret = form.secret(scope)
            access.guard("GET", scope["headers"], secret)
        except CatalogError:
            return False
        if secret not in access.readers:
            return False
        encoded.hits += 1
        if b"if-none-match" in names:
            await send_encoded(scope, send, encoded)
        else:
            await send(encoded.start)
            await send(encoded.whole)
        return True

    async def _answer(self, mounted: Mounted, request: Request) -> None:
        """Let the handler answer; what it raises is answered in the form of the dialect."""
        try:
            if mounted.is_guarded:
                request.guard()
            await mounted.answer(request)
        except Disconnected:
            pass
        except CatalogError as error:
            await request.fail(error)
        except Exception as error:  # noqa: BLE001 - the last line of defence: the client gets a 500, the log has the reason
            log_failure(request.scope, request.id, error)
            await request.fail(error)
        request.log()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.plane.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.plane.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _delegate(application: ASGI, request: Request) -> None:
    await application(request.scope, request.receive, request.send)
