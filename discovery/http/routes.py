"""Which path and method lead where."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.routing import Route, Router

from discovery import blocking
from discovery.access import Shown, shown_in
from discovery.answers import Encoded, Question
from discovery.exchange import Receive, Scope, Send, client_address, reply, require_clean
from discovery.http import parameters, reads, renewal, watch, writes
from discovery.plane import Plane
from discovery.problems import NoSuchPath, NotAllowed

Handler = Callable[[Plane, Scope, Receive, Send], Awaitable[None]]

PATHS = (
    "GET /services", "GET /services/{name}", "GET /services/{name}/watch", "GET /services/{name}/explain",
    "PUT, DELETE /services/{name}/{id}", "PUT /services/{name}/{id}/renew",
    "PUT /services/{name}/{id}/checks/{check}", "POST /services/bulk",
)  # fmt: skip


class Resource:
    """One path: the handler of each method. HEAD and OPTIONS come by themselves."""

    def __init__(self, plane: Plane, handlers: Mapping[str, Handler]) -> None:
        self._plane = plane
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._allowed = (*self._handlers, "OPTIONS")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand over to the method's handler. Raises NotAllowed when there is none."""
        require_clean(scope)
        handler = self._handlers.get(scope["method"])
        if handler is not None:
            await handler(self._plane, scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await reply(send, 204, headers=[(b"allow", ", ".join(self._allowed).encode())])
        else:
            raise NotAllowed(f"{scope['path'][:200]} takes {', '.join(self._allowed)}", allowed=self._allowed)


class Reads:
    """The handlers of everything that is read."""

    def __init__(self) -> None:
        self._listing = reads.Listing()

    async def services(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services`"""
        plane.access.reader(shown_in(scope["headers"]))
        given = parameters.parsed(scope["query_string"], parameters.LISTING)
        region = parameters.once(given, "region").lower() or plane.region
        reads.require_region(plane.view, region, local=plane.region)
        question = self._listing.question(region, parameters.namespace(given))
        await _answer(plane, scope, receive, send, question, parameters.waiting(given))

    async def lookup(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services/{service}`"""
        asked = _asked(plane, scope)
        await _answer(plane, scope, receive, send, reads.lookup(asked.query), asked.waiting)

    async def explain(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services/{service}/explain`"""
        asked = _asked(plane, scope)
        await _answer(plane, scope, receive, send, reads.explanation(asked.query), asked.waiting)

    async def instance(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services/{service}/{id}`"""
        plane.access.reader(shown_in(scope["headers"]))
        given = parameters.parsed(scope["query_string"], parameters.INSTANCE)
        region = parameters.once(given, "region").lower() or plane.region
        reads.require_region(plane.view, region, local=plane.region)
        path = scope["path_params"]
        place = (region, parameters.namespace(given), writes.folded(path["service"]))
        question = reads.instance(*place, writes.checked_id(path["id"]))
        await _answer(plane, scope, receive, send, question, parameters.waiting(given))

    async def watch(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services/{service}/watch`"""
        asked = _asked(plane, scope)
        client = _client(plane, scope)
        plane.watchers.enter(client)
        scope["parked"] = True
        try:
            seen = watch.last_seen(scope, asked.waiting)
            await watch.stream(plane, scope, receive, send, reads.lookup(asked.query), seen)
        finally:
            plane.watchers.leave(client)


def _asked(plane: Plane, scope: Scope) -> parameters.Asked:
    plane.access.reader(shown_in(scope["headers"]))
    asked = parameters.lookup(
        scope["query_string"],
        region=plane.region,
        service=scope["path_params"]["service"],
        client=client_address(scope),
    )
    reads.require_region(plane.view, asked.query.region, local=plane.region)
    return asked


async def _answer(
    plane: Plane, scope: Scope, receive: Receive, send: Send, question: Question, waiting: blocking.Waiting | None
) -> None:
    encoded: Encoded = plane.answers.ask(question)
    plane.answers.asked[DIALECT] += 1
    if waiting is None and scope["method"] == "GET" and not reads.is_personal(question):
        plane.answers.remember((scope["path"], scope["query_string"]), question)
    await blocking.answer(
        scope,
        receive,
        send,
        question=question,
        encoded=encoded,
        waiting=waiting,
        head=plane.head,
        topics=plane.topics,
        watchers=plane.watchers,
        client=_client(plane, scope),
        admit=partial(plane.access.reader, shown_in(scope["headers"])),
    )


def _client(plane: Plane, scope: Scope) -> str:
    """Whose watchers are counted together: those of one token, or without tokens those of one address."""
    shown: Shown = shown_in(scope["headers"])
    grant = plane.access.grant(shown)
    return client_address(scope) if shown == (None, None) else str(grant)


def _about(service: str, handler: Handler) -> Handler:
    """The handler for a service whose name stands in the path as a word of its own."""

    async def named(plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path_params"] = {"service": service}
        await handler(plane, scope, receive, send)

    return named


DIALECT = "http"


def application(plane: Plane) -> Router:
    """The dialect as an ASGI application. Its handlers raise what is wrong; the server makes problems of it."""
    read = Reads()
    table: dict[str, dict[str, Handler]] = {
        "/services": {"GET": read.services},
        "/services/bulk": {"GET": _about("bulk", read.lookup), "POST": writes.register_many},
        "/services/{service}": {"GET": read.lookup},
        "/services/{service}/watch": {"GET": read.watch, "PUT": writes.register, "DELETE": writes.deregister},
        "/services/{service}/explain": {"GET": read.explain, "PUT": writes.register, "DELETE": writes.deregister},
        "/services/{service}/{id}": {"GET": read.instance, "PUT": writes.register, "DELETE": writes.deregister},
        "/services/{service}/{id}/renew": {"PUT": renewal.renew},
        "/services/{service}/{id}/checks/{check}": {"PUT": writes.report},
    }
    routes = [Route(path, Resource(plane, handlers)) for path, handlers in table.items()]
    return Router(routes, redirect_slashes=False, default=nothing_here)  # type: ignore[arg-type]


def shortcut(scope: Scope) -> Handler | None:
    """The handler of a renewal or a plain registration, found without going through the routes.

    Only for paths that mean what they say: nothing in them is escaped.
    """
    if scope["method"] != "PUT" or b"%" in (scope.get("raw_path") or b"%"):
        return None
    match scope["path"].split("/"):
        case ["", "services", service, id] if service and id:
            scope["path_params"] = {"service": service, "id": id}
            return writes.register
        case ["", "services", service, id, "renew"] if service and id:
            return renewal.renew
    return None


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """Raises NoSuchPath, with a list of what there is."""
    require_clean(scope)
    raise NoSuchPath(f"nothing lives at {scope['path'][:200]!r}; there are {'; '.join(PATHS)}")
