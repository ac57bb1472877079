"""Renewing a lease: by far the most frequent write, so its path is read by hand and nothing else is done for it."""

from catalog.records.instance import DEFAULT_NAMESPACE
from discovery.http import writes
from discovery.web import fast_writes
from discovery.web.fast_writes import FastWrite
from discovery.web.forwarding import written_elsewhere
from discovery.web.paths import service_name
from discovery.web.replies import Reply
from discovery.web.request import Request
from registry import actions

RENEWED = Reply(204, [])


async def renew(request: Request) -> None:
    """`PUT /services/{service}/{id}/renew`: 204 once the lease is kept, 404 when the instance must register again.

    An instance without a lease has nothing to lose, and gets 204.
    """
    plane = request.plane
    service, id = service_name(request.path["service"]), request.path["id"]
    actor = request.writer(service)
    region, namespace = writes.place(request.query_string)
    if await written_elsewhere(request, region=region, actor=actor, most=0):
        return
    instance = await plane.instance(namespace, service, id)
    if instance.lease is not None:
        await plane.renewals.renew(instance)
        if instance.lease_expired:
            revival = (namespace, service, id, instance.epoch)
            await actions.revive.aio([revival], actor=actor, cause="renewed over HTTP after its lease had expired")
    plane.renewed += 1
    await request.reply(RENEWED)


def renew_fast(write: FastWrite, body: bytes) -> bool:
    """The same without a task."""
    _, _, name, id, _ = write.scope["path"].split("/")
    service = service_name(name)
    write.may_write(service)
    return fast_writes.renew(write, write.plane.find(DEFAULT_NAMESPACE, service, id), RENEWED)
