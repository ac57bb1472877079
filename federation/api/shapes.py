"""The federation as the API answers it, and the bodies of requests about peers."""

import json
from typing import Annotated, Self

from msgspec import Meta, Struct

from federation.status import Matrix, PeerStatus
from registry.api.shapes.fields import Moment, Text, copied
from registry.timestamps import iso

MOMENTS = ("since", "verified_at", "diverged_at", "held_until")


class CellShape(Struct, frozen=True, kw_only=True):
    """What one region holds of another."""

    by: Annotated[str, Meta(description="the region that holds")]
    of: Annotated[str, Meta(description="the region that is held")]
    index: Annotated[int, Meta(description="the index held")]
    known: Annotated[int, Meta(description="the furthest index that is known")]
    entries: Annotated[int, Meta(description="how many entries it is behind")]
    seconds: Annotated[float, Meta(description="for how many seconds it may have been behind; 0 while live")]
    freshness: Annotated[str, Meta(description="`live`, `stale` or `unknown`")]
    since: Annotated[Moment | None, Meta(description="since when it is stale")]
    equal: Annotated[bool | None, Meta(description="whether the digests are equal; null before any comparison")]
    diverged: Annotated[tuple[str, ...], Meta(description="the services that differ")]
    through: Annotated[tuple[str, ...], Meta(description="the regions that relay it")]
    instances: int
    log_id: str
    digest: str
    reason: Annotated[str, Meta(description="why it is not followed just now")]
    held: Annotated[str, Meta(description="what the breaker holds")]


class PeerShape(Struct, frozen=True, kw_only=True):
    """A region that this one trusts, has trusted, or has invited."""

    region: str
    url: str
    state: Annotated[str, Meta(description="`invited`, `active` or `revoked`")]
    since: Moment
    by: Annotated[str, Meta(description="who brought that about")]
    writes: Annotated[bool, Meta(description="whether it may forward writes to here")]
    delay: Annotated[float | None, Meta(description="seconds that a request takes one way")]
    verified_at: Annotated[Moment | None, Meta(description="when the mirror's digest was last verified")]
    resets: int
    relays: int
    divergences: int
    diverged_at: Moment | None
    last_diverged: list[str]
    held: str
    held_until: Moment | None
    follower: Annotated[str, Meta(description="the worker that follows it")]

    @classmethod
    def of(cls, peer: PeerStatus) -> Self:
        """A peer, its times as text."""
        moments = {name: iso(getattr(peer, name)) for name in MOMENTS}
        return copied(cls, peer, last_diverged=json.loads(peer.last_diverged or "[]"), **moments)


class FederationShape(Struct, frozen=True, kw_only=True):
    """The whole federation as this region knows it."""

    region: str
    regions: tuple[str, ...]
    cells: list[CellShape]
    peers: list[PeerShape]
    unheard: Annotated[tuple[str, ...], Meta(description="peers that have not reported what they hold")]
    places: Annotated[
        dict[str, Annotated[tuple[float, ...], Meta(min_length=2, max_length=2)]],
        Meta(description="latitude and longitude of each region that reports, or last reported, where it is"),
    ]

    @classmethod
    def of(cls, matrix: Matrix) -> Self:
        """The matrix, its times as text."""
        cells = [copied(CellShape, cell, since=iso(cell.since)) for cell in matrix.cells]
        return copied(cls, matrix, cells=cells, peers=[PeerShape.of(peer) for peer in matrix.peers])


class InvitationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which region to invite."""

    region: Text
    url: Annotated[Text, Meta(description="where that region reaches this one")] = ""
    writes: Annotated[bool, Meta(description="whether it may forward writes to here")] = True


class InvitationShape(Struct, frozen=True):
    """The token, to be accepted in that region within a day."""

    region: str
    token: str


class AcceptanceRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token of another region's invitation."""

    token: Text
    url: Annotated[Text, Meta(description="where that region reaches this one")] = ""
    writes: Annotated[bool, Meta(description="whether it may forward writes to here")] = True


class ApprovalRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the removal may happen."""

    reason: Text
