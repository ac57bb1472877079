"""Pictures made by the server: pure functions that return safe SVG without a style or a script in it.

Each says in words what it shows. Colours are classes of `dashboard/pictures.css`.
"""

from dashboard.pictures.chart.bars import status_bar
from dashboard.pictures.chart.health import health_over_time
from dashboard.pictures.chart.latency import latency_plot
from dashboard.pictures.chart.sparkline import sparkline
from dashboard.pictures.map.outlines import land_svg
from dashboard.pictures.map.region import RegionLink, RegionNode
from dashboard.pictures.map.regions import regions_picture

__all__ = [
    "RegionLink",
    "RegionNode",
    "health_over_time",
    "land_svg",
    "latency_plot",
    "regions_picture",
    "sparkline",
    "status_bar",
]
