"""The view: the catalog of every region in memory, folded from their logs. Lookups read nothing else.

It is a follower. What it holds of a service is replaced, never changed in place, so that a reader on another thread
sees a service either before or after a change. Each change *touches* names; answers kept elsewhere depend on names
and are dropped when one of theirs is touched.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from sys import intern
from typing import Any

import msgspec

from catalog.change import Change, Head, Position, Record
from catalog.digest import EMPTY, record_hash
from catalog.errors import Unavailable
from catalog.kinds import BY_STRUCT
from catalog.ledger import Ledger, totalled
from catalog.log import Snapshot
from catalog.records.instance import Instance
from catalog.records.override import Override, Scope
from catalog.records.policy import Policy
from catalog.roster import Roster
from catalog.touched import EVERYTHING, FEDERATION, namespace_name, opinion_name, service_name

MOST_GONE = 4_096  # names of services that are no more, beyond as many as there are names of living ones

EMPTY_ROSTER = Roster()
ServiceName = tuple[str, str]  # namespace, service
Edits = dict[ServiceName, dict[str, Instance | None]]  # instances by id; None for those that are gone
Listener = Callable[[str, frozenset[str], int], None]  # region, names touched, index


class State(StrEnum):
    """How far a region's part of the view can be trusted."""

    LIVE = "live"
    STALE = "stale"
    UNKNOWN = "unknown"


class Freshness(msgspec.Struct, frozen=True):
    """`stale` is true since `since`; `unknown` means no contact ever, which is not the same as empty."""

    state: State
    since: float | None = None


class RegionView:
    """One region's part of the view."""

    __slots__ = (
        "_floor", "_most_touched", "_touched", "blind_since", "changes", "freshness", "ledger", "overrides", "policies",
        "services",
    )  # fmt: skip

    def __init__(self) -> None:
        self.ledger: Ledger | None = None
        self.changes: dict[str, Change] = {}
        self.services: dict[ServiceName, Mapping[str, Instance]] = {}
        self.overrides: tuple[Override, ...] = ()
        self.policies: dict[ServiceName, Policy] = {}
        self.freshness = Freshness(State.UNKNOWN)
        self.blind_since: float | None = None  # since when no probe has been seen to run
        self._touched: dict[str, int] = {}
        self._most_touched = MOST_GONE
        self._floor = 0

    @property
    def index(self) -> int:
        """The index of the last change folded in; 0 before the first."""
        return self.ledger.index if self.ledger else 0

    @property
    def position(self) -> Position | None:
        """The place in the log that this is the state of; None before the first snapshot."""
        return self.ledger.position if self.ledger else None

    @property
    def digest(self) -> int:
        """The digest of the region's records."""
        return self.ledger.digest if self.ledger else EMPTY

    def touched(self, name: str) -> int:
        """The index at which `name` was last touched, or one after it: that of the last reset, say."""
        return self._touched.get(name, self._floor)

    def fold(self, changes: Sequence[Change]) -> frozenset[str]:
        """Apply changes that follow the position; returns the names touched.

        Changes seen before are passed over: a batch may be delivered twice. Raises Diverged on a gap or a wrong digest;
        then nothing has changed.
        """
        ledger = self.ledger or Ledger()
        changes = ledger.unseen(changes)
        if not changes:
            return frozenset()
        ledger = ledger.follow(changes, self._hash)
        edits: Edits = {}
        touched: dict[str, int] = {}
        overrides_before = self.overrides
        for change in changes:
            subject = self._put(change, edits)
            if subject is not None:
                for name in BY_STRUCT[type(subject)].touches(subject):
                    touched[name] = change.index
        self.publish(edits)
        self.ledger = ledger
        if overrides_before is not self.overrides:
            touched.update(dict.fromkeys(self._overridden(overrides_before), changes[-1].index))
        self._touched.update(touched)
        if len(self._touched) > self._most_touched:
            self._forget_gone()
        return frozenset(touched)

    def _hash(self, key: str) -> int:
        known = self.changes.get(key)
        return record_hash(known.record) if known else 0

    def _put(self, change: Change, edits: Edits) -> Record | None:
        """Put one change in place; returns the record that it is about, the new one or the one that it removed."""
        known, record = self.changes.get(change.key), change.record
        if record is None:
            self.changes.pop(change.key, None)
        else:
            self.changes[change.key] = change
        old = known.record if known else None
        subject = old if record is None else record
        if subject is not None and (place := PLACES.get(type(subject))) is not None:
            place(self, subject, record, edits)
        return subject

    def publish(self, edits: Edits) -> None:
        """Replace the rosters of the services that were edited."""
        for name, edited in edits.items():
            known = self.services.get(name, EMPTY_ROSTER)
            roster = (known if isinstance(known, Roster) else Roster(known)).edited(edited)
            if roster:
                self.services[name] = roster
            else:
                self.services.pop(name, None)

    def _forget_gone(self) -> None:
        """Forget the names that nothing has any more: services may come under ever new ones.

        All that is forgotten counts as touched when the last of it was: a reader that waits from an earlier index is at
        worst answered once with what it knows.
        """
        spaces = {namespace for namespace, _ in self.services}
        living, latest = dict[str, int](), self._floor
        for name, index in self._touched.items():
            namespace, _, service = name.partition("/")
            if (namespace, service) in self.services or (not service and namespace in spaces) or name in self.changes:
                living[name] = index
            else:
                latest = max(latest, index)
        self._floor, self._touched = latest, living
        self._most_touched = len(living) + max(len(living), MOST_GONE)

    def _overridden(self, before: tuple[Override, ...]) -> set[str]:
        """The names that are touched by the overrides that came or went since."""
        return {name for override in set(before) ^ set(self.overrides) for name in self._in_scope(override)}

    def _in_scope(self, override: Override) -> set[str]:
        if override.is_opinion:
            return {opinion_name(override.about)}
        if override.scope is Scope.REGION:
            spaces = {name[0] for name in self.services}
            return {service_name(*name) for name in self.services} | {namespace_name(space) for space in spaces}
        names = {namespace_name(override.namespace)}
        if override.service:
            return names | {service_name(override.namespace, override.service)}
        return names | {service_name(*name) for name in self.services if name[0] == override.namespace}

    def take(self, other: "RegionView") -> None:
        """Become `other`, which a snapshot built; freshness and blindness are about the link and stay."""
        self.changes, self.services = other.changes, other.services
        self.overrides, self.policies = other.overrides, other.policies
        self.ledger, self._touched = other.ledger, {}
        self._floor, self._most_touched = other.index, MOST_GONE


class View:
    """Every region's catalog in memory; a follower of each region's log.

    `nearness` is how far other regions are, in seconds of delay. `clock` gives wall time, for freshness alone.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.regions: dict[str, RegionView] = {}
        self.nearness: dict[str, float] = {}
        self.listeners: list[Listener] = []

    def region(self, name: str) -> RegionView:
        """A region's part; an unknown region has an empty one whose freshness is `unknown`."""
        return self.regions.get(name) or RegionView()

    def position(self, region: str) -> Position | None:
        """See `Follower.position`."""
        return self.region(region).position

    async def reset(self, snapshot: Snapshot) -> None:
        """See `Follower.reset`."""
        fresh, hashes = RegionView(), 0
        async for chunk in snapshot.chunks:
            hashes += _add(fresh, chunk)
        fresh.ledger = totalled(snapshot.region, snapshot.head, [hashes])
        region = self._known(snapshot.region)
        region.take(fresh)
        self._tell(snapshot.region, frozenset({EVERYTHING}), region.index)

    async def apply(self, changes: Sequence[Change]) -> None:
        """See `Follower.apply`."""
        region = self.regions[changes[0].region]
        names = region.fold(changes)
        if names:
            self._tell(changes[0].region, names, region.index)

    def heard(self, region: str) -> None:
        """See `Follower.heard`."""
        self.freshen(region, Freshness(State.LIVE))

    def lost(self, region: str, error: Unavailable) -> None:
        """See `Follower.lost`."""
        known = self.region(region)
        if known.freshness.state is State.LIVE:
            self.freshen(region, Freshness(State.STALE, self._clock()))

    def mark_stale(self, region: str, since: float) -> None:
        """What is known of a region is as it was at `since`: read from a file, say."""
        self.freshen(region, Freshness(State.STALE, since))

    def blind(self, region: str, since: float | None) -> None:
        """No probe has been seen to run since then, or, with None, probes run."""
        known = self._known(region)
        if known.blind_since != since:
            known.blind_since = since
            self._tell(region, frozenset({EVERYTHING}), known.index)

    def forget(self, region: str) -> None:
        """The region is no longer of this federation."""
        known = self.regions.pop(region, None)
        if known is not None:
            self._tell(region, frozenset({EVERYTHING}), known.index)
            self._tell(FEDERATION, frozenset({EVERYTHING}), 0)

    def measured(self, delays: Mapping[str, float]) -> None:
        """How far other regions are now. What is about as far as before stays where it was: delays are never quiet."""
        settled = {
            region: self.nearness[region] if _is_about(self.nearness.get(region), delay) else delay
            for region, delay in delays.items()
        }
        before, self.nearness = self.nearness, settled
        if sorted(before, key=before.__getitem__) != sorted(settled, key=settled.__getitem__):
            self._tell(FEDERATION, frozenset({EVERYTHING}), 0)

    def freshen(self, region: str, freshness: Freshness) -> None:
        """How far the region's part can be trusted, by what is known of the link to it."""
        known = self._known(region)
        if known.freshness != freshness:
            known.freshness = freshness
            self._tell(region, frozenset({EVERYTHING}), known.index)

    def _known(self, region: str) -> RegionView:
        known = self.regions.get(region)
        if known is None:
            known = self.regions[region] = RegionView()
            self._tell(FEDERATION, frozenset({EVERYTHING}), 0)
        return known

    def _tell(self, region: str, names: frozenset[str], index: int) -> None:
        for listener in self.listeners:
            listener(region, names, index)


def as_snapshot(region: str, view: RegionView) -> tuple[Head, list[Change]]:
    """A region's part of the view as the head and changes of a snapshot, in index order."""
    if view.ledger is None:
        raise Unavailable(f"nothing is known of {region} yet")
    return view.ledger.head, sorted(view.changes.values(), key=lambda change: change.index)


def _add(region: RegionView, chunk: Sequence[Change]) -> int:
    """Fold a snapshot's chunk into a region that has no readers yet, in place; returns the sum of the hashes."""
    edits: Edits = {}
    hashes = 0
    for change in chunk:
        record = change.record
        if record is None:
            continue
        region.changes[change.key] = change
        hashes += record_hash(record)
        if (place := PLACES.get(type(record))) is not None:
            place(region, record, record, edits)
    region.publish(edits)
    return hashes


def _place_instance(region: RegionView, subject: Any, record: Any, edits: Edits) -> None:
    name = (intern(subject.namespace), intern(subject.service))
    edited = edits.get(name)
    if edited is None:
        edited = edits[name] = {}
    edited[subject.id] = record


def _place_override(region: RegionView, subject: Any, record: Any, edits: Edits) -> None:
    kept = tuple(override for override in region.overrides if override.id != subject.id)
    region.overrides = kept if record is None else (*kept, record)


def _place_policy(region: RegionView, subject: Any, record: Any, edits: Edits) -> None:
    name = (subject.namespace, subject.service)
    if record is None:
        region.policies.pop(name, None)
    else:
        region.policies[name] = record


# Where the view keeps the kinds by which lookups are answered, besides `changes`: from the record that a change is
# about, and what it becomes.
PLACES: dict[type[Record], Callable[[RegionView, Any, Any, Edits], None]] = {
    Instance: _place_instance,
    Override: _place_override,
    Policy: _place_policy,
}


def _is_about(before: float | None, now: float) -> bool:
    return before is not None and abs(now - before) <= max(0.002, 0.25 * before)
