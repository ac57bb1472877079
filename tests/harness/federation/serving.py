"""The federation's paths on a real HTTP server in this process, over this process's tables."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Self

from uvicorn import Config, Server

from catalog.errors import CatalogError
from config.local.ports import free_port
from discovery.web import problems
from discovery.web.replies import send_reply
from federation.client import Client
from federation.serve import routes
from federation.serve.logs import Logs
from registry.commit.tail import Tail
from registry.log.local import DatabaseLog

logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


class LogsElsewhere(Logs):
    """The logs as a process sees them that writes none of them."""

    async def of(self, region: str) -> DatabaseLog:
        """See `Logs.of`."""
        if region == self.region and region not in self._logs:
            self._logs[region] = DatabaseLog(region, recent=Tail())
        return await super().of(region)


class FederationServer:
    """A server on a free port, and clients of it."""

    def __init__(self, serving: routes.Serving, server: Server, url: str) -> None:
        self.serving, self._server = serving, server
        self.url = url
        self._task = asyncio.create_task(server.serve())
        self._clients: list[Client] = []

    @classmethod
    async def start(cls, **tls: Any) -> Self:
        """Start it and wait until it listens; with `ssl_certfile` and `ssl_keyfile` it speaks TLS."""
        serving, port = routes.Serving(), free_port()
        serving._logs = LogsElsewhere(clock=serving.clock)
        config = Config(
            application(routes.application(serving)), port=port, http="httptools", lifespan="off", log_config=None,
            access_log=False, timeout_graceful_shutdown=1, **tls,
        )  # fmt: skip
        server = Server(config)
        served = cls(serving, server, f"{'https' if tls else 'http'}://127.0.0.1:{port}")
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.005)
                else:
                    writer.close()
                    return served

    def client(self, secret: str = "", *, url: str | None = None) -> Client:
        """A client that shows this secret."""
        client = Client("us-east", url or self.url, secret)
        self._clients.append(client)
        return client

    async def stop(self) -> None:
        """End clients, streams and server."""
        for client in self._clients:
            await client.close()
        self._server.should_exit = True
        async with asyncio.timeout(10):
            await asyncio.gather(self._task, return_exceptions=True)
        await self.serving.logs.close()


def application(router: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """The paths with what a server process puts around them: errors as problems."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            await router(scope, receive, send)
        except CatalogError as error:
            await send_reply(send, problems.reply(error))

    return app
