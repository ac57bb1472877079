"""The paths of the API. Each works with and without a trailing slash; the schema shows the one without."""

from typing import Any

from django.urls import URLPattern, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from registry.api import problems
from registry.api.resources.changes import Changes, OneChange
from registry.api.resources.checks import CheckedInstances, OneCheckedInstance
from registry.api.resources.holds import Approval, Holds, OneHold, Rejection
from registry.api.resources.instances import Instances, OneInstance
from registry.api.resources.overrides import OneOverride, OverridePreview, Overrides
from registry.api.resources.policies import OnePolicy, Policies
from registry.api.resources.regions import Regions
from registry.api.resources.services import OneService, Services
from registry.api.resources.tokens import OneToken, Tokens

schema_view = extend_schema(exclude=True)(SpectacularAPIView)

ROUTES: tuple[tuple[str, Any, str], ...] = (
    ("regions", Regions.as_view(), "regions"),
    ("instances", Instances.as_view(), "instances"),
    ("instances/<str:service>/<str:id>", OneInstance.as_view(), "instance"),
    ("services", Services.as_view(), "services"),
    ("services/<str:service>", OneService.as_view(), "service"),
    ("checks", CheckedInstances.as_view(), "checks"),
    ("checks/<str:service>/<str:id>", OneCheckedInstance.as_view(), "instance-checks"),
    ("overrides", Overrides.as_view(), "overrides"),
    ("overrides/preview", OverridePreview.as_view(), "override-preview"),
    ("overrides/<str:id>", OneOverride.as_view(), "override"),
    ("policies", Policies.as_view(), "policies"),
    ("policies/<str:service>", OnePolicy.as_view(), "policy"),
    ("changes", Changes.as_view(), "changes"),
    ("changes/<int:index>", OneChange.as_view(), "change"),
    ("held", Holds.as_view(), "held"),
    ("held/<str:id>", OneHold.as_view(), "one-held"),
    ("held/<str:id>/approve", Approval.as_view(), "approve-held"),
    ("held/<str:id>/reject", Rejection.as_view(), "reject-held"),
    ("tokens", Tokens.as_view(), "tokens"),
    ("tokens/<str:id>", OneToken.as_view(), "token"),
    ("schema", schema_view.as_view(), "schema"),
    ("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), "docs"),
)


def _both_forms() -> list[URLPattern]:
    plain = [
        path("", RedirectView.as_view(url="docs")),
        *(path(route, view, name=name) for route, view, name in ROUTES),
    ]
    return plain + [path(f"{route}/", view) for route, view, _ in ROUTES]


urlpatterns: list[URLPattern] = [*_both_forms(), re_path("", problems.not_found)]
