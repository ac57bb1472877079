"""Renewing a lease: by far the most frequent write, so its path is read by hand and nothing else is done for it."""

from discovery.exchange import Receive, Scope, Send
from discovery.http import parameters, writes
from discovery.plane import Plane
from registry import actions

DONE = {"type": "http.response.start", "status": 204, "headers": []}
EMPTY = {"type": "http.response.body", "body": b""}


async def renew(plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
    """`PUT /services/{service}/{id}/renew`: 204 once the lease is kept, 404 when the instance must register again.

    An instance without a lease has nothing to lose, and is told 204.
    """
    _, _, name, id, _ = scope["path"].split("/")
    service = writes.folded(name)
    grant = plane.access.may_write(scope, service)
    namespace = "default"
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
