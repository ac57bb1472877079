"""The table of tokens. It belongs to one region and is no part of the catalog: no other region ever sees it."""

from django.db import models


class Token(models.Model):
    """A token without its secret. `scopes` are words separated by spaces; `last_used_at` is right to about a minute."""

    id = models.CharField(primary_key=True, max_length=8)
    name = models.CharField(max_length=63)
    hash = models.CharField(max_length=64, editable=False)
    scopes = models.TextField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=255)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=255, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "registry_token"
        ordering = ("name", "created_at")
        constraints = (
            # The name stands in the log as who did it, so no two that can still be used share one.
            models.UniqueConstraint(
                fields=("name",), condition=models.Q(revoked_at__isnull=True), name="token_name_unless_revoked"
            ),
        )

    def __str__(self) -> str:
        return self.name
