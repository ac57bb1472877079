"""An outlook: what a correction would change, counted and named, from the process's memory."""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

from catalog.records.instance import Instance
from catalog.records.override import Override
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

FOLDED = 8  # lookups shown before the rest is folded away
MOST = 300  # lookups named at all


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """`instances` are those that the correction speaks about, `lookups` the plain lookups whose answer changes.

    A lookup is of one service, asked from one region.
    """

    instances: tuple[Instance, ...]
    lookups: tuple[LookupChange, ...]

    @property
    def first(self) -> tuple[LookupChange, ...]:
        """The lookups that are shown at once: those left with nothing come first."""
        return self.lookups[:FOLDED]

    @property
    def rest(self) -> tuple[LookupChange, ...]:
        """Those that are folded away."""
        return self.lookups[FOLDED:MOST]

    @property
    def unnamed(self) -> int:
        """How many are only counted."""
        return max(0, len(self.lookups) - MOST)

    @property
    def emptied(self) -> tuple[LookupChange, ...]:
        """The lookups that would return nothing any more."""
        return tuple(lookup for lookup in self.lookups if lookup.is_emptied)

    @property
    def lost(self) -> int:
        """How many instances some lookup would no longer return."""
        return len({(one.namespace, one.service, id) for one in self.lookups for id in one.loses})

    @property
    def gained(self) -> int:
        """How many instances some lookup would return that it does not return now."""
        return len({(one.namespace, one.service, id) for one in self.lookups for id in one.gains})

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """The regions that would answer in place of another, by failover policy."""
        return tuple(sorted({region for one in self.lookups if one.gains for region in one.stands_in}))

    @property
    def seal(self) -> str:
        """Names what would be emptied: consent to it is consent to nothing else."""
        names = sorted(f"{one.namespace}/{one.service}@{one.home}" for one in self.emptied)
        return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16] if names else ""


def of_override(view: View, override: Override, now: float) -> Outlook:
    """What setting it would change."""
    before = still(view)
    after = with_overrides(before, override.region, [override])
    return _outlook(before, after, concerned(before, override), homes_concerned(before, override), now)


def of_clearing(view: View, override: Override, now: float) -> Outlook:
    """What clearing it would change."""
    before = still(view)
    after = without_overrides(before, override.region, [override.id])
    return _outlook(before, after, concerned(before, override), homes_concerned(before, override), now)


def of_removal(view: View, region: str, keys: Iterable[str], now: float) -> Outlook:
    """What deregistering the instances with these keys would change."""
    before, wanted = still(view), frozenset(keys)
    known = before.region(region).changes
    gone = [change.record for key in sorted(wanted) if (change := known.get(key)) is not None]
    instances = [record for record in gone if isinstance(record, Instance)]
    after = without_instances(before, region, [instance.key for instance in instances])
    return _outlook(before, after, instances, homes_of(before, region), now)


def _outlook(before: View, after: View, instances: Sequence[Instance], homes: Sequence[str], now: float) -> Outlook:
    found = lookups_changed(before, after, services_of(instances), homes, now)
    changed = [lookup for lookup in found if lookup.is_changed]
    changed.sort(key=lambda one: (not one.is_emptied, -len(one.loses), one.namespace, one.service, one.home))
    return Outlook(instances=tuple(instances), lookups=tuple(changed))
