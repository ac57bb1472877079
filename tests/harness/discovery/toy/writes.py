"""Registrations and renewals of the toy."""

from functools import partial

from catalog.errors import Invalid
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.registration import Registration, from_mapping
from discovery.plane import Plane
from discovery.web import fast_writes
from discovery.web.fast_writes import FastHandler, FastWrite
from discovery.web.paths import instance_id, service_name
from discovery.web.replies import Reply
from discovery.web.request import Request
from registry import actions
from registry.asgi import Scope
from tests.harness.discovery.toy.shapes import TEXT

ALIVE = Reply(200, [TEXT], b"alive")
CAUSE = "registered by the toy"


def _read(body: bytes) -> tuple[str, Registration]:
    try:
        id, host, port = body.decode().split()
    except ValueError:
        raise Invalid("a registration is: id host port") from None
    return instance_id(id), from_mapping({"host": host, "port": int(port)})


async def here(request: Request) -> None:
    """`POST /toy/here/{service}`: register what the body says."""
    service = service_name(request.path["service"])
    actor = request.writer(service)
    id, registration = _read(await request.body(most=1000))
    written = await actions.register.aio(
        registration, namespace=DEFAULT_NAMESPACE, service=service, id=id, actor=actor, cause=CAUSE
    )
    await request.reply(_registered(request.plane, written))


def here_fast(write: FastWrite, body: bytes) -> bool:
    """The same without a task."""
    service = service_name(write.scope["path"].split("/")[3])
    actor = write.writer(service)
    id, registration = _read(body)
    write.to_reply = partial(_registered, write.plane)
    actions.register.soon(
        write, registration, namespace=DEFAULT_NAMESPACE, service=service, id=id, actor=actor, cause=CAUSE
    )
    return True


def _registered(plane: Plane, written: actions.Registered) -> Reply:
    return Reply(200, [TEXT, (b"toy-index", b"%d" % written.index)], b"welcome", written.index)


def alive_fast(write: FastWrite, body: bytes) -> bool:
    """`PUT /toy/alive/{service}/{id}?status=UP`: renew."""
    _, _, _, service, id = write.scope["path"].split("/")
    write.may_write(service_name(service))
    return fast_writes.renew(write, write.plane.find(DEFAULT_NAMESPACE, service_name(service), id), ALIVE)


def fast_post(scope: Scope) -> FastHandler | None:
    return here_fast if scope["path"].startswith("/toy/here/") else None


def fast_put(scope: Scope) -> FastHandler | None:
    return alive_fast if scope["path"].startswith("/toy/alive/") and scope["query_string"] == b"status=UP" else None
