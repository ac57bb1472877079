"""Checks: verdicts and the results of the last probes."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.records.instance import DEFAULT_NAMESPACE, Instance
from registry.api.filters import InstanceFilter
from registry.api.paging import NumberedPages
from registry.api.resource import Listing, Resource
from registry.api.resources.instances import find_instance
from registry.api.schema.documentation import PROBLEMS
from registry.api.shapes.checks import CheckedInstanceShape
from registry.checks.results import known_checks
from registry.models import InstanceRow


class CheckedInstances(Listing):
    """The checks of all instances that have any."""

    queryset = InstanceRow.objects.filter(record__contains='"checks":[')
    pagination_class = NumberedPages
    filterset_class = InstanceFilter

    def get_queryset(self) -> QuerySet[Any, Any]:
        """By name."""
        return super().get_queryset().order_by("namespace", "service", "instance_id", "region")

    @extend_schema(
        operation_id="list_checks",
        summary="List checks and their last results",
        tags=["checks"],
        responses={200: CheckedInstanceShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """One entry for each instance that has checks. The filters, `status` too, are about the instance."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(_shapes([row.instance for row in page or ()], self.now))


class OneCheckedInstance(Resource):
    """The checks of one instance."""

    queryset = InstanceRow.objects.all()
    parameters = frozenset({"namespace"})

    @extend_schema(
        operation_id="get_checks",
        summary="Read the checks of an instance",
        tags=["checks"],
        parameters=[OpenApiParameter("namespace", description="`default` if not given")],
        responses={200: CheckedInstanceShape, **PROBLEMS},
    )
    def get(self, request: Request, service: str, id: str) -> Response:
        """Verdict, last outcome, latency, flap score and next run of each check."""
        row = find_instance(self.region, request.query_params.get("namespace", DEFAULT_NAMESPACE), service, id)
        return Response(_shapes([row.instance], self.now)[0])


def _shapes(instances: Sequence[Instance], now: float) -> list[CheckedInstanceShape]:
    """Reads the results of all checks at once."""
    known = known_checks(instances, now=now)
    return [CheckedInstanceShape.of(*pair) for pair in zip(instances, known, strict=True)]
