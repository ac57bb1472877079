"""The preview of a correction: which instances it concerns, and which plain lookups it changes, counted and named.

REST, the admin site and the dashboard all show this one, so none of them can say what a lookup does not do.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import msgspec

from catalog.query import believed, overrides_of
from catalog.records.instance import Instance
from catalog.records.override import Effective, Override, effective
from catalog.view import View
from catalog.whatif import (
    LookupChange,
    concerned,
    homes_concerned,
    homes_of,
    lookups_changed,
    services_of,
    still,
    with_overrides,
    without_instances,
    without_overrides,
)

Name = tuple[str, str, str]  # namespace, service, `region/id`


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """One instance that is concerned. `served_before` and `served_after` say whether some plain lookup returns it;
    `is_lost` and `is_gained` whether some lookup would return it no longer, or would return it and does not now."""

    instance: Instance
    before: Effective
    after: Effective
    served_before: bool
    served_after: bool
    is_lost: bool
    is_gained: bool


class Preview(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """`instances` are those that the correction speaks about, `lookups` the plain lookups whose answer changes.

    A lookup is of one service, asked from one region. `views` are those of before and after, `home` is whose word
    the correction is.
    """

    instances: tuple[Instance, ...]
    lookups: tuple[LookupChange, ...]
    unchanged: tuple[LookupChange, ...]
    views: tuple[View, View]
    home: str
    now: float

    @property
    def emptied(self) -> tuple[LookupChange, ...]:
        """The lookups that would return nothing any more."""
        return tuple(lookup for lookup in self.lookups if lookup.is_emptied)

    @property
    def emptied_services(self) -> tuple[str, ...]:
        """The services of these lookups, as `namespace/service`."""
        return tuple(sorted({f"{one.namespace}/{one.service}" for one in self.emptied}))

    @property
    def lost(self) -> int:
        """How many instances some lookup would no longer return."""
        return len(self._lost)

    @property
    def gained(self) -> int:
        """How many instances some lookup would return that it does not return now."""
        return len(self._gained)

    @cached_property
    def _lost(self) -> frozenset[Name]:
        return frozenset((one.namespace, one.service, id) for one in self.lookups for id in one.loses)

    @cached_property
    def _gained(self) -> frozenset[Name]:
        return frozenset((one.namespace, one.service, id) for one in self.lookups for id in one.gains)

    @cached_property
    def taken_out(self) -> tuple[Instance, ...]:
        """The instances concerned that some lookup would no longer return."""
        return tuple(instance for instance in self.instances if _name(instance) in self._lost)

    @cached_property
    def put_back(self) -> tuple[Instance, ...]:
        """The instances concerned that some lookup would return and does not return now."""
        return tuple(instance for instance in self.instances if _name(instance) in self._gained)

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """The regions that would answer in place of another, by failover policy."""
        return tuple(sorted({region for one in self.lookups if one.gains for region in one.stands_in}))

    @property
    def seal(self) -> str:
        """Names what would be emptied: consent to it is consent to nothing else."""
        names = sorted(f"{one.namespace}/{one.service}@{one.home}" for one in self.emptied)
        return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16] if names else ""

    def effects(self, most: int) -> Iterator[Effect]:
        """What becomes of each instance concerned, of `most` of them."""
        kept = {(one.namespace, one.service, id) for one in (*self.lookups, *self.unchanged) for id in one.keeps}
        for instance in self.instances[:most]:
            name = _name(instance)
            is_lost, is_gained = name in self._lost, name in self._gained
            before, after = (self._effective(view, instance) for view in self.views)
            yield Effect(
                instance=instance, before=before, after=after, is_lost=is_lost, is_gained=is_gained,
                served_before=is_lost or name in kept, served_after=is_gained or name in kept,
            )  # fmt: skip

    def _effective(self, view: View, instance: Instance) -> Effective:
        overrides = overrides_of(view, instance.region, self.home, (instance.namespace, instance.service))
        reported = believed(instance, view.region(instance.region).blind_since, self.now)
        return effective(overrides, instance, reported, self.now)


def of_overrides(view: View, overrides: Sequence[Override], now: float) -> Preview:
    """What setting them, all in one region's log, would change."""
    home, before = overrides[0].region, still(view)
    return _of_opinion(before, with_overrides(before, home, overrides), overrides, now)


def of_clearing(view: View, override: Override, now: float) -> Preview:
    """What clearing it would change."""
    before = still(view)
    return _of_opinion(before, without_overrides(before, override.region, [override.id]), [override], now)


def of_removal(view: View, region: str, keys: Iterable[str], now: float) -> Preview:
    """What deregistering the instances with these keys would change."""
    before, wanted = still(view), frozenset(keys)
    known = before.region(region).changes
    gone = [change.record for key in sorted(wanted) if (change := known.get(key)) is not None]
    instances = [record for record in gone if isinstance(record, Instance)]
    after = without_instances(before, region, [instance.key for instance in instances])
    return _preview(before, after, instances, homes_of(before, region), region, now)


def _of_opinion(before: View, after: View, overrides: Sequence[Override], now: float) -> Preview:
    instances = {_name(instance): instance for one in overrides for instance in concerned(before, one)}
    homes = dict.fromkeys(home for one in overrides for home in homes_concerned(before, one))
    return _preview(before, after, list(instances.values()), list(homes), overrides[0].region, now)


def _preview(
    before: View, after: View, instances: Sequence[Instance], homes: Sequence[str], home: str, now: float
) -> Preview:
    found = lookups_changed(before, after, services_of(instances), homes, now)
    changed = [lookup for lookup in found if lookup.is_changed]
    changed.sort(key=lambda one: (not one.is_emptied, -len(one.loses), one.namespace, one.service, one.home))
    return Preview(
        instances=tuple(instances), lookups=tuple(changed), home=home, now=now, views=(before, after),
        unchanged=tuple(lookup for lookup in found if not lookup.is_changed),
    )  # fmt: skip


def _name(instance: Instance) -> Name:
    return instance.namespace, instance.service, f"{instance.region}/{instance.id}"
