"""The registry as a Django app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Tables, verbs, admin site and REST API of one region."""

    name = "registry"
