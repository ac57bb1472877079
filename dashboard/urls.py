"""The addresses of the dashboard. Each can be shared."""

from django.urls import URLPattern, path
from django.views.generic import RedirectView

from catalog.records.instance import DEFAULT_NAMESPACE
from dashboard.corrections.urls import urlpatterns as corrections
from dashboard.live.views import PageView
from dashboard.pages.change import ChangePage
from dashboard.pages.changes import ChangesPage
from dashboard.pages.federation import FederationPage
from dashboard.pages.instance.page import InstancePage
from dashboard.pages.map_outline import land
from dashboard.pages.overview import OverviewPage
from dashboard.pages.peer import PeerPage
from dashboard.pages.service.page import ServicePage
from dashboard.pages.services import ServicesPage

app_name = "dashboard"
urlpatterns: list[URLPattern] = [
    path("", PageView.as_view(page=OverviewPage), name="overview"),
    path("land.svg", land, name="land"),
    path("services", PageView.as_view(page=ServicesPage), name="services"),
    path(
        "services/<str:service>",  # as typed without a namespace
        RedirectView.as_view(pattern_name="dashboard:service"),
        {"namespace": DEFAULT_NAMESPACE},
        name="service-by-name",
    ),
    path("services/<str:namespace>/<str:service>", PageView.as_view(page=ServicePage), name="service"),
    path(
        "instances/<str:region>/<str:namespace>/<str:service>/<str:id>",
        PageView.as_view(page=InstancePage),
        name="instance",
    ),
    path("federation", PageView.as_view(page=FederationPage), name="federation"),
    path("federation/<str:region>", PageView.as_view(page=PeerPage), name="peer"),
    path("changes", PageView.as_view(page=ChangesPage), name="changes"),
    path("changes/<str:region>/<int:index>", PageView.as_view(page=ChangePage), name="change"),
    *corrections,
]
