"""The outlines of the continents, served once to each browser: the map of the regions refers to them."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.pictures.map.outlines import land_svg

KEPT = 86_400  # seconds that a browser keeps them; they change with the installed package alone


@require_safe
def land(request: HttpRequest) -> HttpResponse:
    """`/dashboard/land.svg`. It shows nothing of the catalog, so it needs no sign-in."""
    response = HttpResponse(land_svg(), content_type="image/svg+xml")
    response.headers["Cache-Control"] = f"public, max-age={KEPT}"
    return response
