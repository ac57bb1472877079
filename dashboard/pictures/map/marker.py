"""The mark of one region: a ring of its counts, its name, and in words what the ring shows."""

from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.records.status import Status
from catalog.view import State as FreshnessState
from dashboard.pictures.chart.scale import px
from dashboard.pictures.counts import GLYPHS, TROUBLE_FIRST, Counts, total
from dashboard.pictures.map.position import Position
from dashboard.pictures.map.region import RegionNode

RADIUS = 19.0
LEAST = 6.0  # of a hundred parts of the ring: one critical among thousands must be seen
LONGEST = 18  # letters of a name; the whole one is in the title


def region_marker(node: RegionNode, position: Position) -> SafeString:
    """A link to the region's page. Stale is a dashed ring around and the word, home a full one and the word."""
    return format_html(
        '{}<a class="region region-{}" href="{}" aria-label="{}"><title>{}</title>'
        '<circle class="focus" r="30" cx="{x}" cy="{y}"/><circle class="disc" r="27" cx="{x}" cy="{y}"/>{}{}{}</a>',
        _leader(position),
        node.freshness.value,
        node.href,
        node.in_words(),
        node.in_words(),
        format_html('<circle class="around" r="27" cx="{}" cy="{}"/>', px(position.x), px(position.y))
        if node.is_home or node.freshness is not FreshnessState.LIVE
        else "",
        _ring(node, position),
        _words(node, position),
        x=px(position.x),
        y=px(position.y),
    )


def _leader(position: Position) -> SafeString | str:
    """From a region that was moved aside to where it is."""
    if position.place is None or abs(position.place[0] - position.x) + abs(position.place[1] - position.y) < 4:
        return ""
    return format_html(
        '<line class="leader" x1="{}" y1="{}" x2="{}" y2="{}"/><circle class="place" r="2.5" cx="{}" cy="{}"/>',
        *(px(value) for value in (position.x, position.y, *position.place, *position.place)),
    )


def _ring(node: RegionNode, position: Position) -> SafeString:
    x, y = px(position.x), px(position.y)
    known = node.freshness is not FreshnessState.UNKNOWN
    parts = format_html_join(
        "",
        '<circle class="ring ring-{}" r="{}" cx="{}" cy="{}" pathLength="100" stroke-dasharray="{} {}" '
        'stroke-dashoffset="{}" transform="rotate(-90 {} {})"/>',
        (
            (status.value, px(RADIUS), x, y, _dash(width), px(100 - width), px(-start), x, y)
            for status, start, width in _shares(node.counts if known else {})
        ),
    )
    return format_html(
        '<circle class="ring ring-empty" r="{}" cx="{}" cy="{}"/>{}'
        '<text class="count" x="{}" y="{}" dy="0.36em">{}</text>',
        px(RADIUS),
        x,
        y,
        parts,
        x,
        y,
        _round_number(total(node.counts)) if known else "?",
    )


def _shares(counts: Counts) -> Iterator[tuple[Status, float, float]]:
    """Where each status begins on the ring and how long it is, in hundredths; together they close the ring."""
    present = [(status, counts[status]) for status in TROUBLE_FIRST if counts.get(status)]
    spare = 100.0 - LEAST * len(present)
    start = 0.0
    for status, count in present:
        width = LEAST + spare * count / total(counts)
        yield status, start, width
        start += width


def _dash(width: float) -> str:
    """Where rounding would leave a slit in a whole ring, the stroke goes round more than once."""
    return px(width) if width < 99.9 else "200"


def _words(node: RegionNode, position: Position) -> SafeString:
    return format_html(
        '<text class="name halo" x="{}" y="{}">{}</text><text class="counts halo" x="{}" y="{}">{}{}</text>',
        px(position.x),
        px(position.y + 41),
        shortened(node.name),
        px(position.x),
        px(position.y + 54),
        _standing(node),
        _glyphs(node.counts) if node.freshness is not FreshnessState.UNKNOWN else "",
    )


def _standing(node: RegionNode) -> str:
    if node.freshness is FreshnessState.UNKNOWN:
        return "never reached"
    if node.freshness is FreshnessState.STALE:
        return "stale · "
    return "home · " if node.is_home else ""


def _glyphs(counts: Counts) -> SafeString | str:
    entries = [(status.value, GLYPHS[status], counts[status]) for status in TROUBLE_FIRST if counts.get(status)]
    return format_html_join(" ", '<tspan class="text-{}">{} {}</tspan>', entries) or "no instances"


def _round_number(count: int) -> str:
    return str(count) if count < 10_000 else f"{count / 1000:.0f}k"


def shortened(name: str) -> str:
    """A name as long as there is room for."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
