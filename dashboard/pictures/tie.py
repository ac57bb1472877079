"""The lines between regions: one for each two that follow each other, with its delay and lag."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.view import State
from dashboard.pictures.duration import short
from dashboard.pictures.region import RegionLink
from dashboard.pictures.scale import px
from dashboard.pictures.spot import Spot

GRAVITY = {State.LIVE: 0, State.STALE: 1, State.UNKNOWN: 2}
LABELS = 10  # more than so many lines would hide the picture behind words; then only those in trouble have them
BEND = 0.16  # of the length


@dataclass(frozen=True, slots=True)
class Tie:
    """Both directions between two regions, drawn as one line."""

    links: tuple[RegionLink, ...]

    @property
    def worst(self) -> RegionLink:
        return max(self.links, key=lambda link: (GRAVITY[link.freshness], bool(link.relayed_through), link.lag))

    def in_words(self) -> str:
        return "; ".join(_said(link) for link in self.links)

    def label(self) -> list[str]:
        """One or two short lines."""
        link = self.worst
        if link.freshness is State.UNKNOWN:
            return ["nothing heard yet"]
        delay = "" if link.delay is None else f"{short(link.delay)} · "
        lines = [f"{delay}lag {short(link.lag)}"]
        if link.freshness is State.STALE:
            lines = [f"stale · lag {short(link.lag)}"]
        if link.relayed_through:
            lines.append(f"via {', '.join(link.relayed_through)}")
        return lines

    @property
    def is_troubled(self) -> bool:
        return self.worst.freshness is not State.LIVE or bool(self.worst.relayed_through)


def ties(links: Iterable[RegionLink]) -> list[Tie]:
    """Links by the two regions they join, in the order given."""
    pairs: dict[frozenset[str], tuple[RegionLink, ...]] = {}
    for link in links:
        pair = frozenset((link.a, link.b))
        pairs[pair] = (*pairs.get(pair, ()), link)
    return [Tie(found) for found in pairs.values()]


def drawn_ties(drawn: Sequence[Tie], spots: Mapping[str, Spot], *, bent: bool) -> tuple[SafeString, SafeString]:
    """The lines, and their words to be laid over them. Bent ones bow to the north as ways around the globe do."""
    shown = [(tie, _Curve(spots[tie.links[0].a], spots[tie.links[0].b], bent)) for tie in drawn]
    lines = format_html_join(
        "",
        '<path class="tie tie-{}{}" d="{}"><title>{}</title></path>',
        (
            (tie.worst.freshness.value, " tie-relayed" if tie.worst.relayed_through else "", curve.path(), tie.in_words())
            for tie, curve in shown
        ),
    )
    words = format_html_join(
        "",
        "{}",
        ((_words(tie, curve),) for tie, curve in shown if tie.is_troubled or len(drawn) <= LABELS),
    )
    return lines, words


def _said(link: RegionLink) -> str:
    if link.freshness is State.UNKNOWN:
        return f"{link.a} has heard nothing of {link.b} yet"
    delay = "" if link.delay is None else f" delay {short(link.delay)},"
    relayed = f", relayed through {', '.join(link.relayed_through)}" if link.relayed_through else ""
    return f"{link.a} follows {link.b}: {link.freshness.value},{delay} lag {short(link.lag)}{relayed}"


def _words(tie: Tie, curve: "_Curve") -> SafeString:
    x, y = curve.middle()
    lines = tie.label()
    return format_html(
        '<text class="tie-label halo" x="{}" y="{}">{}</text>',
        px(x),
        px(y - 6 * (len(lines) - 1)),
        format_html_join(
            "",
            '<tspan x="{}" dy="{}">{}</tspan>',
            ((px(x), "0.35em" if number == 0 else "1.15em", line) for number, line in enumerate(lines)),
        ),
    )


class _Curve:
    """From one spot to another, straight or bent upward."""

    def __init__(self, start: Spot, end: Spot, bent: bool) -> None:
        self.start, self.end = start, end
        length = math.hypot(end.x - start.x, end.y - start.y)
        self.lift = BEND * length if bent else 0.0

    def path(self) -> str:
        x, y = self._control()
        return f"M{px(self.start.x)} {px(self.start.y)}Q{px(x)} {px(y)} {px(self.end.x)} {px(self.end.y)}"

    def middle(self) -> tuple[float, float]:
        x, y = self._control()
        return (self.start.x + 2 * x + self.end.x) / 4, (self.start.y + 2 * y + self.end.y) / 4

    def _control(self) -> tuple[float, float]:
        return (self.start.x + self.end.x) / 2, max(4.0, (self.start.y + self.end.y) / 2 - self.lift)
