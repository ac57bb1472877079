"""Lookups of the toy."""

from functools import partial
from urllib.parse import parse_qs

from catalog.query import Query, answer
from catalog.view import View
from discovery.answers.cache import Read, Rendered
from discovery.web import blocking
from discovery.web.blocking import Waiting
from discovery.web.paths import service_name
from discovery.web.request import Request
from registry.asgi import Scope, header
from tests.harness.discovery.toy import shapes


def lookup(query: Query, *, as_json: bool = False) -> Read:
    return Read((as_json, query), partial(_render, query, as_json))


def _render(query: Query, as_json: bool, view: View, now: float) -> Rendered:
    return shapes.rendered(answer(view, query, now), as_json=as_json)


def secret(scope: Scope) -> str | None:
    """A token is the parameter `key`, or else the header `toy-key`."""
    [key] = parse_qs(scope["query_string"].decode()).get("key", [""])
    return key or header(scope, b"toy-key")


async def where(request: Request) -> None:
    """`GET /toy/where/{service}?since=INDEX`: now, or when it is newer than that."""
    request.may_read()
    query = Query(region=request.plane.region, service=service_name(request.path["service"]))
    since = parse_qs(request.query_string.decode()).get("since")
    waiting = Waiting(int(since[0]), 30.0) if since else None
    as_json = header(request.scope, b"accept") == "application/json"
    await blocking.answer(request, lookup(query, as_json=as_json), waiting)


async def where_in_body(request: Request) -> None:
    """`POST /` with the header `toy-target`: the service stands in the body."""
    request.may_read()
    service = service_name((await request.body(most=100)).decode())
    await blocking.answer(request, lookup(Query(region=request.plane.region, service=service)))


async def broken(request: Request) -> None:
    """`GET /toy/broken`: a defect."""
    raise RuntimeError("not for clients")
