"""Checks: verdicts, and what came of the last probes."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.records.instance import DEFAULT_NAMESPACE, Instance
from registry.api.filters import InstanceFilter
from registry.api.paging import NumberedPages
from registry.api.resource import Resource
from registry.api.resources.instances import find_instance
from registry.api.schema.documentation import PROBLEMS
from registry.api.schema.serializers import CheckedInstanceSerializer
from registry.api.shapes import check_shape
from registry.checks.known import KnownCheck, known_checks
from registry.models import InstanceRow
from registry.timestamps import iso


class CheckedInstances(Resource):
    """The checks of all instances that have any."""

    queryset = InstanceRow.objects.filter(record__contains='"checks":[')
    serializer_class: type[serializers.BaseSerializer[Any]] = CheckedInstanceSerializer
    pagination_class = NumberedPages
    filterset_class = InstanceFilter

    def get_queryset(self) -> QuerySet[Any, Any]:
        """By name."""
        return super().get_queryset().order_by("namespace", "service", "instance_id", "region")

    @extend_schema(
        operation_id="list_checks",
        summary="List checks and their last results",
        tags=["checks"],
        responses={200: CheckedInstanceSerializer(many=True), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """One entry for each instance that has checks; the filters are about the instance, its status included."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        shapes = _shapes([row.instance for row in page or ()], self.now)
        return self.get_paginated_response(CheckedInstanceSerializer(shapes, many=True).data)


class OneCheckedInstance(Resource):
    """The checks of one instance."""

    queryset = InstanceRow.objects.all()
    serializer_class: type[serializers.BaseSerializer[Any]] = CheckedInstanceSerializer
    parameters = frozenset({"namespace"})

    @extend_schema(
        operation_id="get_checks",
        summary="Read the checks of an instance",
        tags=["checks"],
        parameters=[OpenApiParameter("namespace", description="`default` if not said")],
        responses={200: CheckedInstanceSerializer, **PROBLEMS},
    )
    def get(self, request: Request, service: str, id: str) -> Response:
        """Verdict, last outcome, latency, restlessness and next turn of each check."""
        row = find_instance(self.region, request.query_params.get("namespace", DEFAULT_NAMESPACE), service, id)
        return Response(CheckedInstanceSerializer(_shapes([row.instance], self.now)[0]).data)


def _shapes(instances: Sequence[Instance], now: float) -> list[dict[str, Any]]:
    known = known_checks(instances, now=now)
    return [_shape(instance, checks) for instance, checks in zip(instances, known, strict=True)]


def _shape(instance: Instance, checks: Sequence[KnownCheck]) -> dict[str, Any]:
    return {
        "region": instance.region,
        "namespace": instance.namespace,
        "service": instance.service,
        "id": instance.id,
        "status": instance.status.value,
        "checks": [_check_shape(known) for known in checks],
    }


def _check_shape(known: KnownCheck) -> dict[str, Any]:
    result = known.result
    probed = result if result is not None and result.at is not None else None
    return {
        **check_shape(known.check, known.verdict),
        "status": known.status.value,
        "verdict": known.verdict.status.value,
        "output": known.output,
        "outcome": probed.outcome.value if probed else None,
        "checked_at": iso(probed.at) if probed else None,
        "latency": probed.latency if probed else None,
        "next_due": iso(result.due_at) if result else None,
        "flap_score": result.flap_score if result else 0.0,
        "held_until": iso(result.held_until) if result else None,
        "recent": [
            {"at": iso(sample.at), "latency": sample.latency, "status": sample.status.value}
            for sample in (result.recent if result else ())
        ],
    }
