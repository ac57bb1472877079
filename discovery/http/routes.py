"""Which path and method lead where."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

from starlette.routing import Route, Router

from catalog.errors import Invalid
from catalog.query_types import ALL, NEAREST
from discovery.access import NOTHING, Shown, shown_in, vouched
from discovery.answers.cache import Encoded, Question
from discovery.http import consistency, parameters, reads, renewals, watch, writes
from discovery.plane import Plane
from discovery.web import blocking
from discovery.web.asgi import require_clean
from discovery.web.fast_writes import Handler as Prompt
from discovery.web.problems import NoSuchPath, NotAllowed
from registry.asgi import Receive, Scope, Send, client_address, reply

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
        plane.access.may_read(scope)
        given = parameters.parsed(scope["query_string"], parameters.LISTING)
        regions = parameters.regions(given)
        if regions == (NEAREST,):
            raise Invalid("there is no nearest for a list of everything: name regions, or `*`", field="region")
        reads.require_regions(plane.view, regions, local=plane.region)
        question = self._listing.question(plane.region, regions, parameters.namespace(given))
        await _answer(plane, scope, receive, send, question, parameters.waiting(given))

    async def lookup(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services/{service}`"""
        asked = _asked(plane, scope)
        if not await _left(plane, scope, send, asked):
            query = reads.plainest(plane.view, asked.query) if asked.waiting is None else asked.query
            await _answer(plane, scope, receive, send, reads.lookup(query), asked.waiting, asked)

    async def explain(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services/{service}/explain`"""
        asked = _asked(plane, scope)
        if not await _left(plane, scope, send, asked):
            await _answer(plane, scope, receive, send, reads.explanation(asked.query), asked.waiting, asked)

    async def instance(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services/{service}/{id}`"""
        path = scope["path_params"]
        asked = _asked(plane, scope, known=parameters.INSTANCE)
        wanted = asked.query.regions or (plane.region,)
        if len(wanted) > 1 or wanted in ((ALL,), (NEAREST,)):
            raise Invalid("one instance is in one region: name it", field="region")
        if await _left(plane, scope, send, asked):
            return
        place = (plane.region, wanted[0], asked.query.namespace, asked.query.service)
        question = reads.instance(*place, writes.checked_id(path["id"]))
        await _answer(plane, scope, receive, send, question, asked.waiting, asked)

    async def watch(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /services/{service}/watch`"""
        asked = _asked(plane, scope, known=parameters.WATCH)
        question = reads.lookup(asked.query)
        consistency.require(plane, plane.answers.ask(question), asked.max_lag)
        client = _client(plane, scope)
        plane.watchers.enter(client)
        scope["parked"] = True
        try:
            await watch.stream(plane, scope, receive, send, question, watch.last_seen(scope, asked.waiting))
        finally:
            plane.watchers.leave(client)


def _asked(plane: Plane, scope: Scope, *, known: Iterable[str] = parameters.LOOKUP) -> parameters.Asked:
    plane.access.may_read(scope)
    asked = parameters.lookup(
        scope["query_string"],
        region=plane.region,
        service=scope["path_params"]["service"],
        client=client_address(scope),
        known=known,
    )
    reads.require_regions(plane.view, asked.query.regions, local=plane.region)
    return asked


async def _left(plane: Plane, scope: Scope, send: Send, asked: parameters.Asked) -> bool:
    """Whether a consistent question was answered by another region."""
    return asked.consistent and await consistency.answered_elsewhere(plane, scope, send, asked.query.regions)


async def _answer(
    plane: Plane,
    scope: Scope,
    receive: Receive,
    send: Send,
    question: Question,
    waiting: blocking.Waiting | None,
    asked: parameters.Asked | None = None,
) -> None:
    encoded: Encoded = plane.answers.ask(question)
    plane.answers.asked[DIALECT] += 1
    plain = asked is None or asked.is_plain
    if waiting is None and plain and scope["method"] == "GET" and not reads.is_personal(question):
        plane.answers.remember((scope["path"], scope["query_string"]), question)
    consistency.require(plane, encoded, asked.max_lag if asked else None)
    await blocking.answer(
        scope,
        receive,
        send,
        question=question,
        encoded=encoded,
        waiting=waiting,
        head=plane.head_of(encoded),
        topics=plane.topics,
        watchers=plane.watchers,
        client=_client(plane, scope),
        admit=partial(plane.access.may_read, scope),
    )


def _client(plane: Plane, scope: Scope) -> str:
    """Whose watchers are counted together: those of one token, or without tokens those of one address."""
    shown: Shown = shown_in(scope["headers"])
    grant = vouched(scope) or plane.access.grant(shown)
    return client_address(scope) if shown == NOTHING else str(grant)


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
        "/services/{service}/{id}/renew": {"PUT": renewals.renew},
        "/services/{service}/{id}/checks/{check}": {"PUT": writes.report},
    }
    routes = [Route(path, Resource(plane, handlers)) for path, handlers in table.items()]
    return Router(routes, redirect_slashes=False, default=nothing_here)


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
            return renewals.renew
    return None


def prompt(scope: Scope) -> Prompt | None:
    """The same for a connection that waits for nobody: for what asks nothing in its query."""
    if scope["query_string"]:
        return None
    return PROMPT.get(shortcut(scope))


PROMPT: Mapping[Handler | None, Prompt] = {
    writes.register: writes.register_promptly,
    renewals.renew: renewals.renew_promptly,
}


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """Raises NoSuchPath, with a list of what there is."""
    require_clean(scope)
    raise NoSuchPath(f"nothing lives at {scope['path'][:200]!r}; there are {'; '.join(PATHS)}")
