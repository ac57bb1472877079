"""Overrides: listing, previewing, setting and clearing them."""

from typing import Any

import msgspec
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import Invalid, NotFound
from catalog.records.registration import complaint
from registry import actions
from registry.api.filters import OverrideFilter
from registry.api.paging import NumberedPages
from registry.api.resource import Resource
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS, cause_header, region_parameter
from registry.api.schema.serializers import OverrideRequestSerializer, OverrideSerializer, PreviewSerializer
from registry.api.shapes import override_shape, preview_shape
from registry.models import OverrideRow
from registry.preview import preview_request
from registry.timestamps import read_expiry


class Rows(serializers.BaseSerializer[OverrideRow]):
    """Rows as overrides."""

    def to_representation(self, instance: OverrideRow) -> Any:
        """See DRF."""
        shape = override_shape(instance.override, index=instance.index, now=self.context["view"].now)
        return OverrideSerializer(shape).data


class OverrideResource(Resource):
    """What the views of overrides share."""

    queryset = OverrideRow.objects.all()
    serializer_class = Rows
    forwards = True

    def asked(self, given: Any) -> actions.OverrideRequest:
        """The override that a body asks for, with its author. Raises Invalid naming the field."""
        given = dict(given)
        if "author" in given:
            raise Invalid("the author is whoever asks", field="author")
        expiry = {field: given.pop(field, None) for field in ("expires_at", "expires_in")}
        moment = read_expiry(expiry, self.now)
        try:
            return msgspec.convert({**given, "author": self.grant.name, "expires_at": moment}, actions.OverrideRequest)
        except msgspec.ValidationError as error:
            raise complaint(error) from None


class Overrides(OverrideResource):
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
        responses={200: OverrideSerializer(many=True), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """The overrides that stand, newest first. What was cleared is in the log: `/changes?key_prefix=override/`."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="set_override",
        summary="Set an override",
        tags=["overrides"],
        parameters=[region_parameter(), cause_header()],
        request=OverrideRequestSerializer,
        responses={201: OverrideSerializer, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """It counts for every lookup at once. Give it an expiry: what nobody remembers should end by itself."""
        asked = self.asked(request.data)
        if (answer := self.elsewhere()) is not None:
            return answer
        override = actions.set_override(asked, actor=self.actor(), cause=self.cause(asked.reason))
        row = OverrideRow.objects.get(pk=override.id)
        return Response(self.get_serializer(row).data, status=201)


class OverridePreview(OverrideResource):
    """What an override would do."""

    @extend_schema(
        operation_id="preview_override",
        summary="Preview an override",
        tags=["overrides"],
        parameters=[region_parameter()],
        request=OverrideRequestSerializer,
        responses={200: PreviewSerializer, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """Which instances it would take out or put back, and which services it would empty. Nothing is done."""
        if (answer := self.elsewhere()) is not None:
            return answer
        found = preview_request([self.asked(request.data)], region=self.region, now=self.now)
        return Response(PreviewSerializer(preview_shape(found)).data)


class OneOverride(OverrideResource):
    """One standing override."""

    @extend_schema(
        operation_id="get_override",
        summary="Read an override",
        tags=["overrides"],
        responses={200: OverrideSerializer, **PROBLEMS},
    )
    def get(self, request: Request, id: str) -> Response:
        """One override that stands."""
        row = self.get_queryset().filter(pk=id).first()
        if row is None:
            raise NotFound(f"there is no override {id[:80]!r}: it may have been cleared or have expired, see /changes")
        return Response(self.get_serializer(row).data)

    @extend_schema(
        operation_id="clear_override",
        summary="Clear an override",
        tags=["overrides"],
        parameters=[region_parameter(), cause_header()],
        responses={204: OpenApiResponse(description="It is cleared."), **WRITE_PROBLEMS},
    )
    def delete(self, request: Request, id: str) -> Response:
        """The reported status and weight count again at once."""
        if (answer := self.elsewhere()) is not None:
            return answer
        actions.clear_override(id, actor=self.actor(), cause=self.cause("cleared over the API"))
        return Response(status=204)
