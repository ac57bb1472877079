"""Forwarding: requests for another region are passed on to it, and its answer is passed back.

A request that is passed on has been allowed here; the other region trusts this one's word for who asks. One that a peer
has passed on to us is answered here and goes no further.
"""

from collections.abc import Container, Iterable
from urllib.parse import parse_qsl, quote, urlencode

from catalog.errors import Invalid
from discovery.web.replies import Reply
from discovery.web.request import Request
from registry import forwarding
from registry.asgi import Scope
from registry.forwarding import FORWARDED, Call

CONSISTENT_WITHIN = 2.0  # seconds that a read waits for the region that it is about
WRITTEN_WITHIN = 5.0

# What the server that sends the answer says itself.
OWN = frozenset({b"content-length", b"transfer-encoding", b"connection", b"date", b"server", b"x-request-id"})


def is_elsewhere(scope: Scope, region: str, *, local: str) -> bool:
    """Whether another region has to be asked. Raises Invalid when a peer asks us for a third one."""
    if region in ("", local):
        return False
    if FORWARDED in scope:
        raise Invalid(f"this is {local}: ask {region} itself", field="region")
    return True


async def written_elsewhere(request: Request, *, region: str, actor: str, most: int, parameter: str = "region") -> bool:
    """Whether a write was for another region, which has answered it. The body has at most `most` bytes; `parameter` is
    what names a region in the query.

    Raises NotFound, Unavailable, TooLarge and Disconnected.
    """
    if not is_elsewhere(request.scope, region, local=request.plane.region):
        return False
    request.plane.require_regions((region,))
    await pass_on(request, region=region, actor=actor, body=await request.body(most=most), without=(parameter,))
    return True


async def pass_on(
    request: Request,
    *,
    region: str,
    actor: str,
    body: bytes = b"",
    within: float = WRITTEN_WITHIN,
    and_say: Iterable[tuple[str, str]] = (),
    without: Container[str] = ("region",),
) -> None:
    """Have the region answer this request, without some of its parameters and with others. Raises Unavailable."""
    scope = request.scope
    pairs = parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True)
    query = urlencode([*((name, value) for name, value in pairs if name not in without), *and_say])
    target = quote(scope["path"], safe="/:@~+-._") + (f"?{query}" if query else "")
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    call = Call(region=region, method=method, target=target, actor=actor, body=body)
    answer = await forwarding.send(call, within=within)
    headers = [(name, value) for name, value in answer.headers if name.lower() not in OWN]
    await request.reply(Reply(answer.status, headers, answer.body))
