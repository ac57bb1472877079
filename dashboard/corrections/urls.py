"""The addresses of corrections, and of the two pages on which they end."""

from django.urls import URLPattern, path

from dashboard.corrections.decide import DecideView
from dashboard.corrections.deregister import DeregisterView
from dashboard.corrections.holds_page import HoldsPage
from dashboard.corrections.override import OverrideView
from dashboard.corrections.overrides_page import OverridesPage
from dashboard.corrections.restore import RestoreView
from dashboard.corrections.undo import UndoView
from dashboard.live.views import PageView

urlpatterns: list[URLPattern] = [
    path("overrides", PageView.as_view(page=OverridesPage), name="overrides"),
    path("held", PageView.as_view(page=HoldsPage), name="held"),
    path("correct/override", OverrideView.as_view(), name="correct_override"),
    path("correct/undo", UndoView.as_view(), name="correct_undo"),
    path("correct/deregister", DeregisterView.as_view(), name="correct_deregister"),
    path("correct/restore", RestoreView.as_view(), name="correct_restore"),
    path("correct/held", DecideView.as_view(), name="correct_held"),
]
