"""Blocking queries for every dialect: answer at once what is new to the client, and let it wait for the rest."""

import msgspec

from catalog.errors import CatalogError
from discovery.answers.cache import Encoded, Read
from discovery.web.consistency import ANY, Consistency, require
from discovery.web.replies import send_encoded
from discovery.web.request import Request

DEFAULT_WAIT, LONGEST_WAIT = 300.0, 600.0  # seconds, as Consul has them


class Waiting(msgspec.Struct, frozen=True):
    """What a client knows already, and how long it will wait for something else.

    Without an `index` it knows nothing, so only a name that is not registered is worth waiting for.
    """

    index: int | None
    seconds: float


def is_news(encoded: Encoded, waiting: Waiting, head: int) -> bool:
    """Whether a client gets this answer at once. `head` is the index of the view.

    An index beyond the head belongs to another log, before a restore say: its client must start over. One between
    the answer's own and the last that touched it comes from another server, which saw the answer change and change
    back; this one did not look meanwhile, and cannot know that the client has what it has.
    """
    if waiting.index is None:
        return encoded.status != 404
    missed = encoded.index < waiting.index < encoded.touched
    return encoded.index > waiting.index or waiting.index > head or missed


async def answer(request: Request, read: Read, waiting: Waiting | None = None, consistency: Consistency = ANY) -> None:
    """Answer a read now, or when its answer changes, or when the wait is over. Raises TooOld and TooMany.

    The client may read; after a wait that is asked again before anything is sent.
    """
    plane, form, scope = request.plane, request.form, request.scope
    encoded = plane.answers.ask(read, form)
    plane.answers.asked[form.name] += 1
    if waiting is None and consistency.is_any and scope["method"] == "GET" and not read.personal:
        plane.answers.remember(form.address(scope), read, form)
    require(plane, encoded, consistency)
    if waiting is None or is_news(encoded, waiting, plane.head_of(encoded)):
        await send_encoded(scope, request.send, encoded)
    else:
        await _park(request, read, waiting.seconds)


async def _park(request: Request, read: Read, seconds: float) -> None:
    plane, scope = request.plane, request.scope

    async def deliver(latest: Encoded) -> None:
        try:
            request.may_read()
        except CatalogError as error:
            await request.fail(error)
        else:
            await send_encoded(scope, request.send, latest)

    client = request.client
    plane.watchers.enter(client)
    scope["parked"] = True
    try:
        is_slow = scope.get("is_slow", _is_not_slow)
        await plane.topics.wait(read, request.form, deliver, request.receive, seconds=seconds, is_slow=is_slow)
    finally:
        plane.watchers.leave(client)


def _is_not_slow() -> bool:
    return False
