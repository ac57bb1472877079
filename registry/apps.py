"""The registry as a Django app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Tables, verbs, admin site and REST API of one region."""

    name = "registry"

    def ready(self) -> None:
        """Hang up the doorbell."""
        from registry.doorbell import ring  # it needs the models, which are there only now
        from registry.writer import after_commit

        after_commit(ring)
