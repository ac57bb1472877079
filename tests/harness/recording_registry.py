"""A real HTTP server that answers as the native API does and keeps what it was told."""

from __future__ import annotations

from collections import Counter
from typing import Any, Self

from aiohttp import web

Key = tuple[str, str]


class RecordingRegistry:
    """Registers, renews and forgets. `stop` and `start` it at will: it keeps its port and its memory."""

    def __init__(self) -> None:
        self.registered: dict[Key, dict[str, Any]] = {}
        self.registrations: list[tuple[Key, dict[str, Any]]] = []
        self.renewals: Counter[Key] = Counter()
        self.deregistrations: list[Key] = []
        self.credentials: set[str | None] = set()
        self.refuse_registrations = False
        self.unavailable = 0
        self.busy_answers = 0
        self._port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_put("/services/{name}/{id}", self._register)
        app.router.add_put("/services/{name}/{id}/renew", self._renew)
        app.router.add_delete("/services/{name}/{id}", self._deregister)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def forget(self, key: Key) -> None:
        del self.registered[key]

    def _key(self, request: web.Request) -> Key:
        self.credentials.add(request.headers.get("Authorization"))
        return request.match_info["name"], request.match_info["id"]

    def _busy(self) -> web.Response | None:
        if self.unavailable == 0:
            return None
        self.unavailable -= 1
        self.busy_answers += 1
        return web.Response(status=503)

    async def _register(self, request: web.Request) -> web.Response:
        key, body = self._key(request), await request.json()
        if busy := self._busy():
            return busy
        if self.refuse_registrations:
            return web.json_response({"title": "weight must be a number"}, status=400)
        known = key in self.registered
        self.registered[key] = body
        self.registrations.append((key, body))
        return web.json_response({}, status=200 if known else 201)

    async def _renew(self, request: web.Request) -> web.Response:
        key = self._key(request)
        if busy := self._busy():
            return busy
        if key not in self.registered:
            return web.json_response({"title": "register again"}, status=404)
        self.renewals[key] += 1
        return web.Response(status=204)

    async def _deregister(self, request: web.Request) -> web.Response:
        key = self._key(request)
        self.deregistrations.append(key)
        return web.Response(status=204 if self.registered.pop(key, None) is not None else 404)
