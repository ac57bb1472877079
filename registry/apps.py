"""The registry as a Django app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Tables, verbs, admin site and REST API of one region."""

    name = "registry"

    def ready(self) -> None:
        """Connect what happens after a commit: the doorbell rings, and registering again renews; keep the roles."""
        from registry.doorbell import ring  # it needs the models, which are there only now
        from registry.leases import grant_renewed
        from registry.role_groups import keep_groups
        from registry.writer import after_commit, after_renewal

        after_commit(ring)
        after_renewal(grant_renewed)
        keep_groups()
