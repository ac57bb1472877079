"""The paths of the federation in the API, which come before the registry's; with and without a trailing slash."""

from typing import Any

from django.urls import URLPattern, path

from federation.api.peers import Acceptance, Approval, Federation, OnePeer, Peers

ROUTES: tuple[tuple[str, Any, str], ...] = (
    ("federation", Federation.as_view(), "federation"),
    ("peers", Peers.as_view(), "peers"),
    ("peers/accept", Acceptance.as_view(), "accept-peer"),
    ("peers/<str:region>", OnePeer.as_view(), "peer"),
    ("peers/<str:region>/approve", Approval.as_view(), "approve-peer"),
)

urlpatterns: list[URLPattern] = [path(route, view, name=name) for route, view, name in ROUTES]
urlpatterns += [path(f"{route}/", view) for route, view, _ in ROUTES]
