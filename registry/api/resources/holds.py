"""What the breaker holds: listed with its formula, approved or rejected with a reason."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import Invalid, NotFound
from catalog.records import names
from registry.api.bodies import refuse_rest, required_text
from registry.api.paging import NumberedPages
from registry.api.resource import Resource
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS
from registry.api.schema.serializers import DecisionSerializer, HeldSerializer
from registry.breaker import holds
from registry.models import HeldRow
from registry.tables.held import State
from registry.timestamps import iso

STATE = OpenApiParameter(
    "state", enum=[state.value for state in State], description="`open` ones wait; all if not said"
)


class Rows(serializers.BaseSerializer[HeldRow]):
    """Rows as holds."""

    def to_representation(self, instance: HeldRow) -> Any:
        """See DRF."""
        return HeldSerializer(_shape(instance)).data


class HeldResource(Resource):
    """What the views of holds share."""

    queryset = HeldRow.objects.all()
    serializer_class = Rows

    def find(self, id: str) -> HeldRow:
        """The hold of this id; raises NotFound."""
        row: HeldRow | None = self.get_queryset().filter(region=self.region, pk=id).first()
        if row is None:
            raise NotFound(f"nothing is held under {id[:80]!r}")
        return row


class Held(HeldResource):
    """All holds."""

    pagination_class = NumberedPages
    parameters = frozenset({"state"})

    @extend_schema(
        operation_id="list_held",
        summary="List what is held",
        tags=["held"],
        parameters=[STATE],
        responses={200: HeldSerializer(many=True), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Losses too large to be believed at once. They are served until somebody or a time decides."""
        rows = self.get_queryset().filter(region=self.region).order_by("-at", "id")
        state = request.query_params.get("state")
        if state is not None:
            if state not in State.values:
                raise Invalid(f"{state[:40]!r} is not one of {', '.join(State.values)}", field="state")
            rows = rows.filter(state=state)
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(rows), many=True).data)


class OneHeld(HeldResource):
    """One hold."""

    @extend_schema(
        operation_id="get_held", summary="Read a hold", tags=["held"], responses={200: HeldSerializer, **PROBLEMS}
    )
    def get(self, request: Request, id: str) -> Response:
        """What is held, why, until when, or what became of it."""
        return Response(self.get_serializer(self.find(id)).data)


class Approval(HeldResource):
    """Letting it happen."""

    @extend_schema(
        operation_id="approve_held",
        summary="Approve a hold",
        tags=["held"],
        request=DecisionSerializer,
        responses={200: HeldSerializer, **WRITE_PROBLEMS},
    )
    def post(self, request: Request, id: str) -> Response:
        """What is held happens at once, to those instances that are still silent."""
        reason = _reason(request)
        return Response(self.get_serializer(holds.approve(id, actor=self.actor(), cause=reason)).data)


class Rejection(HeldResource):
    """Letting it be."""

    @extend_schema(
        operation_id="reject_held",
        summary="Reject a hold",
        tags=["held"],
        request=DecisionSerializer,
        responses={200: HeldSerializer, **WRITE_PROBLEMS},
    )
    def post(self, request: Request, id: str) -> Response:
        """The instances go on being served, and their leases begin anew."""
        reason = _reason(request)
        return Response(self.get_serializer(holds.reject(id, actor=self.actor(), cause=reason)).data)


def _reason(request: Request) -> str:
    given = dict(request.data)
    reason = required_text(given, "reason")
    refuse_rest(given)
    return names.reason(reason)


def _shape(row: HeldRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "region": row.region,
        "kind": row.kind,
        "scope": row.scope,
        "name": row.name,
        "formula": row.formula,
        "state": row.state,
        "population": row.population,
        "earlier": row.earlier,
        "members": [
            {"key": member.key, "epoch": member.epoch, "check": member.check, "output": member.output}
            for member in row.held
        ],
        "at": iso(row.at),
        "expires_at": iso(row.expires_at),
        "decided_by": row.decided_by,
        "decided_at": iso(row.decided_at),
        "reason": row.reason,
    }
