"""`/health` and `/metrics`: for load balancers, orchestrators and Prometheus. They need no token and tell no names."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from starlette.routing import Route, Router

from catalog.errors import Unavailable
from discovery.plane import Plane
from discovery.web.operations import metrics
from discovery.web.operations.health import Condition, Health
from discovery.web.problems import NoSuchPath, NotAllowed
from registry.asgi import Receive, Scope, Send, reply, reply_json

METRICS_WITHIN = 1.0  # seconds to wait for what is measured elsewhere
METHODS = ("GET", "HEAD", "OPTIONS")
UNCACHED = [(b"cache-control", b"no-store")]

Answer = Callable[[Scope, Send], Awaitable[None]]


class Resource:
    """One path that is only read."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises NotAllowed for anything but reading."""
        scope["quiet"] = True  # those who ask, ask all the time, and 503 is an answer
        if scope["method"] == "OPTIONS":
            await reply(send, 204, headers=[(b"allow", ", ".join(METHODS).encode())])
        elif scope["method"] in METHODS:
            await self._answer(scope, send)
        else:
            raise NotAllowed(f"{scope['path']} takes {', '.join(METHODS)}", allowed=METHODS)


def application(plane: Plane, health: Health, *others: Callable[[], Awaitable[str]]) -> Router:
    """The paths as an ASGI application. `others` tell what is measured elsewhere, and may raise Unavailable."""

    async def whole(scope: Scope, send: Send) -> None:
        report = health.report()
        status = 503 if report.status is Condition.UNHEALTHY else 200
        await reply_json(send, status, report, headers=UNCACHED)

    async def live(scope: Scope, send: Send) -> None:
        await reply_json(send, 200, {"status": "healthy"}, headers=UNCACHED)

    async def ready(scope: Scope, send: Send) -> None:
        status, word = (200, "ready") if health.is_ready else (503, "loading the view")
        await reply_json(send, status, {"status": word}, headers=UNCACHED)

    async def measured(scope: Scope, send: Send) -> None:
        elsewhere = "".join(await asyncio.gather(*map(_told, others)))
        body = metrics.exposition(plane) + elsewhere.encode()
        await reply(send, 200, body, headers=UNCACHED, content_type=metrics.CONTENT_TYPE)

    table = {"/health": whole, "/health/live": live, "/health/ready": ready, "/metrics": measured}
    routes = [Route(path, Resource(answer)) for path, answer in table.items()]
    return Router(routes, redirect_slashes=False, default=_nothing_here)


async def _told(other: Callable[[], Awaitable[str]]) -> str:
    try:
        async with asyncio.timeout(METRICS_WITHIN):
            return await other()
    except (Unavailable, TimeoutError, msgspec.MsgspecError):
        return f"# what {other.__module__} tells cannot be read just now\n"


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise NoSuchPath("there are /health, /health/live, /health/ready and /metrics")
