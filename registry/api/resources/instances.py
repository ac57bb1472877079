"""Instances: the list, one of them, registering and deregistering."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import NotFound
from catalog.records import names
from catalog.records.body import convert
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.override import Override
from catalog.records.registration import Registration
from registry import actions
from registry.api.filters import InstanceFilter, ordered
from registry.api.paging import NumberedPages
from registry.api.resource import Listing, Resource
from registry.api.schema import examples
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS, cause_header, region_parameter
from registry.api.shapes.instance import InstanceShape, NamedRegistration
from registry.models import InstanceRow, OverrideRow

NAMESPACE = OpenApiParameter("namespace", description="`default` if not given")
ORDERING = OpenApiParameter(
    "ordering", description="such as `status,-index`; by namespace, service and id if not given"
)


class InstanceResource(Resource):
    """What the views of instances share."""

    queryset = InstanceRow.objects.all()
    checks_scope_itself = True
    forwards = True

    def register(self, registration: Registration, namespace: str, service: str, id: str) -> Response:
        """Register or replace through the verb; the answer is read back from the record."""
        self.grant.require_write(service)
        if (answer := self.forwarded()) is not None:
            return answer
        result = actions.register(
            registration,
            namespace=namespace,
            service=service,
            id=id,
            actor=self.actor(),
            cause=self.cause("registered over the API"),
        )
        shape = InstanceShape.of(result.instance, index=result.index, overrides=standing_overrides(), now=self.now)
        return Response(shape, status=201 if result.created else 200)


class Instances(Listing, InstanceResource):
    """All instances."""

    pagination_class = NumberedPages
    filterset_class = InstanceFilter
    parameters = frozenset({"ordering"})

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Filtered and ordered."""
        return ordered(super().filter_queryset(queryset), self.request.query_params.get("ordering", ""))

    @extend_schema(
        operation_id="list_instances",
        summary="List instances",
        tags=["instances"],
        examples=[examples.INSTANCE],
        parameters=[ORDERING],
        responses={200: InstanceShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """The recorded instances, page by page. To find instances to connect to, use `/services/{name}` instead."""
        overrides, now = standing_overrides(), self.now
        return self.paged(
            self.filter_queryset(self.get_queryset()),
            lambda row: InstanceShape.of(row.instance, index=row.index, overrides=overrides, now=now),
        )

    @extend_schema(
        operation_id="register_instance",
        summary="Register an instance",
        tags=["instances"],
        examples=[examples.NAMED_REGISTRATION, examples.INSTANCE],
        parameters=[region_parameter(), cause_header()],
        request=NamedRegistration,
        responses={200: InstanceShape, 201: InstanceShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """201 when it is new, 200 when it replaces one of the same name. Unknown fields are refused by name."""
        asked = convert(request.data, NamedRegistration)
        return self.register(asked, asked.namespace, asked.service, asked.id)


class OneInstance(InstanceResource):
    """One instance."""

    parameters = frozenset({"namespace"})

    @extend_schema(
        operation_id="get_instance",
        summary="Read an instance",
        tags=["instances"],
        examples=[examples.INSTANCE],
        parameters=[NAMESPACE],
        responses={200: InstanceShape, **PROBLEMS},
    )
    def get(self, request: Request, service: str, id: str) -> Response:
        """The record of one instance of this region, with the overrides that decide about it."""
        row = find_instance(self.region, self.namespace, service, id)
        shape = InstanceShape.of(row.instance, index=row.index, overrides=standing_overrides(), now=self.now)
        return Response(shape)

    @extend_schema(
        operation_id="replace_instance",
        summary="Register or replace an instance",
        tags=["instances"],
        examples=[examples.REGISTRATION, examples.INSTANCE],
        parameters=[NAMESPACE, region_parameter(), cause_header()],
        request=Registration,
        responses={200: InstanceShape, 201: InstanceShape, **WRITE_PROBLEMS},
    )
    def put(self, request: Request, service: str, id: str) -> Response:
        """201 when it is new, 200 when it replaces one. A check that did not change keeps its verdict."""
        return self.register(convert(request.data, Registration), self.namespace, service, id)

    @extend_schema(
        operation_id="deregister_instance",
        summary="Deregister an instance",
        tags=["instances"],
        parameters=[NAMESPACE, region_parameter(), cause_header()],
        responses={204: OpenApiResponse(description="Deregistered."), **WRITE_PROBLEMS},
    )
    def delete(self, request: Request, service: str, id: str) -> Response:
        """At once and for good: a late renewal does not bring it back."""
        self.grant.require_write(service)
        if (answer := self.forwarded()) is not None:
            return answer
        actions.deregister(
            namespace=names.label(self.namespace, field="namespace"),
            service=names.label(service, field="service"),
            id=names.instance_id(id),
            actor=self.actor(),
            cause=self.cause("deregistered over the API"),
        )
        return Response(status=204)

    @property
    def namespace(self) -> str:
        """The requested namespace."""
        return self.request.query_params.get("namespace", DEFAULT_NAMESPACE)


def find_instance(region: str, namespace: str, service: str, id: str) -> InstanceRow:
    """The row of an instance. Raises Invalid for an impossible name, and NotFound."""
    row = InstanceRow.objects.filter(
        region=region,
        namespace=names.label(namespace, field="namespace"),
        service=names.label(service, field="service"),
        instance_id=names.instance_id(id),
    ).first()
    if row is None:
        raise NotFound(f"{service}/{id} is not registered in namespace {namespace} of {region}")
    return row


def standing_overrides() -> list[Override]:
    """The overrides that apply in this region; `ruling` leaves out the expired ones.

    An override of another region about a third one, or about this one, applies there and not here.
    """
    home = settings.MERIDIAN.region
    overrides = (row.override for row in OverrideRow.objects.all())
    return [override for override in overrides if override.region == home or not override.is_opinion]
