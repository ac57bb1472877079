"""The tombstones: which registrations were removed, so that nothing older brings them back."""

from django.db import models


class Tombstone(models.Model):
    """An instance that was removed at `index`. The next registration of its key has the epoch after `epoch`."""

    region = models.CharField(max_length=63)
    key = models.CharField(max_length=400)
    epoch = models.BigIntegerField()
    at = models.FloatField()
    index = models.BigIntegerField()

    class Meta:
        db_table = "registry_tombstone"
        constraints = [models.UniqueConstraint(fields=["region", "key"], name="registry_tombstone_key")]

    def __str__(self) -> str:
        return f"{self.key} up to epoch {self.epoch}"
