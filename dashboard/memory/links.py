"""Links: how each other region was reached lately, kept in memory: delay, lag, freshness, and what became of them.

One sample every two seconds for half an hour; older ones are thinned to the worst of each half minute, for a day. A
region that nobody names any more is forgotten with its history.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from catalog.view import Freshness, View
from catalog.view import State as FreshnessState
from registry.freshness import Heard

EVERY = 2.0  # seconds
FINE = 900  # samples
COARSE_EVERY = 30.0  # seconds
COARSE = 2880
EVENTS = 200  # kept of a region
GRAVITY = {FreshnessState.LIVE: 0, FreshnessState.STALE: 1, FreshnessState.UNKNOWN: 2}


class LinkSample(msgspec.Struct, frozen=True):
    """How a region was reached at a time. `delay` and `lag` in seconds; None where nobody knows."""

    at: float
    delay: float | None
    lag: float | None
    state: FreshnessState


class LinkEvent(msgspec.Struct, frozen=True):
    """Something that became of a link. `severity` is `critical`, `warning`, `passing` or `quiet`."""

    at: float
    kind: str
    text: str
    severity: str = "quiet"


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one region in a moment, as the samples and the events are made from it."""

    freshness: Freshness
    lag: float | None
    log_id: str = ""
    index: int = 0
    word: Heard | None = None

    @property
    def through(self) -> tuple[str, ...]:
        """The regions between, when its log is relayed: the origin comes first in its path, who passed it on last."""
        return self.word.path[1:] if self.word else ()


class Link:
    """One region's history."""

    def __init__(self) -> None:
        self.fine: deque[LinkSample] = deque(maxlen=FINE)
        self.coarse: deque[LinkSample] = deque(maxlen=COARSE)
        self.events: deque[LinkEvent] = deque(maxlen=EVENTS)
        self.last: LinkState | None = None

    def note(self, found: LinkState, now: float) -> None:
        """Take in how things are now."""
        if len(self.fine) == FINE:
            self._thin(self.fine[0])
        delay = found.word.delay if found.word else None
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
    """The history of the links to all other regions. Written by `sampled`, read by the thread that draws."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self.peers: frozenset[str] = frozenset()  # the names that were last read from the tables, mirrored or not

    def note(self, region: str, found: LinkState, now: float) -> None:
        """How a region is reached now."""
        self._links.setdefault(region, Link()).note(found, now)

    def forget_all_but(self, regions: frozenset[str]) -> None:
        """Other regions are no longer of this federation."""
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

    def reached(self, region: str) -> LinkState | None:
        """How the region was reached when it was last looked at."""
        link = self._links.get(region)
        return None if link is None else link.last


async def sampled(
    links: Links,
    view: View,
    home: str,
    *,
    lag: Callable[[str], float | None],
    word: Callable[[str], Heard | None],
    clock: Callable[[], float],
) -> None:
    """Look at every other region each two seconds, until cancelled."""
    while True:
        look(links, view, home, lag=lag, word=word, now=clock())
        await asyncio.sleep(EVERY)


def look(
    links: Links,
    view: View,
    home: str,
    *,
    lag: Callable[[str], float | None],
    word: Callable[[str], Heard | None],
    now: float,
) -> None:
    """Look once."""
    names = frozenset(view.regions) - {home}
    for region in sorted(names):
        links.note(region, reached(view, region, lag=lag(region), word=word(region)), now)
    links.forget_all_but(names)


def reached(view: View, region: str, *, lag: float | None, word: Heard | None) -> LinkState:
    """How a region is reached, as the view and its follower's word tell."""
    known = view.region(region)
    position = known.position
    return LinkState(
        freshness=known.freshness,
        # Whoever has a live link is told at once: what has passed since the last word is no lag.
        lag=0.0 if known.freshness.state is FreshnessState.LIVE else lag,
        log_id=position.log_id if position else "",
        index=position.index if position else 0,
        word=word,
    )


def _worst(one: LinkSample, other: LinkSample) -> LinkSample:
    delays = [delay for delay in (one.delay, other.delay) if delay is not None]
    lags = [lag for lag in (one.lag, other.lag) if lag is not None]
    state = max(one.state, other.state, key=GRAVITY.__getitem__)
    return LinkSample(one.at, max(delays, default=None), max(lags, default=None), state)


def _events(before: LinkState, now: LinkState, at: float) -> Iterator[LinkEvent]:
    yield from _freshness_events(before, now, at)
    if before.log_id and now.log_id and (before.log_id != now.log_id or now.index < before.index):
        yield LinkEvent(at, "reset", f"its log began anew: from a snapshot at index {now.index}", "warning")
    yield from _path_events(before, now, at)
    yield from _word_events(before.word or Heard(region=""), now.word or Heard(region=""), at)


def _freshness_events(before: LinkState, now: LinkState, at: float) -> Iterator[LinkEvent]:
    old, new = before.freshness.state, now.freshness.state
    if old is new:
        return
    if new is FreshnessState.LIVE:
        away = at - before.freshness.since if before.freshness.since else None
        after = f" after {away:.0f} s" if old is FreshnessState.STALE and away is not None else ""
        yield LinkEvent(
            at, "live", f"live again{after}" if old is FreshnessState.STALE else "heard for the first time", "passing"
        )
    elif new is FreshnessState.STALE:
        why = f": {now.word.reason}" if now.word and now.word.reason else ""
        yield LinkEvent(now.freshness.since or at, "stale", f"went stale{why}", "critical")
    else:
        yield LinkEvent(at, "unknown", "nothing is known of it any more", "warning")


def _path_events(before: LinkState, now: LinkState, at: float) -> Iterator[LinkEvent]:
    if now.through == before.through:
        return
    if now.through:
        yield LinkEvent(at, "relayed", f"relayed through {', '.join(now.through)}", "warning")
    else:
        yield LinkEvent(at, "direct", "followed directly again", "passing")


def _word_events(before: Heard, now: Heard, at: float) -> Iterator[LinkEvent]:
    if now.held and not before.held:
        yield LinkEvent(at, "held", f"held: {now.held}", "critical")
    elif before.held and not now.held:
        yield LinkEvent(at, "released", "no longer held", "passing")
    if now.equal is False and before.equal is not False:
        services = f" in {', '.join(now.diverged)}" if now.diverged else ""
        yield LinkEvent(at, "diverged", f"the mirror differed{services}", "critical")
    elif before.equal is False and now.equal:
        yield LinkEvent(at, "equal", "the mirror was proven equal", "passing")
    if now.revoked and not before.revoked:
        yield LinkEvent(at, "revoked", "revoked: it is followed no more", "warning")
    elif before.revoked and not now.revoked:
        yield LinkEvent(at, "trusted", "trusted again", "passing")
