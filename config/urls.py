"""Everything that Django answers. The discovery plane's paths never come here: see `config.asgi`."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/admin/", permanent=False)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("federation.api.urls")),
    path("api/v1/", include("registry.api.urls")),
]
