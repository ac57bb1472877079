"""A dashboard over a plane whose log the test writes, in one process: pages, screens and live connections."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.core import signing

from config.dialects import DIALECTS
from dashboard.follower import DashboardFollower
from dashboard.live import context, routing, ticket
from dashboard.live.context import DashboardContext
from dashboard.live.screens import Screens
from dashboard.live.state import state_of
from dashboard.memory.board import Board
from tests.harness.discovery.world import REGION, World

HOST = "127.0.0.1:8500"
WITHIN = 5.0


class Dashboard:
    """The dashboard of a world. As an async context manager it keeps its screens up to date."""

    def __init__(self, data: Path, *, is_open: bool = True) -> None:
        self.world = World(data)
        plane = self.world.plane
        self.board = Board(REGION, plane.view, clock=lambda: self.world.now, dialects=DIALECTS)
        self.screens = Screens(lambda now: state_of(plane.view, REGION, now), clock=lambda: self.world.now)
        plane.beside.append(DashboardFollower(plane.view, self.board.recent, self.board.histories))
        plane.view.listeners.append(self.screens.touched)
        plane.also(self.screens.run)
        self.installed = DashboardContext(
            board=self.board, screens=self.screens, watchers=plane.watchers, door=plane.access.door, is_open=is_open,
            secure=False,
        )  # fmt: skip

    async def __aenter__(self) -> "Dashboard":
        self.before = context._current
        context.install(self.installed)
        await self.world.plane.start()
        async with asyncio.timeout(WITHIN):
            await self.world.plane.following.ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.world.plane.stop()
        context.install(self.before)

    @contextlib.asynccontextmanager
    async def connected(self, **given: Any) -> AsyncIterator["Connection"]:
        """A live connection that was let in."""
        connection = Connection(**given)
        assert await connection.open(), "it was refused"
        try:
            yield connection
        finally:
            await connection.leave()


class Connection:
    """A browser's end of a live connection. `shown` is the ticket: None for none."""

    def __init__(self, *, origin: str | None = f"http://{HOST}", shown: str | None = "", host: str = HOST) -> None:
        headers = [(b"host", host.encode())]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if shown is not None:
            cookie = shown or signing.dumps(["", ""], salt=ticket.SALT)
            headers.append((b"cookie", f"{ticket.COOKIE}={cookie}".encode()))
        self._scope = {
            "type": "websocket", "path": "/ws/dashboard", "query_string": b"", "headers": headers, "subprotocols": [],
            "client": ("127.0.0.1", 40_000),
        }  # fmt: skip
        self._socket = ApplicationCommunicator(routing.websockets, self._scope)

    async def open(self) -> bool:
        """Whether it is let in."""
        await self._socket.send_input({"type": "websocket.connect"})
        answer = await self._socket.receive_output(timeout=WITHIN)
        return bool(answer["type"] == "websocket.accept")

    async def say(self, text: str) -> None:
        """Send whatever it is."""
        await self._socket.send_input({"type": "websocket.receive", "text": text})

    async def hear(self) -> str:
        """The next message."""
        return str((await self._socket.receive_output(timeout=WITHIN))["text"])

    async def leave(self) -> None:
        """Close it."""
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._socket.wait(timeout=WITHIN)

    def cut(self) -> None:
        """End it as a server that stops does."""
        self._socket.stop(exceptions=False)

    async def watch(self, page: str, epoch: str = "", version: int = 0) -> dict[str, Any]:
        """Say which page is looked at; what comes back."""
        await self.say(json.dumps({"page": page, "epoch": epoch, "version": version}))
        return await self.content()

    async def content(self) -> dict[str, Any]:
        """The next message that shows something."""
        async with asyncio.timeout(WITHIN):
            while True:
                message: dict[str, Any] = json.loads(await self.hear())
                if message["kind"] == "sheet":
                    return message

    async def closed_with(self) -> int:
        """The code with which it is closed."""
        message = await self._socket.receive_output(timeout=WITHIN)
        while message["type"] != "websocket.close":
            message = await self._socket.receive_output(timeout=WITHIN)
        return int(message["code"])
