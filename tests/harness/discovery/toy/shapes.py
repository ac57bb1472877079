"""Answers of the toy: a line for each instance, or a list in JSON; errors in plain text."""

import json

from catalog.errors import Unauthenticated
from catalog.query import Answer
from discovery.answers.cache import Encoded, Rendered
from discovery.web.problems import problem
from discovery.web.replies import Reply
from registry.asgi import Headers

TEXT = (b"content-type", b"text/plain")


def rendered(found: Answer, *, as_json: bool) -> Rendered:
    """A service that is not registered is empty, as with Consul."""
    instances = [(decision.instance.id, f"{decision.instance.host}:{decision.port}") for decision in found.decisions]
    body = json.dumps(dict(instances)) if as_json else "".join(f"{id} {address}\n" for id, address in instances)
    return Rendered(
        body=body.encode(),
        content_type=b"application/json" if as_json else b"text/plain",
        region=found.query.region,
        index=found.index,
        freshness=found.freshness,
        depends=found.depends,
        valid_until=found.valid_until,
    )


def headers(encoded: Encoded) -> Headers:
    return [(b"toy-index", b"%d" % encoded.index)]


def error(raised: Exception) -> Reply:
    found = problem(raised)
    status = 403 if isinstance(raised, Unauthenticated) else found.status
    return Reply(status, [TEXT], f"no: {found.detail}".encode())
