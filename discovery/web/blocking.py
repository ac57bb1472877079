"""Blocking queries for every dialect: answer at once what is new to the client, and let it wait for the rest."""

from collections.abc import Callable

import msgspec

from catalog.errors import CatalogError
from discovery.answers.cache import Encoded, Question
from discovery.answers.limits import Watchers
from discovery.answers.watches import Topics
from discovery.web.asgi import reply_encoded, reply_problem
from registry.asgi import Receive, Scope, Send

DEFAULT_WAIT, LONGEST_WAIT = 300.0, 600.0  # seconds, as Consul has them


class Waiting(msgspec.Struct, frozen=True):
    """What a client knows already, and how long it will wait for something else.

    Without an `index` it knows nothing, so only a name that is not registered is worth waiting for.
    """

    index: int | None
    seconds: float


def is_news(encoded: Encoded, waiting: Waiting, head: int) -> bool:
    """Whether a client gets this answer at once. `head` is the index of the view.

    An index beyond the head belongs to another log, before a restore say: whoever has it must start over. One between
    the answer's own and the last that touched it comes from another server, which saw the answer change and change
    back; this one did not look meanwhile, and cannot know that the client has what it has.
    """
    if waiting.index is None:
        return encoded.status != 404
    missed = encoded.index < waiting.index < encoded.touched
    return encoded.index > waiting.index or waiting.index > head or missed


async def answer(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    question: Question,
    encoded: Encoded,
    waiting: Waiting | None,
    head: int,
    topics: Topics,
    watchers: Watchers,
    client: str,
    admit: Callable[[], object],
) -> None:
    """Send the answer now, or when it changes, or when the wait is over. Raises TooMany.

    `admit` raises a CatalogError when the client may no longer read; after a wait it is asked before anything is sent.
    """
    if waiting is None or is_news(encoded, waiting, head):
        await reply_encoded(scope, send, encoded)
        return

    async def deliver(latest: Encoded) -> None:
        try:
            admit()
        except CatalogError as error:
            await reply_problem(send, error, body=scope["method"] != "HEAD")
            return
        await reply_encoded(scope, send, latest)

    watchers.enter(client)
    scope["parked"] = True
    try:
        is_slow = scope.get("is_slow", _is_not_slow)
        await topics.wait(question, deliver, receive, seconds=waiting.seconds, is_slow=is_slow)
    finally:
        watchers.leave(client)


def _is_not_slow() -> bool:
    return False
