"""The views of peers and of the matrix."""

from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import NotFound
from catalog.records import names
from catalog.records.body import convert
from federation import status
from federation.api.shapes import (
    AcceptanceRequest,
    ApprovalRequest,
    FederationShape,
    InvitationRequest,
    InvitationShape,
    PeerShape,
)
from federation.models import Peer
from federation.peers import trust
from registry.api.resource import Listing, Resource
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS
from registry.breaker import holds


class Federation(Resource):
    """The matrix."""

    queryset = Peer.objects.all()

    @extend_schema(
        operation_id="get_federation",
        summary="Read the matrix",
        tags=["federation"],
        responses={200: FederationShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """What each region holds of each, with lag, freshness and equality of digests, as this region knows it."""
        return Response(FederationShape.of(async_to_sync(status.matrix)(now=self.now)))


class PeerResource(Resource):
    """What the views of peers share. Operators only: a peer sees everything."""

    queryset = Peer.objects.all()
    operators_only = True

    def shape(self, region: str) -> PeerShape:
        """One peer. Raises NotFound."""
        for peer in async_to_sync(status.matrix)(now=self.now).peers:
            if peer.region == region:
                return PeerShape.of(peer)
        raise NotFound(f"{region[:80]!r} is no peer of this region")


class Peers(Listing, PeerResource):
    """All peers."""

    @extend_schema(
        operation_id="list_peers",
        summary="List peers",
        tags=["federation"],
        responses={200: PeerShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Every region that is, was, or is invited to be a peer."""
        peers = async_to_sync(status.matrix)(now=self.now).peers
        return Response([PeerShape.of(peer) for peer in peers])

    @extend_schema(
        operation_id="invite_peer",
        summary="Invite a peer",
        tags=["federation"],
        request=InvitationRequest,
        responses={201: InvitationShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """The answer has a token. It works once, within a day, in that region alone, and cannot be shown again."""
        asked = convert(request.data, InvitationRequest)
        token = trust.invite(asked.region, actor=self.actor(), now=self.now, url=asked.url or None, writes=asked.writes)
        return Response(InvitationShape(asked.region.lower(), token), status=201)


class Acceptance(PeerResource):
    """Accepting another region's invitation."""

    @extend_schema(
        operation_id="accept_peer",
        summary="Accept an invitation",
        tags=["federation"],
        request=AcceptanceRequest,
        responses={201: PeerShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """Both regions follow each other from then on."""
        asked = convert(request.data, AcceptanceRequest)
        region = async_to_sync(trust.accept)(
            asked.token, actor=self.actor(), url=asked.url or None, writes=asked.writes
        )
        return Response(self.shape(region), status=201)


class OnePeer(PeerResource):
    """One peer."""

    @extend_schema(
        operation_id="get_peer",
        summary="Read a peer",
        tags=["federation"],
        responses={200: PeerShape, **PROBLEMS},
    )
    def get(self, request: Request, region: str) -> Response:
        """One peer and the state of its mirror."""
        return Response(self.shape(region))

    @extend_schema(
        operation_id="revoke_peer",
        summary="Revoke a peer",
        tags=["federation"],
        responses={200: PeerShape, **WRITE_PROBLEMS},
    )
    def delete(self, request: Request, region: str) -> Response:
        """It may not follow this region any more and is not followed; its mirror stays, marked as stale."""
        trust.revoke(region, actor=self.actor(), now=self.now)
        return Response(self.shape(region))


class Approval(PeerResource):
    """The approval of what the breaker holds of a peer. Who may correct may decide, as on every hold."""

    operators_only = False

    @extend_schema(
        operation_id="approve_peer",
        summary="Approve what is held of a peer",
        tags=["federation"],
        request=ApprovalRequest,
        responses={200: PeerShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request, region: str) -> Response:
        """The mirror takes over the state of its region."""
        reason = names.reason(convert(request.data, ApprovalRequest).reason)
        holds.approve_mirror(region, actor=self.actor(), cause=reason, now=self.now)
        return Response(self.shape(region))
