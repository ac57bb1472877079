"""Services: sums over their instances."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import NotFound
from catalog.records import names
from catalog.records.instance import DEFAULT_NAMESPACE
from registry.api.filters import InstanceFilter
from registry.api.paging import NumberedPages
from registry.api.resource import Listing, Resource
from registry.api.schema import examples
from registry.api.schema.documentation import PROBLEMS
from registry.api.shapes.service import CountsShape, ServiceShape
from registry.models import InstanceRow

NAME = ("region", "namespace", "service")


class Services(Listing):
    """All services."""

    queryset = InstanceRow.objects.all()
    pagination_class = NumberedPages
    filterset_class = InstanceFilter

    @extend_schema(
        operation_id="list_services",
        summary="List services",
        tags=["services"],
        examples=[examples.SERVICE],
        responses={200: ServiceShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Services with an instance that matches the filters; the counts are of those instances."""
        rows = self.filter_queryset(self.get_queryset())
        page = self.paginate_queryset(rows.order_by(*NAME).values(*NAME).distinct())
        return self.get_paginated_response(summed(rows, page or ()))


class OneService(Resource):
    """One service."""

    queryset = InstanceRow.objects.all()
    parameters = frozenset({"namespace"})

    @extend_schema(
        operation_id="get_service",
        summary="Read a service",
        tags=["services"],
        examples=[examples.SERVICE],
        parameters=[OpenApiParameter("namespace", description="`default` if not given")],
        responses={200: ServiceShape, **PROBLEMS},
    )
    def get(self, request: Request, service: str) -> Response:
        """The sums over the instances of one service of this region."""
        namespace = names.label(request.query_params.get("namespace", DEFAULT_NAMESPACE), field="namespace")
        name = {"region": self.region, "namespace": namespace, "service": names.label(service, field="service")}
        found = summed(self.get_queryset(), [name])
        if not found:
            raise NotFound(f"no instance of {service} is registered in namespace {namespace} of {self.region}")
        return Response(found[0])


def summed(rows: QuerySet[InstanceRow], page: Iterable[dict[str, Any]]) -> list[ServiceShape]:
    """The sums of the services named by `page`, over `rows`, in one query."""
    sums: dict[tuple[str, str, str], dict[str, Any]] = {}
    wanted = Q()
    for name in page:
        wanted |= Q(**name)
    if not wanted:
        return []
    groups = rows.filter(wanted).order_by(*NAME).values(*NAME, "status", "zone", "version")
    for group in groups.annotate(instances=Count("pk"), latest=Max("index")):
        key = (group["region"], group["namespace"], group["service"])
        if key not in sums:
            sums[key] = _nothing(*key)
        _add(sums[key], group)
    return [ServiceShape(**{**fields, "statuses": CountsShape.of(fields["statuses"])}) for fields in sums.values()]


def _nothing(region: str, namespace: str, service: str) -> dict[str, Any]:
    return {
        "name": service,
        "namespace": namespace,
        "region": region,
        "instances": 0,
        "statuses": {},
        "zones": {},
        "versions": {},
        "index": 0,
    }


def _add(service: dict[str, Any], group: dict[str, Any]) -> None:
    number = group["instances"]
    service["instances"] += number
    for plural, single in (("statuses", "status"), ("zones", "zone"), ("versions", "version")):
        service[plural][group[single]] = service[plural].get(group[single], 0) + number
    service["index"] = max(service["index"], group["latest"])
