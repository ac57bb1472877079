"""What is asked of another region itself: passed on, and its answer passed back.

What is passed on here has been allowed here; the other region trusts this one's word for who asks. What a peer has
passed on to us is ours to answer, and goes no further.
"""

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode

from catalog.errors import Invalid
from registry import forwarding
from registry.asgi import Scope, Send, reply
from registry.forwarding import FORWARDED, Call

CONSISTENT_WITHIN = 2.0  # seconds that a question waits for the region that it is about
WRITTEN_WITHIN = 5.0

KEPT = frozenset({
    b"content-type", b"meridian-region", b"meridian-index", b"meridian-freshness", b"meridian-regions", b"location",
    b"retry-after", b"etag",
})  # fmt: skip


def is_elsewhere(scope: Scope, region: str, *, local: str) -> bool:
    """Whether another region has to be asked. Raises Invalid when a peer asks us for a third one."""
    if region in ("", local):
        return False
    if FORWARDED in scope:
        raise Invalid(f"this is {local}: ask {region} itself", field="region")
    return True


async def pass_on(
    scope: Scope,
    send: Send,
    *,
    region: str,
    actor: str,
    body: bytes = b"",
    within: float = WRITTEN_WITHIN,
    and_say: Iterable[tuple[str, str]] = (),
    without: frozenset[str] = frozenset({"region"}),
) -> None:
    """Have the region answer this request, without some of its parameters and with others. Raises Unavailable."""
    pairs = parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True)
    query = urlencode([*((name, value) for name, value in pairs if name not in without), *and_say])
    target = quote(scope["path"], safe="/:@~+-._") + (f"?{query}" if query else "")
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    answer = await forwarding.send(
        Call(region=region, method=method, target=target, actor=actor, body=body), within=within
    )
    headers = [(name, value) for name, value in answer.headers if name.lower() in KEPT]
    said = b"" if scope["method"] == "HEAD" else answer.body
    await reply(send, answer.status, said, headers=headers)
