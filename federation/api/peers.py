"""Peers and the matrix: what is asked of `federation.trust`, `federation.holding` and `federation.status`."""

import json
from typing import Any

import msgspec
from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import Invalid, NotFound
from federation import status
from federation.api.serializers import (
    AcceptanceRequestSerializer,
    ApprovalRequestSerializer,
    FederationSerializer,
    InvitationRequestSerializer,
    InvitationSerializer,
    PeerSerializer,
)
from federation.follow import holding
from federation.models import Peer
from federation.peers import trust
from federation.status import PeerStatus
from registry.api.bodies import refuse_rest, required_text
from registry.api.resource import Resource
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS
from registry.timestamps import iso

MOMENTS = ("since", "verified_at", "diverged_at", "held_until")


class Federation(Resource):
    """The matrix."""

    queryset = Peer.objects.all()
    serializer_class = FederationSerializer
    pagination_class = None

    @extend_schema(
        operation_id="get_federation",
        summary="Read the matrix",
        tags=["federation"],
        responses={200: FederationSerializer, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """What each region holds of each, with lag, freshness and proof, as this region knows it."""
        found = async_to_sync(status.matrix)(now=self.now)
        shape = msgspec.to_builtins(found)
        shape["peers"] = [_shape(peer) for peer in found.peers]
        for cell in shape["cells"]:
            cell["since"] = iso(cell["since"])
        return Response(FederationSerializer(shape).data)


class PeerResource(Resource):
    """What the views of peers share. Operators only: a peer sees everything."""

    queryset = Peer.objects.all()
    serializer_class = PeerSerializer
    pagination_class = None
    operators_only = True

    def shape(self, region: str) -> Any:
        """One peer. Raises NotFound."""
        for peer in async_to_sync(status.matrix)(now=self.now).peers:
            if peer.region == region:
                return PeerSerializer(_shape(peer)).data
        raise NotFound(f"{region[:80]!r} is no peer of this region")


class Peers(PeerResource):
    """All peers."""

    @extend_schema(
        operation_id="list_peers",
        summary="List peers",
        tags=["federation"],
        responses={200: PeerSerializer(many=True), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Every region that is trusted, was trusted, or is invited."""
        peers = async_to_sync(status.matrix)(now=self.now).peers
        return Response(PeerSerializer([_shape(peer) for peer in peers], many=True).data)

    @extend_schema(
        operation_id="invite_peer",
        summary="Invite a peer",
        tags=["federation"],
        request=InvitationRequestSerializer,
        responses={201: InvitationSerializer, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """The answer holds a token. It works once, within a day, in that region alone, and cannot be shown again."""
        given = dict(request.data)
        region, url, writes = required_text(given, "region"), _url(given), _writes(given)
        refuse_rest(given)
        token = trust.invite(region, actor=self.actor(), now=self.now, url=url, writes=writes)
        return Response(InvitationSerializer({"region": region.lower(), "token": token}).data, status=201)


class Acceptance(PeerResource):
    """Accepting another region's invitation."""

    @extend_schema(
        operation_id="accept_peer",
        summary="Accept an invitation",
        tags=["federation"],
        request=AcceptanceRequestSerializer,
        responses={201: PeerSerializer, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """Both regions follow each other from then on."""
        given = dict(request.data)
        token, url, writes = required_text(given, "token"), _url(given), _writes(given)
        refuse_rest(given)
        region = async_to_sync(trust.accept)(token, actor=self.actor(), url=url, writes=writes)
        return Response(self.shape(region), status=201)


class OnePeer(PeerResource):
    """One peer."""

    @extend_schema(
        operation_id="get_peer",
        summary="Read a peer",
        tags=["federation"],
        responses={200: PeerSerializer, **PROBLEMS},
    )
    def get(self, request: Request, region: str) -> Response:
        """One peer, and what is known of its mirror."""
        return Response(self.shape(region))

    @extend_schema(
        operation_id="revoke_peer",
        summary="Revoke a peer",
        tags=["federation"],
        responses={200: PeerSerializer, **WRITE_PROBLEMS},
    )
    def delete(self, request: Request, region: str) -> Response:
        """It gets nothing more and is not followed any more; its mirror stays, marked as stale."""
        trust.revoke(region, actor=self.actor(), now=self.now)
        return Response(self.shape(region))


class Approval(PeerResource):
    """Letting happen what the breaker holds of a peer: for whoever decides about what is held, as everywhere."""

    operators_only = False

    @extend_schema(
        operation_id="approve_peer",
        summary="Approve what is held of a peer",
        tags=["federation"],
        request=ApprovalRequestSerializer,
        responses={200: PeerSerializer, **WRITE_PROBLEMS},
    )
    def post(self, request: Request, region: str) -> Response:
        """The mirror becomes what its region says."""
        given = dict(request.data)
        reason = required_text(given, "reason")
        refuse_rest(given)
        holding.approve(region, actor=self.actor(), reason=reason)
        return Response(self.shape(region))


def _shape(peer: PeerStatus) -> dict[str, Any]:
    shape: dict[str, Any] = msgspec.to_builtins(peer)
    shape["last_diverged"] = json.loads(peer.last_diverged) if peer.last_diverged else []
    return shape | {name: iso(shape[name]) for name in MOMENTS}


def _url(given: dict[str, Any]) -> str | None:
    return required_text(given, "url") if "url" in given else None


def _writes(given: dict[str, Any]) -> bool:
    writes = given.pop("writes", True)
    if not isinstance(writes, bool):
        raise Invalid("must be true or false", field="writes")
    return writes
