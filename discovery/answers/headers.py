"""The `Meridian-*` headers: whose answer it is, where in the log it last changed, and how fresh it is."""

from datetime import UTC, datetime

from catalog.query import Part
from catalog.view import Freshness, State
from discovery.answers.cache import Encoded
from registry.asgi import Headers


def meridian(encoded: Encoded) -> Headers:
    """The headers of an encoded answer. Dialects over HTTP send them beside their own."""
    headers = [
        (b"meridian-region", encoded.region.encode()),
        (b"meridian-index", b"%d" % encoded.index),
        (b"meridian-freshness", freshness_text(encoded.freshness).encode()),
    ]
    return [*headers, (b"meridian-regions", _listed(encoded.parts))] if encoded.parts else headers


def with_etag(encoded: Encoded) -> Headers:
    """The same, and the entity tag with which a client can ask whether what it has is still so."""
    return [*meridian(encoded), (b"etag", encoded.etag)]


def freshness_text(freshness: Freshness) -> str:
    """The `Meridian-Freshness` header: `live`, `unknown`, or `stale; since=2026-01-31T12:00:00Z`."""
    if freshness.state is not State.STALE or freshness.since is None:
        return freshness.state.value
    return f"stale; since={datetime.fromtimestamp(freshness.since, UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def _listed(parts: tuple[Part, ...]) -> bytes:
    """The `Meridian-Regions` header, a list as RFC 9651 has it: `us-east;index=7;freshness=live, eu-west;…`."""
    return ", ".join(_member(part) for part in parts if part.used).encode()


def _member(part: Part) -> str:
    state, _, since = freshness_text(part.freshness).partition("; since=")
    return f"{part.region};index={part.index};freshness={state}" + (f';since="{since}"' if since else "")
