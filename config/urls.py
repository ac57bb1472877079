"""Everything that Django answers. The discovery plane's paths never come here: see `config.asgi`."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/dashboard/", permanent=False)),
    path("dashboard/", include("dashboard.urls")),
    # Asked for by browsers on pages that name no icon.
    path(
        "favicon.ico",
        RedirectView.as_view(url=f"{settings.STATIC_URL}dashboard/icon.svg", permanent=True),
        name="favicon",
    ),
    path("admin/", admin.site.urls),
    path("api/v1/", include("federation.api.urls")),
    path("api/v1/", include("registry.api.urls")),
]
