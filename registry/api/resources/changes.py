"""Changes: the log, newest first, with actors and causes."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import NotFound
from registry.api.filters import ChangeFilter
from registry.api.paging import CursorPages
from registry.api.resource import Listing, Resource
from registry.api.schema import examples
from registry.api.schema.documentation import PROBLEMS
from registry.api.shapes.change import ChangeDetailShape, ChangeShape
from registry.models import ChangeRow


class Changes(Listing):
    """The log."""

    queryset = ChangeRow.objects.all()
    pagination_class = CursorPages
    filterset_class = ChangeFilter

    @extend_schema(
        operation_id="list_changes",
        summary="Read the log",
        tags=["changes"],
        examples=[examples.CHANGE],
        responses={200: ChangeShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Every transition and every decision, newest first; not renewals, nor probes that change nothing."""
        return self.paged(self.filter_queryset(self.get_queryset()), ChangeShape.of)


class OneChange(Resource):
    """One entry of the log."""

    queryset = ChangeRow.objects.all()
    parameters = frozenset({"region"})

    @extend_schema(
        operation_id="get_change",
        summary="Read a change",
        tags=["changes"],
        parameters=[OpenApiParameter("region", description="the region of the log; this one if not given")],
        responses={200: ChangeDetailShape, **PROBLEMS},
    )
    def get(self, request: Request, index: int) -> Response:
        """The entry with its record, the record before it, and the fields that differ."""
        region = request.query_params.get("region", self.region)
        row = self.get_queryset().filter(region=region, index=index).first()
        if row is None:
            raise NotFound(f"the log of {region} has no change {index}, or no longer")
        return Response(ChangeDetailShape.of(row, previous(row)))


def previous(row: ChangeRow) -> ChangeRow | None:
    """The previous change of the same record; None when there was none, or it is compacted away."""
    earlier = ChangeRow.objects.filter(region=row.region, key=row.key, index__lt=row.index)
    return earlier.order_by("-index").first()
