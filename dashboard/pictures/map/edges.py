"""The lines between regions: one for each two that follow each other, with its delay and lag."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.view import State as FreshnessState
from dashboard.pictures.chart.duration import short
from dashboard.pictures.chart.scale import px
from dashboard.pictures.map.label import Box, around_region, box, free_place
from dashboard.pictures.map.position import Position
from dashboard.pictures.map.region import RegionLink

SEVERITY = {FreshnessState.LIVE: 0, FreshnessState.STALE: 1, FreshnessState.UNKNOWN: 2}
LABELS = 10  # more than so many lines would hide the picture behind words; then only those in trouble have them
COVERED = 0.15  # of a label; one that covers more of others is left to the title of its line
BEND = 0.16  # of the length


@dataclass(frozen=True, slots=True)
class Edge:
    """Both directions between two regions, drawn as one line."""

    links: tuple[RegionLink, ...]

    @property
    def worst(self) -> RegionLink:
        return max(self.links, key=lambda link: (SEVERITY[link.freshness], bool(link.relayed_through), link.lag))

    def in_words(self) -> str:
        return "; ".join(_in_words(link) for link in self.links)

    def label(self) -> list[str]:
        """One or two short lines."""
        link = self.worst
        if link.freshness is FreshnessState.UNKNOWN:
            return ["never reached"]
        delay = "" if link.delay is None else f"{short(link.delay)} · "
        lines = [f"{delay}lag {short(link.lag)}"]
        if link.freshness is FreshnessState.STALE:
            lines = [f"stale · lag {short(link.lag)}"]
        if link.relayed_through:
            lines.append(f"via {', '.join(link.relayed_through)}")
        return lines

    @property
    def is_troubled(self) -> bool:
        return self.worst.freshness is not FreshnessState.LIVE or bool(self.worst.relayed_through)


def edges_between(links: Iterable[RegionLink]) -> list[Edge]:
    """Links by the two regions they join, in the order given."""
    pairs: dict[frozenset[str], tuple[RegionLink, ...]] = {}
    for link in links:
        pair = frozenset((link.a, link.b))
        pairs[pair] = (*pairs.get(pair, ()), link)
    return [Edge(found) for found in pairs.values()]


def draw_edges(
    drawn: Sequence[Edge], positions: Mapping[str, Position], *, bent: bool
) -> tuple[SafeString, SafeString]:
    """The lines, and their words to be laid over them. Bent ones bow to the north as ways around the globe do."""
    shown = [(edge, _Curve(positions[edge.links[0].a], positions[edge.links[0].b], bent)) for edge in drawn]
    lines = format_html_join(
        "",
        '<path class="tie tie-{}{}" d="{}"><title>{}</title></path>',
        (
            (
                edge.worst.freshness.value,
                " tie-relayed" if edge.worst.relayed_through else "",
                curve.path(),
                edge.in_words(),
            )
            for edge, curve in shown
        ),
    )
    return lines, format_html_join("", "{}", ((words,) for words in _labels(shown, positions)))


def _labels(shown: Sequence[tuple[Edge, "_Curve"]], positions: Mapping[str, Position]) -> Iterator[SafeString]:
    """Troubled lines choose their place first; of the others, those for which there is room have words."""
    taken = [room for position in positions.values() for room in around_region(position)]
    for edge, curve in sorted(shown, key=lambda pair: not pair[0].is_troubled):
        if not edge.is_troubled and len(shown) > LABELS:
            return
        lines = edge.label()
        x, y, covered = free_place(lines, curve.at, taken)
        if covered < COVERED:
            taken.append(box(lines, x, y))
            yield _words(lines, taken[-1], x)


def _in_words(link: RegionLink) -> str:
    if link.freshness is FreshnessState.UNKNOWN:
        return f"{link.a} has never reached {link.b}"
    delay = "" if link.delay is None else f" delay {short(link.delay)},"
    relayed = f", relayed through {', '.join(link.relayed_through)}" if link.relayed_through else ""
    return f"{link.a} follows {link.b}: {link.freshness.value},{delay} lag {short(link.lag)}{relayed}"


def _words(lines: Sequence[str], room: Box, x: float) -> SafeString:
    return format_html(
        '<rect class="back" x="{}" y="{}" width="{}" height="{}" rx="5"/>'
        '<text class="tie-label" x="{}" y="{}">{}</text>',
        px(room.left - 4),
        px(room.top),
        px(room.right - room.left + 8),
        px(room.bottom - room.top),
        px(x),
        px(room.top + 10),
        format_html_join(
            "",
            '<tspan x="{}" dy="{}">{}</tspan>',
            ((px(x), "0" if number == 0 else "13", line) for number, line in enumerate(lines)),
        ),
    )


class _Curve:
    """From one spot to another, straight or bent upward."""

    def __init__(self, start: Position, end: Position, bent: bool) -> None:
        self.start, self.end = start, end
        length = math.hypot(end.x - start.x, end.y - start.y)
        self.lift = BEND * length if bent else 0.0

    def path(self) -> str:
        x, y = self._control()
        return f"M{px(self.start.x)} {px(self.start.y)}Q{px(x)} {px(y)} {px(self.end.x)} {px(self.end.y)}"

    def at(self, share: float) -> tuple[float, float]:
        """The place at this share of the way."""
        x, y = self._control()
        first, middle, last = (1 - share) ** 2, 2 * share * (1 - share), share**2
        return (
            first * self.start.x + middle * x + last * self.end.x,
            first * self.start.y + middle * y + last * self.end.y,
        )

    def _control(self) -> tuple[float, float]:
        return (self.start.x + self.end.x) / 2, max(4.0, (self.start.y + self.end.y) / 2 - self.lift)
