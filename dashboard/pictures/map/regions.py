"""The picture of the regions: a map when every place is known, else an honest schematic."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from catalog.view import State as FreshnessState
from dashboard.pictures.chart.scale import px
from dashboard.pictures.map.edges import draw_edges, edges_between
from dashboard.pictures.map.marker import region_marker
from dashboard.pictures.map.position import HEIGHT, WIDTH
from dashboard.pictures.map.region import RegionLink, RegionNode
from dashboard.pictures.map.schematic import reason, schematic
from dashboard.pictures.map.world import world

LAND = "/dashboard/land.svg"


def regions_picture(nodes: Sequence[RegionNode], links: Sequence[RegionLink], *, land: str = LAND) -> SafeString:
    """Regions with their counts and the links between them. `land` is where `land_svg()` is served.

    It holds links to the regions' pages and so is a group, not an image: what is inside an image cannot be reached by
    those who do not see it. Links that name a region that is not among `nodes` are left out.
    """
    mapped = bool(nodes) and all(node.place is not None for node in nodes)
    positions = dict(zip((node.name for node in nodes), world(nodes) if mapped else schematic(nodes), strict=True))
    known = edges_between(link for link in links if link.a != link.b and link.a in positions and link.b in positions)
    lines, words = draw_edges(known, positions, bent=mapped)
    return format_html(
        '<figure class="picture regions"><svg viewBox="0 0 {} {}" role="group" aria-label="{}">{}{}{}{}</svg>'
        "<figcaption>{}</figcaption></figure>",
        px(WIDTH),
        px(HEIGHT),
        _summary(nodes, mapped),
        format_html('<use class="land" href="{}#land"/>', land) if mapped else "",
        lines,
        words,
        format_html_join("", "{}", ((region_marker(node, positions[node.name]),) for node in nodes)),
        _caption(nodes, mapped),
    )


def _summary(nodes: Sequence[RegionNode], mapped: bool) -> str:
    if not nodes:
        return "No regions yet"
    stale = [node.name for node in nodes if node.freshness is not FreshnessState.LIVE]
    said = f"{'Map' if mapped else 'Schematic'} of {len(nodes)} {'region' if len(nodes) == 1 else 'regions'}"
    return f"{said}; not live: {', '.join(stale)}" if stale else f"{said}, all live"


def _caption(nodes: Sequence[RegionNode], mapped: bool) -> str:
    if not nodes:
        return "No regions yet."
    key = "Rings: instances by status. Lines: mirroring, with delay and lag; dashed: stale, dotted: relayed."
    return key if mapped else f"{reason(nodes)} {key}"
