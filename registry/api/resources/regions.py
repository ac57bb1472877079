"""Regions: whose catalogs are kept here, and where their logs stand."""

from typing import Any

from django.db.models import Count
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.records.status import Status
from registry.api.resource import Resource
from registry.api.schema.documentation import PROBLEMS
from registry.api.schema.serializers import RegionSerializer
from registry.models import InstanceRow, OverrideRow, Region


class Regions(Resource):
    """All regions; they are few."""

    queryset = Region.objects.all()
    serializer_class = RegionSerializer
    pagination_class = None

    @extend_schema(
        operation_id="list_regions",
        summary="List regions",
        tags=["regions"],
        responses={200: RegionSerializer(many=True), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Each region with the head of its log, its digest, and how many things it holds."""
        by_status = dict[str, dict[str, int]]()
        for row in InstanceRow.objects.values("region", "status").annotate(number=Count("pk")):
            by_status.setdefault(row["region"], {})[row["status"]] = row["number"]
        services = _counted(InstanceRow.objects.values("region", "namespace", "service").distinct())
        overrides = _counted(OverrideRow.objects.values("region"))
        shapes = [_shape(region, by_status, services, overrides) for region in self.get_queryset().order_by("name")]
        return Response(RegionSerializer(shapes, many=True).data)


def _counted(rows: Any) -> dict[str, int]:
    counts = dict[str, int]()
    for row in rows:
        counts[row["region"]] = counts.get(row["region"], 0) + 1
    return counts


def _shape(
    region: Region, by_status: dict[str, dict[str, int]], services: dict[str, int], overrides: dict[str, int]
) -> dict[str, Any]:
    statuses = {status.value: by_status.get(region.name, {}).get(status.value, 0) for status in Status}
    return {
        "name": region.name,
        "is_local": region.is_local,
        "log_id": region.log_id,
        "index": region.index,
        "floor": region.floor,
        "digest": region.digest,
        "instances": sum(statuses.values()),
        "services": services.get(region.name, 0),
        "statuses": statuses,
        "overrides": overrides.get(region.name, 0),
    }
