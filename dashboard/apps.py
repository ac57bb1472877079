"""The dashboard as a Django app."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Templates and static files are all that Django needs to know of it: it has no tables."""

    name = "dashboard"
