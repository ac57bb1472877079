"""Changes: the log, newest first, with who did what and why."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import NotFound
from registry.api.filters import ChangeFilter
from registry.api.paging import CursorPages
from registry.api.resource import Resource
from registry.api.schema.documentation import PROBLEMS
from registry.api.schema.serializers import ChangeDetailSerializer, ChangeSerializer
from registry.api.shapes import record_shape
from registry.log.diff import difference
from registry.models import ChangeRow
from registry.timestamps import iso


class Rows(serializers.BaseSerializer[ChangeRow]):
    """Rows as changes."""

    def to_representation(self, instance: ChangeRow) -> Any:
        """See DRF."""
        return ChangeSerializer(_shape(instance)).data


class Changes(Resource):
    """The log."""

    queryset = ChangeRow.objects.all()
    serializer_class = Rows
    pagination_class = CursorPages
    filterset_class = ChangeFilter

    @extend_schema(
        operation_id="list_changes",
        summary="Read the log",
        tags=["changes"],
        responses={200: ChangeSerializer(many=True), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Every transition and every decision of the region, newest first; renewals and quiet probes are not in it."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class OneChange(Resource):
    """One entry of the log."""

    queryset = ChangeRow.objects.all()
    serializer_class: type[serializers.BaseSerializer[Any]] = ChangeDetailSerializer
    parameters = frozenset({"region"})

    @extend_schema(
        operation_id="get_change",
        summary="Read a change",
        tags=["changes"],
        parameters=[OpenApiParameter("region", description="whose log; this region's if not said")],
        responses={200: ChangeDetailSerializer, **PROBLEMS},
    )
    def get(self, request: Request, index: int) -> Response:
        """The entry with its record, the record before it, and the fields that differ."""
        region = request.query_params.get("region", self.region)
        row = self.get_queryset().filter(region=region, index=index).first()
        if row is None:
            raise NotFound(f"the log of {region} has no change {index}, or no longer")
        before = previous(row)
        old = before.change.record if before else None
        new = row.change.record
        shape = _shape(row) | {
            "digest": row.digest,
            "record": record_shape(new),
            "before_index": before.index if before else None,
            "before": record_shape(old),
            "difference": [
                {"field": changed.field, "before": changed.before, "after": changed.after}
                for changed in difference(old, new)
            ],
        }
        return Response(ChangeDetailSerializer(shape).data)


def previous(row: ChangeRow) -> ChangeRow | None:
    """The change before it of the same record; None when there was none, or it is compacted away."""
    earlier = ChangeRow.objects.filter(region=row.region, key=row.key, index__lt=row.index)
    return earlier.order_by("-index").first()


def _shape(row: ChangeRow) -> dict[str, Any]:
    return {
        "region": row.region,
        "index": row.index,
        "at": iso(row.at),
        "key": row.key,
        "verb": row.verb,
        "actor": row.actor,
        "cause": row.cause,
        "removed": row.record is None,
    }
