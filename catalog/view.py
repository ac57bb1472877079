"""The view: the catalog of every region in memory, folded from their logs. Lookups read nothing else.

It is a follower. What it holds of a service is replaced, never changed in place, so that a reader on another thread
sees a service either before or after a change. Each change *touches* names; answers kept elsewhere depend on names
and are dropped when one of theirs is touched.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from sys import intern

import msgspec

from catalog.change import Change, Position, Record
from catalog.digest import EMPTY, from_hex, record_hash, replaced, to_hex
from catalog.errors import Diverged, Unavailable
from catalog.instance import Instance
from catalog.log import Head, Snapshot
from catalog.override import Override

EVERYTHING = "*"  # touched when no narrower name will do: a reset, a change of freshness

ServiceName = tuple[str, str]  # namespace, service
Listener = Callable[[str, frozenset[str], int], None]  # region, names touched, index


class State(StrEnum):
    """How far a region's part of the view can be trusted."""

    LIVE = "live"
    STALE = "stale"
    UNKNOWN = "unknown"


class Freshness(msgspec.Struct, frozen=True):
    """`stale` is true since `since`; `unknown` means nothing was ever heard, which is not the same as empty."""

    state: State
    since: float | None = None


def service_name(namespace: str, service: str) -> str:
    """The name that an answer about one service depends on."""
    return f"{namespace}/{service}"


def namespace_name(namespace: str) -> str:
    """The name that an answer about all services of a namespace depends on."""
    return f"{namespace}/"


class RegionView:
    """One region's part of the view."""

    __slots__ = (
        "_floor", "_touched", "blind_since", "changes", "digest", "freshness", "overrides", "position", "services",
    )  # fmt: skip

    def __init__(self) -> None:
        self.position: Position | None = None
        self.digest = EMPTY
        self.changes: dict[str, Change] = {}
        self.services: dict[ServiceName, Mapping[str, Instance]] = {}
        self.overrides: tuple[Override, ...] = ()
        self.freshness = Freshness(State.UNKNOWN)
        self.blind_since: float | None = None  # since when no probe has been seen to run
        self._touched: dict[str, int] = {}
        self._floor = 0

    @property
    def index(self) -> int:
        """The index of the last change folded in; 0 before the first."""
        return self.position.index if self.position else 0

    def touched(self, name: str) -> int:
        """The index at which `name` was last touched; never earlier than the last reset."""
        return max(self._touched.get(name, 0), self._floor)

    def fold(self, changes: Sequence[Change]) -> frozenset[str]:
        """Apply changes that follow the position; returns the names touched.

        Changes seen before are passed over: a batch may be delivered twice. Raises Diverged on a gap or a wrong digest.
        """
        changes = [change for change in changes if change.index > self.index]
        if not changes:
            return frozenset()
        if changes[0].index != self.index + 1:
            raise Diverged(f"index {changes[0].index} of {changes[0].region} does not follow {self.index}")
        digest, names = self.digest, set[str]()
        edited: dict[ServiceName, dict[str, Instance]] = {}
        overrides_before = self.overrides
        for change in changes:
            old = self.changes.get(change.key)
            digest = replaced(digest, old.record if old else None, change.record)
            self._put(change, old.record if old else None, edited)
            for name in self._names_of(old.record if old else None, change.record):
                names.add(name)
                self._touched[name] = change.index
        self._publish(edited)
        self.digest = digest
        self.position = Position(self.position.log_id if self.position else "", changes[-1].index)
        if overrides_before is not self.overrides:
            names |= self._touch_overridden(overrides_before, changes[-1].index)
        if changes[-1].digest and to_hex(digest) != changes[-1].digest:
            raise Diverged(f"digest differs at index {changes[-1].index} of {changes[-1].region}")
        return frozenset(names)

    def _put(self, change: Change, old: Record | None, edited: dict[ServiceName, dict[str, Instance]]) -> None:
        record = change.record
        if record is None:
            self.changes.pop(change.key, None)
        else:
            self.changes[change.key] = change
        subject = record if record is not None else old
        if isinstance(subject, Instance):
            name = (intern(subject.namespace), intern(subject.service))
            if name not in edited:
                edited[name] = dict(self.services.get(name, {}))
            if record is None:
                edited[name].pop(subject.id, None)
            else:
                edited[name][subject.id] = subject
        elif isinstance(subject, Override):
            kept = tuple(override for override in self.overrides if override.id != subject.id)
            self.overrides = kept if record is None else (*kept, subject)

    def _publish(self, edited: dict[ServiceName, dict[str, Instance]]) -> None:
        for name, instances in edited.items():
            if instances:
                self.services[name] = instances
            else:
                self.services.pop(name, None)

    @staticmethod
    def _names_of(*records: Record | None) -> Iterator[str]:
        for record in records:
            if isinstance(record, Instance):
                yield service_name(record.namespace, record.service)
                yield namespace_name(record.namespace)

    def _touch_overridden(self, before: tuple[Override, ...], index: int) -> set[str]:
        names = set[str]()
        for override in set(before) ^ set(self.overrides):
            names.add(namespace_name(override.namespace))
            if override.service:
                names.add(service_name(override.namespace, override.service))
            else:
                names |= {service_name(*name) for name in self.services if name[0] == override.namespace}
        for name in names:
            self._touched[name] = index
        return names

    def take(self, other: "RegionView") -> None:
        """Become `other`, which a snapshot built; freshness and blindness are about the link and stay."""
        self.changes, self.services, self.overrides = other.changes, other.services, other.overrides
        self.position, self.digest, self._touched = other.position, other.digest, {}
        self._floor = other.index


class View:
    """Every region's catalog in memory; a follower of each region's log.

    `clock` gives wall time, for freshness alone.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.regions: dict[str, RegionView] = {}
        self.listeners: list[Listener] = []

    def region(self, name: str) -> RegionView:
        """A region's part; an unknown region has an empty one whose freshness is `unknown`."""
        return self.regions.get(name) or RegionView()

    def position(self, region: str) -> Position | None:
        """See `Follower.position`."""
        return self.region(region).position

    async def reset(self, snapshot: Snapshot) -> None:
        """See `Follower.reset`."""
        fresh = RegionView()
        async for chunk in snapshot.chunks:
            _add(fresh, chunk)
        if to_hex(fresh.digest) != snapshot.head.digest:
            raise Diverged(f"the snapshot of {snapshot.region} does not add up to its digest")
        fresh.position = snapshot.head.position
        region = self.regions.setdefault(snapshot.region, RegionView())
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
        self._freshen(region, Freshness(State.LIVE))

    def lost(self, region: str, error: Unavailable) -> None:
        """See `Follower.lost`."""
        known = self.region(region)
        if known.freshness.state is State.LIVE:
            self._freshen(region, Freshness(State.STALE, self._clock()))

    def mark_stale(self, region: str, since: float) -> None:
        """What is known of a region is as it was at `since`: read from a file, say."""
        self._freshen(region, Freshness(State.STALE, since))

    def blind(self, region: str, since: float | None) -> None:
        """No probe has been seen to run since then, or, with None, probes run."""
        known = self.regions.setdefault(region, RegionView())
        if known.blind_since != since:
            known.blind_since = since
            self._tell(region, frozenset({EVERYTHING}), known.index)

    def _freshen(self, region: str, freshness: Freshness) -> None:
        known = self.regions.setdefault(region, RegionView())
        if known.freshness != freshness:
            known.freshness = freshness
            self._tell(region, frozenset({EVERYTHING}), known.index)

    def _tell(self, region: str, names: frozenset[str], index: int) -> None:
        for listener in self.listeners:
            listener(region, names, index)


def as_snapshot(region: str, view: RegionView) -> tuple[Head, list[Change]]:
    """A region's part of the view as the head and changes of a snapshot, in index order."""
    if view.position is None:
        raise Unavailable(f"nothing is known of {region} yet")
    changes = sorted(view.changes.values(), key=lambda change: change.index)
    return Head(view.position, to_hex(view.digest)), changes


def differing(ours: RegionView, theirs_hashes: Mapping[str, str]) -> list[str]:
    """The services whose digests differ, as `namespace/service`, overrides under `overrides`."""
    mine = service_digests(ours)
    return sorted(name for name in mine.keys() | theirs_hashes.keys() if mine.get(name) != theirs_hashes.get(name))


def service_digests(view: RegionView) -> dict[str, str]:
    """The digest of each service's records, in hex, for telling where two copies of a region differ."""
    sums: dict[str, int] = {}
    for change in view.changes.values():
        record = change.record
        name = service_name(record.namespace, record.service) if isinstance(record, Instance) else "overrides"
        sums[name] = replaced(sums.get(name, EMPTY), None, record)
    return {name: to_hex(digest) for name, digest in sums.items()}


def _add(region: RegionView, chunk: Sequence[Change]) -> None:
    """Fold a snapshot's chunk into a region that nobody reads yet: in place, and without asking what was before."""
    for change in chunk:
        record = change.record
        if record is None:
            continue
        region.changes[change.key] = change
        region.digest = (region.digest + record_hash(record)) % (1 << 256)
        if isinstance(record, Instance):
            instances = region.services.setdefault((intern(record.namespace), intern(record.service)), {})
            instances[record.id] = record  # type: ignore[index]
        else:
            region.overrides = (*region.overrides, record)


__all__ = [
    "EVERYTHING", "Freshness", "RegionView", "State", "View", "as_snapshot", "differing", "from_hex", "namespace_name",
    "service_digests", "service_name",
]  # fmt: skip
