"""Links: delay, lag and freshness of each other region over time, and events of its link, kept in memory.

One sample every two seconds for half an hour; older ones are thinned to the worst of each half minute, for a day. A
region that leaves the view is forgotten with its history.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from catalog.view import Freshness, View
from catalog.view import State as FreshnessState
from registry.freshness import MirrorStatus

EVERY = 2.0  # seconds
FINE = 900  # samples
COARSE_EVERY = 30.0  # seconds
COARSE = 2880
EVENTS = 200  # kept of a region
SEVERITY = {FreshnessState.LIVE: 0, FreshnessState.STALE: 1, FreshnessState.UNKNOWN: 2}


class LinkSample(msgspec.Struct, frozen=True):
    """A link at a time. `delay` and `lag` in seconds; None where unknown."""

    at: float
    delay: float | None
    lag: float | None
    state: FreshnessState


class LinkEvent(msgspec.Struct, frozen=True):
    """Something that happened to a link. `severity` is `critical`, `warning`, `passing` or `quiet`."""

    at: float
    kind: str
    text: str
    severity: str = "quiet"


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """A link as it is now; samples and events are made from it. `mirror` is what the region's follower says."""

    freshness: Freshness
    lag: float | None
    log_id: str = ""
    index: int = 0
    mirror: MirrorStatus | None = None

    @property
    def through(self) -> tuple[str, ...]:
        """The regions that relay its log, the nearest to us last: its path without the origin."""
        return self.mirror.path[1:] if self.mirror else ()


class Link:
    """One region's history."""

    def __init__(self) -> None:
        self.fine: deque[LinkSample] = deque(maxlen=FINE)
        self.coarse: deque[LinkSample] = deque(maxlen=COARSE)
        self.events: deque[LinkEvent] = deque(maxlen=EVENTS)
        self.last: LinkState | None = None

    def add(self, found: LinkState, now: float) -> None:
        """Add a sample, and the events since the last one."""
        if len(self.fine) == FINE:
            self._thin(self.fine[0])
        delay = found.mirror.delay if found.mirror else None
        self.fine.append(LinkSample(now, delay, found.lag, found.freshness.state))
        if self.last is not None:
            self.events.extend(_events(self.last, found, now))
        self.last = found

    def _thin(self, sample: LinkSample) -> None:
        last = self.coarse[-1] if self.coarse else None
        if last is None or sample.at // COARSE_EVERY != last.at // COARSE_EVERY:
            self.coarse.append(sample)
        else:
            self.coarse[-1] = _worst(last, sample)


class Links:
    """The links to all other regions. Written by `sample_forever`, read by the thread that renders."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self.peers: frozenset[str] = frozenset()  # as last read from the tables, mirrored or not

    def add(self, region: str, found: LinkState, now: float) -> None:
        """Add a sample of a region's link."""
        self._links.setdefault(region, Link()).add(found, now)

    def forget_all_but(self, regions: frozenset[str]) -> None:
        """Drop the links of regions that have left."""
        for region in self._links.keys() - regions:
            del self._links[region]

    def samples(self, region: str, *, since: float = 0.0) -> list[LinkSample]:
        """The oldest first."""
        link = self._links.get(region)
        if link is None:
            return []
        return [sample for sample in (*link.coarse.copy(), *link.fine.copy()) if sample.at >= since]

    def events(self, region: str) -> list[LinkEvent]:
        """The newest first."""
        link = self._links.get(region)
        return [] if link is None else list(reversed(link.events.copy()))

    def current(self, region: str) -> LinkState | None:
        """The link as last sampled."""
        link = self._links.get(region)
        return None if link is None else link.last


async def sample_forever(
    links: Links,
    view: View,
    home: str,
    *,
    lag: Callable[[str], float | None],
    mirror: Callable[[str], MirrorStatus | None],
    clock: Callable[[], float],
) -> None:
    """Sample the link to every other region every two seconds, until cancelled."""
    while True:
        sample(links, view, home, lag=lag, mirror=mirror, now=clock())
        await asyncio.sleep(EVERY)


def sample(
    links: Links,
    view: View,
    home: str,
    *,
    lag: Callable[[str], float | None],
    mirror: Callable[[str], MirrorStatus | None],
    now: float,
) -> None:
    """Sample every link once."""
    names = frozenset(view.regions) - {home}
    for region in sorted(names):
        links.add(region, link_state(view, region, lag=lag(region), mirror=mirror(region)), now)
    links.forget_all_but(names)


def link_state(view: View, region: str, *, lag: float | None, mirror: MirrorStatus | None) -> LinkState:
    """The link to a region, by the view and what the region's follower says."""
    known = view.region(region)
    position = known.position
    return LinkState(
        freshness=known.freshness,
        # A live link delivers at once: the time since its last message is no lag.
        lag=0.0 if known.freshness.state is FreshnessState.LIVE else lag,
        log_id=position.log_id if position else "",
        index=position.index if position else 0,
        mirror=mirror,
    )


def _worst(one: LinkSample, other: LinkSample) -> LinkSample:
    delays = [delay for delay in (one.delay, other.delay) if delay is not None]
    lags = [lag for lag in (one.lag, other.lag) if lag is not None]
    state = max(one.state, other.state, key=SEVERITY.__getitem__)
    return LinkSample(one.at, max(delays, default=None), max(lags, default=None), state)


def _events(before: LinkState, now: LinkState, at: float) -> Iterator[LinkEvent]:
    yield from _freshness_events(before, now, at)
    if before.log_id and now.log_id and (before.log_id != now.log_id or now.index < before.index):
        yield LinkEvent(at, "reset", f"log reset: snapshot at index {now.index}", "warning")
    yield from _path_events(before, now, at)
    yield from _mirror_events(before.mirror or MirrorStatus(region=""), now.mirror or MirrorStatus(region=""), at)


def _freshness_events(before: LinkState, now: LinkState, at: float) -> Iterator[LinkEvent]:
    old, new = before.freshness.state, now.freshness.state
    if old is new:
        return
    if new is FreshnessState.LIVE:
        away = at - before.freshness.since if before.freshness.since else None
        after = f" after {away:.0f} s" if old is FreshnessState.STALE and away is not None else ""
        yield LinkEvent(at, "live", f"live again{after}" if old is FreshnessState.STALE else "first contact", "passing")
    elif new is FreshnessState.STALE:
        why = f": {now.mirror.reason}" if now.mirror and now.mirror.reason else ""
        yield LinkEvent(now.freshness.since or at, "stale", f"went stale{why}", "critical")
    else:
        yield LinkEvent(at, "unknown", "no longer known", "warning")


def _path_events(before: LinkState, now: LinkState, at: float) -> Iterator[LinkEvent]:
    if now.through == before.through:
        return
    if now.through:
        yield LinkEvent(at, "relayed", f"relayed through {', '.join(now.through)}", "warning")
    else:
        yield LinkEvent(at, "direct", "followed directly again", "passing")


def _mirror_events(before: MirrorStatus, now: MirrorStatus, at: float) -> Iterator[LinkEvent]:
    if now.held and not before.held:
        yield LinkEvent(at, "held", f"held: {now.held}", "critical")
    elif before.held and not now.held:
        yield LinkEvent(at, "released", "no longer held", "passing")
    if now.equal is False and before.equal is not False:
        services = f" in {', '.join(now.diverged)}" if now.diverged else ""
        yield LinkEvent(at, "diverged", f"mirror diverged{services}", "critical")
    elif before.equal is False and now.equal:
        yield LinkEvent(at, "equal", "mirror verified equal again", "passing")
    if now.revoked and not before.revoked:
        yield LinkEvent(at, "revoked", "revoked: no longer followed", "warning")
    elif before.revoked and not now.revoked:
        yield LinkEvent(at, "trusted", "trusted again", "passing")
