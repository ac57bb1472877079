"""The preview of an override: which instances it would concern, and what would become of them."""

from collections.abc import Sequence

import msgspec
from django.db.models import Q

from catalog.change import decode_record
from catalog.records.instance import Instance
from catalog.records.override import Effective, Override, Scope, effective
from catalog.records.status import SERVING, Status
from registry.models import InstanceRow, OverrideRow
from registry.verbs.overrides import OverrideRequest, to_override


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One instance before and after; `served` and `serves` say whether lookups return it."""

    instance: Instance
    status_before: Status
    status_after: Status
    weight_before: int
    weight_after: int

    @property
    def served(self) -> bool:
        """Whether lookups return it now."""
        return self.status_before in SERVING and self.weight_before > 0

    @property
    def serves(self) -> bool:
        """Whether lookups would return it."""
        return self.status_after in SERVING and self.weight_after > 0


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What an override would do. `emptied` are services that would lose their last instance."""

    effects: tuple[Effect, ...]
    emptied: tuple[str, ...]

    @property
    def taken_out(self) -> tuple[Effect, ...]:
        """Instances that lookups would no longer return."""
        return tuple(effect for effect in self.effects if effect.served and not effect.serves)

    @property
    def put_back(self) -> tuple[Effect, ...]:
        """Instances that lookups would return again."""
        return tuple(effect for effect in self.effects if effect.serves and not effect.served)


def preview(
    proposed: Sequence[Override], instances: Sequence[Instance], standing: Sequence[Override], now: float
) -> Preview:
    """What would become of `instances` if the proposed overrides joined the standing ones.

    `instances` holds every instance of the services in question, concerned or not, so that an empty one is noticed.
    """
    concerned, left, had = list[Effect](), dict[str, int](), set[str]()
    joined = (*standing, *proposed)
    for instance in instances:
        is_concerned = any(override.covers(instance) for override in proposed)
        before = effective(standing, instance, instance.status, now)
        after = effective(joined, instance, instance.status, now) if is_concerned else before
        effect = _effect(instance, before, after)
        name = f"{instance.namespace}/{instance.service}"
        left[name] = left.get(name, 0) + effect.serves
        if effect.served:
            had.add(name)
        if is_concerned:
            concerned.append(effect)
    emptied = tuple(sorted(name for name in had if not left[name]))
    return Preview(effects=tuple(concerned), emptied=emptied)


def _effect(instance: Instance, before: Effective, after: Effective) -> Effect:
    return Effect(
        instance=instance,
        status_before=before.status,
        status_after=after.status,
        weight_before=before.weight,
        weight_after=after.weight,
    )


def preview_request(requests: Sequence[OverrideRequest], *, region: str, now: float) -> Preview:
    """The same from the tables, for overrides as they are asked for; raises Invalid naming the field."""
    proposed = [to_override(request, id="", region=region, author=request.author, now=now) for request in requests]
    about = {override.about for override in proposed}
    rows = OverrideRow.objects.filter(region__in={region, *about})
    # Of another region's overrides only those about itself count here: its opinions are its own.
    standing = [
        override for override in (row.override for row in rows) if region == override.region or not override.is_opinion
    ]
    wanted = Q(pk=None)
    # Every instance of each service: one out of scope may be what keeps a service from being empty.
    for override in proposed:
        whole = Q(region=override.about)
        if override.scope is not Scope.REGION:
            whole &= Q(namespace=override.namespace)
        wanted |= whole & Q(service=override.service) if override.service else whole
    found = InstanceRow.objects.filter(wanted).order_by("namespace", "service", "instance_id")
    records = (decode_record(text) for text in found.values_list("record", flat=True))
    return preview(proposed, [record for record in records if isinstance(record, Instance)], standing, now)
