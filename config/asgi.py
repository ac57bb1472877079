"""The one ASGI application of a server process: the discovery plane for lookups, Django for what people touch."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

django = get_asgi_application()


async def discovery(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands in until the discovery plane is wired."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"status":"healthy","checks":{}}'})


# The first segment of a path decides; everything else is Django's.
PLANES: dict[str, Application] = {"services": discovery, "health": discovery, "metrics": discovery}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Hand a request to its plane. Starting and stopping belong to the discovery plane, which follows the log."""
    if scope["type"] == "lifespan":
        return await discovery(scope, receive, send)
    plane = PLANES.get(scope["path"].split("/", 2)[1], django)
    return await plane(scope, receive, send)
