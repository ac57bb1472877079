"""What the picture of the regions is drawn from."""

from dataclasses import dataclass

from catalog.view import State as FreshnessState
from dashboard.pictures.counts import Counts, in_words

Coordinates = tuple[float, float]  # latitude and longitude in degrees


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionNode:
    """One region: where it is, if known, its instances by status, and how fresh that is."""

    name: str
    place: Coordinates | None
    counts: Counts
    freshness: FreshnessState
    href: str
    is_home: bool = False

    def in_words(self) -> str:
        """Its text for screen readers and tooltips."""
        said = "never reached" if self.freshness is FreshnessState.UNKNOWN else in_words(self.counts)
        stale = ", stale: last known state" if self.freshness is FreshnessState.STALE else ""
        return f"{self.name}{', this region' if self.is_home else ''}: {said}{stale}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionLink:
    """Region `a` follows region `b`. `delay` and `lag` in seconds; `relayed_through` names the regions between them."""

    a: str
    b: str
    delay: float | None
    lag: float
    freshness: FreshnessState
    relayed_through: tuple[str, ...] = ()
