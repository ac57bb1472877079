"""Overrides: listing, previewing, setting and clearing them."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import NotFound
from catalog.records.body import convert
from registry import actions
from registry.api.filters import OverrideFilter
from registry.api.paging import NumberedPages
from registry.api.resource import Listing, Resource
from registry.api.schema import examples
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS, cause_header, region_parameter
from registry.api.shapes.override import OverrideRequestShape, OverrideShape, PreviewShape
from registry.corrections.preview import preview
from registry.models import OverrideRow


class OverrideResource(Resource):
    """What the views of overrides share."""

    queryset = OverrideRow.objects.all()
    forwards = True

    def asked(self, given: Any) -> actions.OverrideRequest:
        """The override that a body asks for, with its author. Raises Invalid naming the field."""
        return convert(given, OverrideRequestShape).to_request(author=self.grant.name, now=self.now)

    def shape(self, row: OverrideRow) -> OverrideShape:
        """A row as it is answered."""
        return OverrideShape.of(row.override, index=row.index, now=self.now)


class Overrides(Listing, OverrideResource):
    """All standing overrides."""

    pagination_class = NumberedPages
    filterset_class = OverrideFilter

    def get_queryset(self) -> QuerySet[OverrideRow]:
        """The newest first."""
        return super().get_queryset().order_by("-created_at", "id")

    @extend_schema(
        operation_id="list_overrides",
        summary="List overrides",
        tags=["overrides"],
        examples=[examples.OVERRIDE],
        responses={200: OverrideShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """The overrides that stand, newest first. What was cleared is in the log: `/changes?key_prefix=override/`."""
        return self.paged(self.filter_queryset(self.get_queryset()), self.shape)

    @extend_schema(
        operation_id="set_override",
        summary="Set an override",
        tags=["overrides"],
        examples=[*examples.OVERRIDE_REQUESTS, examples.OVERRIDE],
        parameters=[region_parameter(), cause_header()],
        request=OverrideRequestShape,
        responses={201: OverrideShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """It counts for every lookup at once. Give it an expiry, so that it ends by itself when it is forgotten."""
        asked = self.asked(request.data)
        if (answer := self.forwarded()) is not None:
            return answer
        override = actions.set_override(asked, actor=self.actor(), cause=self.cause(asked.reason))
        return Response(self.shape(OverrideRow.objects.get(pk=override.id)), status=201)


class OverridePreview(OverrideResource):
    """What an override would do."""

    @extend_schema(
        operation_id="preview_override",
        summary="Preview an override",
        tags=["overrides"],
        examples=examples.OVERRIDE_REQUESTS,
        parameters=[region_parameter()],
        request=OverrideRequestShape,
        responses={200: PreviewShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """Which instances it would take out or put back, and which services it would empty. Nothing is done."""
        if (answer := self.forwarded()) is not None:
            return answer
        found = preview([self.asked(request.data)], region=self.region, now=self.now)
        return Response(PreviewShape.of(found))


class OneOverride(OverrideResource):
    """One standing override."""

    @extend_schema(
        operation_id="get_override",
        summary="Read an override",
        tags=["overrides"],
        examples=[examples.OVERRIDE],
        responses={200: OverrideShape, **PROBLEMS},
    )
    def get(self, request: Request, id: str) -> Response:
        """One override that stands."""
        row = self.get_queryset().filter(pk=id).first()
        if row is None:
            raise NotFound(f"there is no override {id[:80]!r}: it may have been cleared or have expired, see /changes")
        return Response(self.shape(row))

    @extend_schema(
        operation_id="clear_override",
        summary="Clear an override",
        tags=["overrides"],
        parameters=[region_parameter(), cause_header()],
        responses={204: OpenApiResponse(description="It is cleared."), **WRITE_PROBLEMS},
    )
    def delete(self, request: Request, id: str) -> Response:
        """The reported status and weight count again at once."""
        if (answer := self.forwarded()) is not None:
            return answer
        actions.clear_override(id, actor=self.actor(), cause=self.cause("cleared over the API"))
        return Response(status=204)
