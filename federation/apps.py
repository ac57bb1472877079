"""The federation as a Django app."""

from django.apps import AppConfig


class FederationConfig(AppConfig):
    """Peers, and what is known of the mirrors of their regions."""

    name = "federation"
