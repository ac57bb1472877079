"""The wiring as a Django app: it carries the management commands that start things."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Holds no tables."""

    name = "config"
    verbose_name = "Meridian"
