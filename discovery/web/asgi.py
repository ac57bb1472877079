"""What the discovery plane adds to an exchange over ASGI: clean targets, problems, and encoded answers."""

from urllib.parse import unquote_to_bytes

import msgspec

from catalog.errors import Invalid
from discovery.answers.cache import Encoded
from discovery.web import problems
from registry.asgi import Scope, Send, header, reply


def require_clean(scope: Scope) -> None:
    """Raises Invalid when the path or the query are not what UTF-8 and percent-encoding make of text.

    Servers decode what they can and put marks in place of the rest; a name must not come to exist by such a mistake.
    """
    raw = scope.get("raw_path") or b""
    _require_escapes(raw, "path")
    _require_escapes(scope["query_string"], "query")


def _require_escapes(raw: bytes, field: str) -> None:
    if b"%" in raw:
        for part in raw.split(b"%")[1:]:
            if len(part) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in part[:2]):
                raise Invalid(f"a % must be followed by two hexadecimal digits, not {_shown(part[:2])}", field=field)
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Invalid("is not UTF-8", field=field) from None
    if "\0" in text:
        raise Invalid("holds a NUL character", field=field)


def _shown(part: bytes) -> str:
    return repr(part.decode("ascii", "backslashreplace"))


async def reply_problem(send: Send, error: Exception, *, body: bool = True) -> int:
    """Send what an error amounts to, without the body when the method was HEAD; returns the status."""
    problem = problems.problem(error)
    await reply(
        send,
        problem.status,
        msgspec.json.encode(problem) if body else b"",
        headers=problems.headers(error),
        content_type=problems.CONTENT_TYPE,
    )
    return problem.status


async def reply_encoded(scope: Scope, send: Send, encoded: Encoded) -> None:
    """Send an encoded answer, or the word that it is unchanged when the client says that it has it."""
    if encoded.status == 200 and matches(header(scope, b"if-none-match"), encoded.etag):
        await send(encoded.unchanged)
        await send({"type": "http.response.body", "body": b""})
        return
    await send(encoded.start)
    await send(encoded.whole if scope["method"] != "HEAD" else {"type": "http.response.body", "body": b""})


def matches(if_none_match: str | None, etag: bytes) -> bool:
    """Whether an `If-None-Match` header names the tag. Weak tags compare as strong ones, RFC 9110 §13.1.2."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.decode() in tags
