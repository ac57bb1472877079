"""The live connection of a browser: it is sent what changes on its page, and what it has missed."""

import asyncio
from collections import deque
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import structlog
from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.urls import Resolver404, resolve

from catalog.errors import CatalogError, Forbidden
from dashboard.live import ticket
from dashboard.live.context import DashboardContext, current_context
from dashboard.live.page import Page
from dashboard.live.screens import Screen
from dashboard.live.viewers import identify
from dashboard.memory.board import Board

HEARTBEAT = 3.0  # seconds without a change after which a browser gets a heartbeat
MAX_MESSAGE = 4096  # bytes of a message from a browser: it has little to say
MAX_MESSAGES, WINDOW = 40, 10.0  # messages in so many seconds; typing into a search is the most that a person sends
FORBIDDEN, FLOODED, INVALID, FAILED = 4403, 4429, 4400, 1011  # codes with which a connection is closed
RECHECK = 60.0  # seconds between two checks whether the viewer may still read

logger = structlog.get_logger(__name__)


class WatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a browser sends: the address of its page, and the version that it has."""

    page: str
    epoch: str = ""
    version: int = 0


_decoder = msgspec.json.Decoder(WatchRequest)


class PageConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One live connection. It watches one page at a time.

    It has no channel in Valkey: what it sends is in this process's memory, and goes on while Valkey is down.
    """

    channel_layer_alias = "none"

    def __init__(self) -> None:
        super().__init__()
        self._sending: asyncio.Task[None] | None = None
        self._times: deque[float] = deque(maxlen=MAX_MESSAGES)
        self._entered = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See Channels. However it ends, by a defect or with the server too, the watcher is no longer counted."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()

    async def connect(self) -> None:
        """Accept it when it comes from one of our own pages, shows a ticket and may read them."""
        self._context: DashboardContext = current_context()
        self._client = (self.scope.get("client") or ("?",))[0]
        try:
            self._check_origin()
            await self._check_viewer()
            self._context.watchers.enter(self._client)
        except CatalogError as error:
            self._log("a live connection was refused", str(error))
            await self.close(FORBIDDEN)
            return
        self._entered = True
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """The watcher is no longer counted."""
        self._leave()

    def _leave(self) -> None:
        if self._entered:
            self._entered = False
            self._context.watchers.leave(self._client)
        if self._sending is not None:
            self._sending.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A page to watch, from a version on."""
        if self._floods() or len(text_data or bytes_data or "") > MAX_MESSAGE:
            self._log("a live connection was closed", "it sends too much")
            await self.close(FLOODED)
            return
        try:
            wanted = _decoder.decode(text_data or "")
            page = page_at(self._context.board, wanted.page)
        except (msgspec.DecodeError, ValueError, Resolver404, CatalogError) as error:
            self._log("a live connection was closed", f"it asks for no page: {type(error).__name__}")
            await self.close(INVALID)
            return
        if self._sending is not None:
            self._sending.cancel()
        self._sending = asyncio.create_task(self._watch(page, wanted))

    async def _watch(self, page: Page, wanted: WatchRequest) -> None:
        try:
            screen = await self._context.screens.open(page)
            screen.watchers += 1
            try:
                await self._send_changes(screen, wanted.epoch, wanted.version)
            finally:
                screen.watchers -= 1
        except ConnectionError:
            pass  # it broke while something was sent: reading from it ends too
        except Forbidden as error:
            self._log("a live connection was closed", str(error))
            await self.close(FORBIDDEN)
        except Exception:  # nothing awaits this task: log it, and let the browser reconnect
            logger.exception("a live connection failed", page=page.heading, client=self._client)
            await self.close(FAILED)

    async def _send_changes(self, screen: Screen, epoch: str, number: int) -> None:
        loop, screens = asyncio.get_running_loop(), self._context.screens
        checked_at, seen = loop.time(), screens.notices_sent
        await self.send(screen.message(epoch, number))
        number = screen.version.number
        while True:
            changed = screen.changed
            if number == screen.version.number and seen == screens.notices_sent:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT):
                        await changed.wait()
            notices, seen = screens.notices(seen), screens.notices_sent
            for notice in notices:
                await self.send(notice)
            is_new = number != screen.version.number
            if is_new or not notices:
                await self.send(screen.message(screen.epoch, number) if is_new else screens.heartbeat())
            number = screen.version.number
            if loop.time() - checked_at > RECHECK:
                checked_at = loop.time()
                await self._check_viewer()

    def _check_origin(self) -> None:
        headers = self.scope["headers"]
        if not any(name == b"origin" for name, _ in headers):
            raise Forbidden("it names no origin: no page of ours opened it")
        self._context.door.check("POST", headers)

    async def _check_viewer(self) -> None:
        shown = ticket.read(self._cookie(ticket.COOKIE))
        if shown is None:
            raise Forbidden("it shows no ticket: load a page of the dashboard first")
        viewer = await identify(self._user, shown)
        if not viewer.may_read(self._context.is_open):
            raise Forbidden("sign in to read the dashboard")

    async def _user(self) -> Any:
        # The session is read again each time: the scope's own would remember a user who has signed out since.
        session = import_module(settings.SESSION_ENGINE).SessionStore(self._cookie(settings.SESSION_COOKIE_NAME))
        return await get_user({**self.scope, "session": session})

    def _cookie(self, name: str) -> str | None:
        for header, value in self.scope["headers"]:
            if header == b"cookie":
                with suppress(CookieError):
                    found = SimpleCookie(value.decode("latin-1")).get(name)
                    if found is not None:
                        return found.value
        return None

    def _floods(self) -> bool:
        now = asyncio.get_running_loop().time()
        full = len(self._times) == MAX_MESSAGES and now - self._times[0] < WINDOW
        self._times.append(now)
        return full

    def _log(self, event: str, reason: str) -> None:
        origin = next((value for name, value in self.scope["headers"] if name == b"origin"), b"")
        logger.warning(event, reason=reason, client=self._client, origin=origin[:100].decode("latin-1"))


def page_at(board: Board, address: str) -> Page:
    """The page at an address as a browser shows it. Raises Resolver404 when there is none, or ValueError."""
    parts = urlsplit(address)
    match = resolve(unquote(parts.path))
    kind: Any = getattr(match.func, "view_initkwargs", {}).get("page")
    if kind is None or not issubclass(kind, Page):
        raise Resolver404({"path": parts.path})
    page: Page = kind(board, match.kwargs, dict(parse_qsl(parts.query)))
    return page
