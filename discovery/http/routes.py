"""Which path and method lead where, and the handlers of everything that is read."""

from catalog.errors import Invalid
from catalog.query_types import ALL, NEAREST
from discovery.http import parameters, reads, renewals, watch, writes
from discovery.http.parameters import Lookup
from discovery.web import consistency
from discovery.web.blocking import answer
from discovery.web.fast_writes import FastHandler
from discovery.web.paths import instance_id
from discovery.web.request import Request
from discovery.web.routing import Handler, Routes
from registry.asgi import Scope, client_address

PATHS = (
    "GET /services", "GET /services/{name}", "GET /services/{name}/watch", "GET /services/{name}/explain",
    "PUT, DELETE /services/{name}/{id}", "PUT /services/{name}/{id}/renew",
    "PUT /services/{name}/{id}/checks/{check}", "POST /services/bulk",
)  # fmt: skip


def routes() -> Routes:
    """The table for one server."""
    listing = reads.Listing()

    async def services(request: Request) -> None:
        """`GET /services`"""
        request.may_read()
        given = parameters.parsed(request.query_string, parameters.LISTING)
        regions = parameters.regions(given)
        if regions == (NEAREST,):
            raise Invalid("there is no nearest for a list of everything: name regions, or `*`", field="region")
        request.plane.require_regions(regions)
        read = listing.read(request.plane.region, regions, parameters.namespace(given))
        await answer(request, read, parameters.waiting(given))

    return {
        "/services": {"GET": services},
        "/services/bulk": {"GET": _about("bulk", lookup), "POST": writes.register_many},
        "/services/{service}": {"GET": lookup},
        "/services/{service}/watch": {"GET": watched, "PUT": writes.register, "DELETE": writes.deregister},
        "/services/{service}/explain": {"GET": explain, "PUT": writes.register, "DELETE": writes.deregister},
        "/services/{service}/{id}": {"GET": instance, "PUT": writes.register, "DELETE": writes.deregister},
        "/services/{service}/{id}/renew": {"PUT": renewals.renew},
        "/services/{service}/{id}/checks/{check}": {"PUT": writes.report},
    }


async def lookup(request: Request) -> None:
    """`GET /services/{service}`"""
    asked = _asked(request)
    if not await _answered_elsewhere(request, asked):
        query = reads.plainest(request.plane.view, asked.query) if asked.waiting is None else asked.query
        await answer(request, reads.lookup(query), asked.waiting, asked.consistency)


async def explain(request: Request) -> None:
    """`GET /services/{service}/explain`"""
    asked = _asked(request)
    if not await _answered_elsewhere(request, asked):
        await answer(request, reads.explanation(asked.query), asked.waiting, asked.consistency)


async def instance(request: Request) -> None:
    """`GET /services/{service}/{id}`"""
    asked = _asked(request, parameters.INSTANCE)
    home, query = request.plane.region, asked.query
    wanted = query.regions or (home,)
    if len(wanted) > 1 or wanted in ((ALL,), (NEAREST,)):
        raise Invalid("one instance is in one region: name it", field="region")
    if await _answered_elsewhere(request, asked):
        return
    read = reads.instance(home, wanted[0], query.namespace, query.service, instance_id(request.path["id"]))
    await answer(request, read, asked.waiting, asked.consistency)


async def watched(request: Request) -> None:
    """`GET /services/{service}/watch`"""
    asked = _asked(request, parameters.WATCH)
    plane, read = request.plane, reads.lookup(asked.query)
    consistency.require(plane, plane.answers.ask(read, request.form), asked.consistency)
    client = request.client
    plane.watchers.enter(client)
    request.scope["parked"] = True
    try:
        await watch.stream(request, read, asked.waiting)
    finally:
        plane.watchers.leave(client)


def _asked(request: Request, known: tuple[str, ...] = parameters.LOOKUP) -> Lookup:
    request.may_read()
    asked = parameters.lookup(
        request.query_string,
        region=request.plane.region,
        service=request.path["service"],
        client=client_address(request.scope),
        known=known,
    )
    request.plane.require_regions(asked.query.regions)
    return asked


async def _answered_elsewhere(request: Request, asked: Lookup) -> bool:
    """Whether a consistent lookup was answered by another region."""
    return asked.consistency.consistent and await consistency.answered_elsewhere(request, asked.query.regions)


def _about(service: str, handler: Handler) -> Handler:
    """The handler for a service whose name stands in the path as a word of its own."""

    async def named(request: Request) -> None:
        request.path = {"service": service}
        await handler(request)

    return named


def fast_put(scope: Scope) -> FastHandler | None:
    """Who answers a registration or a renewal without a task."""
    if scope["query_string"]:
        return None
    match scope["path"].split("/"):
        case ["", "services", service, id] if service and id:
            return writes.register_fast
        case ["", "services", service, id, "renew"] if service and id:
            return renewals.renew_fast
    return None
