"""The form of a dialect over HTTP: headers of its answers, its errors, and where a token stands in its requests.

What is given here by default is the house's own form: the native dialect's, and that of paths which are no dialect's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from discovery.answers.cache import Address, Encoded, Form
from discovery.answers.headers import with_etag
from discovery.web import problems
from discovery.web.replies import Reply
from registry.access import presented
from registry.asgi import Headers, Scope


def header_secret(scope: Scope) -> str | None:
    """The secret in `Authorization: Bearer` or `X-Consul-Token`. Raises Unauthenticated for any other authorization."""
    authorization = token = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
        elif name == b"x-consul-token":
            token = value
    if authorization is None and token is None:
        return None
    return presented(*(None if value is None else value.decode("latin-1") for value in (authorization, token)))


@dataclass(frozen=True, kw_only=True)
class HttpForm(Form):
    """`error` answers what a handler raises, a CatalogError or a defect; `secret` reads the token of a request and may
    raise Unauthenticated. `varies` names the headers of a request that the form of an answer depends on, as `accept`
    where a client chooses between JSON and XML."""

    headers: Callable[[Encoded], Headers] = with_etag
    error: Callable[[Exception], Reply] = problems.reply
    secret: Callable[[Scope], str | None] = header_secret
    varies: tuple[bytes, ...] = ()

    def address(self, scope: Scope) -> Address:
        """What of a request decides its answer, except the token."""
        if not self.varies:
            return scope["path"], scope["query_string"]
        given = dict(scope["headers"])
        return scope["path"], scope["query_string"], *map(given.get, self.varies)
