"""What overrides would do if they were set here: the preview on the view that this process's lookups are answered from.

A process without a view reads one from the tables. That one knows nothing of how fresh regions are or how far: it takes
all of them for live.
"""

import time
from collections.abc import Sequence

from django.db.models import Q, QuerySet

from catalog.preview import Preview, of_overrides
from catalog.records.instance import Instance
from catalog.records.override import Override, Scope
from catalog.view import Freshness, RegionView, ServiceName, State, View
from registry.models import InstanceRow, OverrideRow, PolicyRow, Region
from registry.verbs.overrides import OverrideRequest, to_override

_shared: list[View] = []


def share(view: View | None) -> None:
    """Preview on this view from now on; with None on the tables."""
    _shared[:] = [] if view is None else [view]


def preview(requests: Sequence[OverrideRequest], *, region: str, now: float) -> Preview:
    """What these overrides would change; raises Invalid naming the field."""
    proposed = [to_override(request, id="", region=region, author=request.author, now=now) for request in requests]
    return of_overrides(_shared[0] if _shared else _of_tables(proposed), proposed, now)


def _of_tables(proposed: Sequence[Override]) -> View:
    """The services that the overrides speak of, in every region: a policy may lead anywhere."""
    view = View(clock=time.time)
    found: dict[str, dict[ServiceName, dict[str, Instance | None]]] = {}
    for row in _rows(proposed).iterator():
        instance = row.instance
        name = (instance.namespace, instance.service)
        found.setdefault(instance.region, {}).setdefault(name, {})[instance.id] = instance
    for region in Region.objects.values_list("name", flat=True):
        part = view.regions[region] = RegionView()
        part.publish(found.get(region, {}))
        part.overrides = tuple(row.override for row in OverrideRow.objects.filter(region=region))
        part.policies = {(row.namespace, row.service): row.policy for row in PolicyRow.objects.filter(region=region)}
        part.freshness = Freshness(State.LIVE)
    return view


def _rows(proposed: Sequence[Override]) -> QuerySet[InstanceRow]:
    rows = InstanceRow.objects.filter(region__in=list(Region.objects.values_list("name", flat=True)))
    if any(override.scope is Scope.REGION for override in proposed):
        return rows
    named = Q()
    for namespace, service in {(override.namespace, override.service) for override in proposed}:
        named |= Q(namespace=namespace, service=service) if service else Q(namespace=namespace)
    return rows.filter(named)
