"""Routes of a dialect: which path and method lead to which handler."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from starlette.routing import Route, Router

from discovery.web.paths import require_clean
from discovery.web.problems import NoSuchPath, NotAllowed
from discovery.web.replies import Reply
from discovery.web.request import Request
from registry.asgi import Receive, Scope, Send

REQUEST = "meridian.request"  # where the router, which passes on ASGI's three arguments alone, finds the request

Handler = Callable[[Request], Awaitable[None]]
Routes = Mapping[str, Mapping[str, Handler]]  # by path, as Starlette writes it, and by method


class Resource:
    """One path: the handler of each method. HEAD and OPTIONS come by themselves."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allowed = (*self._handlers, "OPTIONS")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand over to the method's handler. Raises NotAllowed when there is none."""
        require_clean(scope)
        request: Request = scope[REQUEST]
        handler = self._handlers.get(scope["method"])
        if handler is not None:
            await handler(request)
        elif scope["method"] == "OPTIONS":
            await request.reply(Reply(204, [(b"allow", ", ".join(self._allowed).encode())]))
        else:
            raise NotAllowed(f"{scope['path'][:200]} takes {', '.join(self._allowed)}", allowed=self._allowed)


def router(routes: Routes, paths: Iterable[str]) -> Router:
    """The routes as an ASGI application. For any other path it raises NoSuchPath, with `paths` in its text."""
    listed = "; ".join(paths)

    async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
        require_clean(scope)
        raise NoSuchPath(f"nothing lives at {scope['path'][:200]!r}; there are {listed}")

    table = [Route(path, Resource(handlers)) for path, handlers in routes.items()]
    return Router(table, redirect_slashes=False, default=nothing_here)
