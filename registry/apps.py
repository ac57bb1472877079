"""The registry as a Django app."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Tables, verbs, admin site and REST API of one region."""

    name = "registry"

    def ready(self) -> None:
        """Connect what happens after a commit: the doorbell rings, and registering again renews; keep the roles."""
        from registry.access.roles import keep_groups
        from registry.commit.doorbell import ring
        from registry.commit.writer import after_commit, after_renewal
        from registry.leases.store import grant_renewed

        after_commit(ring)
        after_renewal(grant_renewed)
        keep_groups()
