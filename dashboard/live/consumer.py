"""A browser that watches a page: told what changes, and answered when it has missed something."""

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
from dashboard.live.context import Installed, installed
from dashboard.live.page import Page
from dashboard.live.screens import Screen
from dashboard.live.viewers import identify

BEAT = 3.0  # seconds without news after which a browser is told that there is none
LARGEST = 4096  # bytes of a message from a browser: it has little to say
MOST_MESSAGES, WITHIN = 40, 10.0  # messages in so many seconds; typing into a search is the most that a person does
REFUSED, FLOODED, NONSENSE, FAILED = 4403, 4429, 4400, 1011
CHECKED = 60.0  # seconds between two looks at whether the viewer may still read

logger = structlog.get_logger(__name__)


class Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a browser says: the address of its page, and the version that it has."""

    page: str
    epoch: str = ""
    version: int = 0


_decoder = msgspec.json.Decoder(Watch)


class Watching(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """One live connection. It watches one page at a time.

    It has no channel of its own in Valkey: what it tells is in this process's memory, and goes on while Valkey is away.
    """

    channel_layer_alias = "none"

    def __init__(self) -> None:
        super().__init__()
        self._sending: asyncio.Task[None] | None = None
        self._times: deque[float] = deque(maxlen=MOST_MESSAGES)
        self._entered = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See Channels. However it ends, by a mistake or with the server too, nobody looks any more."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()

    async def connect(self) -> None:
        """Let it in when it shows a ticket, comes from one of our own pages and may read them."""
        self._ours: Installed = installed()
        self._client = (self.scope.get("client") or ("?",))[0]
        try:
            self._check_origin()
            await self._check_viewer()
            self._ours.watchers.enter(self._client)
        except CatalogError as error:
            self._log("a live connection was refused", str(error))
            await self.close(REFUSED)
            return
        self._entered = True
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Nobody looks any more."""
        self._leave()

    def _leave(self) -> None:
        if self._entered:
            self._entered = False
            self._ours.watchers.leave(self._client)
        if self._sending is not None:
            self._sending.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A page to watch, from a version on."""
        if self._floods() or len(text_data or bytes_data or "") > LARGEST:
            self._log("a live connection was closed", "it floods")
            await self.close(FLOODED)
            return
        try:
            wanted = _decoder.decode(text_data or "")
            page = page_at(self._ours, wanted.page)
        except (msgspec.DecodeError, ValueError, Resolver404, CatalogError) as error:
            self._log("a live connection was closed", f"it asks for nothing that there is: {type(error).__name__}")
            await self.close(NONSENSE)
            return
        if self._sending is not None:
            self._sending.cancel()
        self._sending = asyncio.create_task(self._watch(page, wanted))

    async def _watch(self, page: Page, wanted: Watch) -> None:
        try:
            screen = await self._ours.screens.look(page)
            screen.watchers += 1
            try:
                await self._send_changes(screen, wanted.epoch, wanted.version)
            finally:
                screen.watchers -= 1
        except ConnectionError:
            pass  # it broke while something was sent: whoever reads from it notices
        except Forbidden as error:
            self._log("a live connection was closed", str(error))
            await self.close(REFUSED)
        except Exception:  # nobody awaits this task: say what is wrong, and let the browser begin anew
            logger.exception("a live connection failed", page=page.heading, client=self._client)
            await self.close(FAILED)

    async def _send_changes(self, screen: Screen, epoch: str, version: int) -> None:
        loop, screens = asyncio.get_running_loop(), self._ours.screens
        checked, told = loop.time(), screens.told
        await self.send(screen.message(epoch, version))
        version = screen.version
        while True:
            changed = screen.changed
            if version == screen.version and told == screens.told:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):
                        await changed.wait()
            notices, told = screens.notices(told), screens.told
            for notice in notices:
                await self.send(notice)
            news = version != screen.version
            if news or not notices:
                await self.send(screen.message(screen.epoch, version) if news else screens.beat())
            version = screen.version
            if loop.time() - checked > CHECKED:
                checked = loop.time()
                await self._check_viewer()

    def _check_origin(self) -> None:
        headers = self.scope["headers"]
        if not any(name == b"origin" for name, _ in headers):
            raise Forbidden("it names no origin: no page of ours opened it")
        self._ours.door.check("POST", headers)

    async def _check_viewer(self) -> None:
        shown = ticket.read(self._cookie(ticket.COOKIE))
        if shown is None:
            raise Forbidden("it shows no ticket: load a page of the dashboard first")
        viewer = await identify(self._user, shown)
        if not viewer.may_read(self._ours.is_open):
            raise Forbidden("sign in to read the dashboard")

    async def _user(self) -> Any:
        # The session is read anew each time: the scope's own would remember somebody who has signed out since.
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
        full = len(self._times) == MOST_MESSAGES and now - self._times[0] < WITHIN
        self._times.append(now)
        return full

    def _log(self, event: str, reason: str) -> None:
        origin = next((value for name, value in self.scope["headers"] if name == b"origin"), b"")
        logger.warning(event, reason=reason, client=self._client, origin=origin[:100].decode("latin-1"))


def page_at(ours: Installed, address: str) -> Page:
    """The page at an address as a browser shows it. Raises Resolver404 when there is none, or ValueError."""
    parts = urlsplit(address)
    match = resolve(unquote(parts.path))
    kind: Any = getattr(match.func, "view_initkwargs", {}).get("page")
    if kind is None or not issubclass(kind, Page):
        raise Resolver404({"path": parts.path})
    page: Page = kind(ours.board, match.kwargs, dict(parse_qsl(parts.query)))
    return page
