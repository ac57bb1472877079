"""Regions: the catalogs kept here, and the heads of their logs."""

from typing import Any

from django.db.models import Count
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from registry.api.resource import Listing
from registry.api.schema.documentation import PROBLEMS
from registry.api.shapes.fields import copied
from registry.api.shapes.region import RegionShape
from registry.api.shapes.service import CountsShape
from registry.models import InstanceRow, OverrideRow, Region


class Regions(Listing):
    """All regions."""

    queryset = Region.objects.all()

    @extend_schema(
        operation_id="list_regions",
        summary="List regions",
        tags=["regions"],
        responses={200: RegionShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Each region with the head of its log, its digest, and its counts."""
        by_status = dict[str, dict[str, int]]()
        for row in InstanceRow.objects.values("region", "status").annotate(number=Count("pk")):
            by_status.setdefault(row["region"], {})[row["status"]] = row["number"]
        services = _counted(InstanceRow.objects.values("region", "namespace", "service").distinct())
        overrides = _counted(OverrideRow.objects.values("region"))
        regions = self.get_queryset().order_by("name")
        return Response([_shape(region, by_status, services, overrides) for region in regions])


def _counted(rows: Any) -> dict[str, int]:
    counts = dict[str, int]()
    for row in rows:
        counts[row["region"]] = counts.get(row["region"], 0) + 1
    return counts


def _shape(
    region: Region, by_status: dict[str, dict[str, int]], services: dict[str, int], overrides: dict[str, int]
) -> RegionShape:
    statuses = by_status.get(region.name, {})
    return copied(
        RegionShape,
        region,
        instances=sum(statuses.values()),
        services=services.get(region.name, 0),
        statuses=CountsShape.of(statuses),
        overrides=overrides.get(region.name, 0),
    )
