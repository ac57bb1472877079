"""Failover policies: listing, setting and clearing them."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import NotFound
from catalog.records import names
from catalog.records.body import convert
from catalog.records.instance import DEFAULT_NAMESPACE
from registry import actions
from registry.api.filters import PolicyFilter
from registry.api.paging import NumberedPages
from registry.api.resource import Listing, Resource
from registry.api.schema import examples
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS, cause_header, region_parameter
from registry.api.shapes.policy import PolicyShape
from registry.models import PolicyRow

NAMESPACE = OpenApiParameter("namespace", description="`default` if not given")


class Policies(Listing):
    """All policies."""

    queryset = PolicyRow.objects.all()
    pagination_class = NumberedPages
    filterset_class = PolicyFilter

    def get_queryset(self) -> QuerySet[PolicyRow]:
        """By name."""
        return super().get_queryset().order_by("region", "namespace", "service")

    @extend_schema(
        operation_id="list_policies",
        summary="List failover policies",
        tags=["policies"],
        examples=[examples.POLICY],
        responses={200: PolicyShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """The policies of this region and of the mirrored ones; each counts in its own region."""
        return self.paged(self.filter_queryset(self.get_queryset()), shape)


class OnePolicy(Resource):
    """The policy of one service."""

    queryset = PolicyRow.objects.all()
    parameters = frozenset({"namespace", "region"})
    forwards = True

    @extend_schema(
        operation_id="get_policy",
        summary="Read a failover policy",
        tags=["policies"],
        examples=[examples.POLICY],
        parameters=[NAMESPACE, region_parameter()],
        responses={200: PolicyShape, **PROBLEMS},
    )
    def get(self, request: Request, service: str) -> Response:
        """Where a service's lookups go when its own region has too few instances that serve."""
        region = request.query_params.get("region") or self.region
        row = self.get_queryset().filter(
            region=region, namespace=self.namespace, service=names.label(service, field="service")
        )
        found = row.first()
        if found is None:
            raise NotFound(f"{service[:80]} has no failover policy in {region[:80]}")
        return Response(shape(found))

    @extend_schema(
        operation_id="set_policy",
        summary="Set a failover policy",
        tags=["policies"],
        examples=[examples.POLICY_REQUEST, examples.POLICY],
        parameters=[NAMESPACE, region_parameter(), cause_header()],
        request=actions.PolicyRequest,
        responses={200: PolicyShape, 201: PolicyShape, **WRITE_PROBLEMS},
    )
    def put(self, request: Request, service: str) -> Response:
        """201 when it is new, 200 when it replaces one as a whole. It counts for every lookup at once."""
        asked = convert(request.data, actions.PolicyRequest)
        if (answer := self.forwarded()) is not None:
            return answer
        done = actions.set_policy(
            asked,
            service=service,
            namespace=self.namespace,
            actor=self.actor(),
            cause=self.cause("set over the API"),
        )
        return Response(PolicyShape.of(done.policy, index=done.index), status=201 if done.created else 200)

    @extend_schema(
        operation_id="clear_policy",
        summary="Clear a failover policy",
        tags=["policies"],
        parameters=[NAMESPACE, region_parameter(), cause_header()],
        responses={204: OpenApiResponse(description="Cleared."), **WRITE_PROBLEMS},
    )
    def delete(self, request: Request, service: str) -> Response:
        """Lookups are answered from this region again, however few instances it has."""
        if (answer := self.forwarded()) is not None:
            return answer
        actions.clear_policy(
            service=service, namespace=self.namespace, actor=self.actor(), cause=self.cause("cleared over the API")
        )
        return Response(status=204)

    @property
    def namespace(self) -> str:
        """The requested namespace."""
        return names.label(self.request.query_params.get("namespace", DEFAULT_NAMESPACE), field="namespace")


def shape(row: PolicyRow) -> PolicyShape:
    """A row of the table."""
    return PolicyShape.of(row.policy, index=row.index)
