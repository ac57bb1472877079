"""The table of mirrors: what lasts of what is known of each."""

from django.db import models


class MirrorState(models.Model):
    """The mirror of one region. What changes every second is in Valkey instead: see `registry.freshness`."""

    region = models.CharField(primary_key=True, max_length=63)
    heard_at = models.FloatField(null=True, blank=True)
    resets = models.BigIntegerField(default=0)
    divergences = models.BigIntegerField(default=0)
    diverged = models.TextField(blank=True, help_text="JSON: the services that differed when it last diverged")
    diverged_at = models.FloatField(null=True, blank=True)
    verified_at = models.FloatField(null=True, blank=True)
    relays = models.BigIntegerField(default=0)
    # Holds are in the registry's table; what stood in these columns was moved there. Earlier releases still read them.
    held = models.TextField(blank=True, help_text="what the breaker holds, and why")
    held_at = models.FloatField(null=True, blank=True)
    held_until = models.FloatField(null=True, blank=True)
    approved_by = models.CharField(max_length=200, blank=True)
    approved_reason = models.TextField(blank=True)

    class Meta:
        db_table = "federation_mirror"
        ordering = ("region",)
        verbose_name = "mirror"

    def __str__(self) -> str:
        return f"mirror of {self.region}"
