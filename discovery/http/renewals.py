"""Renewing a lease: by far the most frequent write, so its path is read by hand and nothing else is done for it."""

from functools import partial

from catalog.records.instance import DEFAULT_NAMESPACE
from discovery.http import parameters, writes
from discovery.plane import Plane
from discovery.web.fast_writes import Answer, Reply
from registry import actions
from registry.asgi import Receive, Scope, Send

DONE = {"type": "http.response.start", "status": 204, "headers": []}
EMPTY = {"type": "http.response.body", "body": b""}


async def renew(plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
    """`PUT /services/{service}/{id}/renew`: 204 once the lease is kept, 404 when the instance must register again.

    An instance without a lease has nothing to lose, and is told 204.
    """
    _, _, name, id, _ = scope["path"].split("/")
    service = writes.folded(name)
    grant = plane.access.may_write(scope, service)
    namespace = DEFAULT_NAMESPACE
    if scope["query_string"]:
        given = parameters.parsed(scope["query_string"], parameters.WRITE)
        namespace, region = parameters.namespace(given), parameters.region(given)
        actor = writes.named(scope, grant)
        if await writes.left(plane, scope, receive, send, region=region, actor=actor, most=0):
            return
    instance = writes.find(plane, namespace, service, id) or await writes.known_instance(plane, namespace, service, id)
    if instance.lease is not None:
        await plane.renewals.renew(instance)
        if instance.lease_expired:
            actor = writes.named(scope, grant)
            revival = (namespace, service, id, instance.epoch)
            await actions.revive.aio([revival], actor=actor, cause="renewed over HTTP after its lease had expired")
    plane.renewed += 1
    await send(DONE)
    await send(EMPTY)


def renew_promptly(plane: Plane, scope: Scope, body: bytes, reply: Reply) -> bool:
    """The same for a connection that waits for nobody; see `discovery.prompt`.

    An instance that is not known here yet, or whose lease has expired, has to wait for the log.
    """
    _, _, name, id, _ = scope["path"].split("/")
    service = writes.folded(name)
    plane.access.may_write(scope, service)
    instance = writes.find(plane, DEFAULT_NAMESPACE, service, id)
    if instance is None or instance.lease_expired:
        return False
    reply.then = partial(_renewed, plane)
    if instance.lease is None:
        reply.set_result(None)
    else:
        plane.renewals.renew(instance).add_done_callback(reply.settle)
    return True


def _renewed(plane: Plane, _: None) -> Answer:
    plane.renewed += 1
    return Answer(204, [])
