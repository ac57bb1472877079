"""Holds of the breaker: listed with their formula, approved or rejected with a reason."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import Invalid, NotFound
from catalog.records import names
from catalog.records.body import convert
from registry.api.paging import NumberedPages
from registry.api.resource import Listing, Resource
from registry.api.schema import examples
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS
from registry.api.shapes.hold import Decision, HeldShape
from registry.breaker import holds
from registry.models import HeldRow
from registry.tables.held import State

STATE = OpenApiParameter(
    "state", enum=[state.value for state in State], description="`open` ones wait; all if not given"
)


class HoldResource(Resource):
    """What the views of holds share."""

    queryset = HeldRow.objects.all()

    def find(self, id: str) -> HeldRow:
        """The hold of this id; raises NotFound."""
        row: HeldRow | None = self.get_queryset().filter(region=self.region, pk=id).first()
        if row is None:
            raise NotFound(f"nothing is held under {id[:80]!r}")
        return row


class Holds(Listing, HoldResource):
    """All holds."""

    pagination_class = NumberedPages
    parameters = frozenset({"state"})

    @extend_schema(
        operation_id="list_held",
        summary="List what is held",
        tags=["held"],
        parameters=[STATE],
        responses={200: HeldShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Losses too large to be believed at once. What is held is served until it is decided or expires."""
        rows = self.get_queryset().filter(region=self.region).order_by("-at", "id")
        state = request.query_params.get("state")
        if state is not None:
            if state not in State.values:
                raise Invalid(f"{state[:40]!r} is not one of {', '.join(State.values)}", field="state")
            rows = rows.filter(state=state)
        return self.paged(rows, HeldShape.of)


class OneHold(HoldResource):
    """One hold."""

    @extend_schema(
        operation_id="get_held", summary="Read a hold", tags=["held"], responses={200: HeldShape, **PROBLEMS}
    )
    def get(self, request: Request, id: str) -> Response:
        """What is held, why, until when, or what became of it."""
        return Response(HeldShape.of(self.find(id)))


class Approval(HoldResource):
    """The decision to let it happen."""

    @extend_schema(
        operation_id="approve_held",
        summary="Approve a hold",
        tags=["held"],
        request=Decision,
        examples=[examples.DECISION],
        responses={200: HeldShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request, id: str) -> Response:
        """It happens at once, to those instances that are still silent; a mirror becomes what its region says."""
        reason = _reason(request)
        return Response(HeldShape.of(holds.approve(id, actor=self.actor(), cause=reason)))


class Rejection(HoldResource):
    """The decision to keep it in service."""

    @extend_schema(
        operation_id="reject_held",
        summary="Reject a hold",
        tags=["held"],
        request=Decision,
        examples=[examples.DECISION],
        responses={200: HeldShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request, id: str) -> Response:
        """The instances stay in service with fresh leases; a mirror stays as it is until its region has recovered."""
        reason = _reason(request)
        return Response(HeldShape.of(holds.reject(id, actor=self.actor(), cause=reason)))


def _reason(request: Request) -> str:
    return names.reason(convert(request.data, Decision).reason)
