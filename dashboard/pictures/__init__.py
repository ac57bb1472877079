"""Pictures made by the server: pure functions that return safe SVG without a style or a script in it.

Each says in words what it shows. Colours are classes of `dashboard/pictures.css`.
"""

from dashboard.pictures.bars import status_bar
from dashboard.pictures.health import health_over_time
from dashboard.pictures.land import land_svg
from dashboard.pictures.latency import latency_plot
from dashboard.pictures.region import RegionLink, RegionNode
from dashboard.pictures.regions import regions_picture
from dashboard.pictures.sparkline import sparkline

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
