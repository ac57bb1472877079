"""The region's row: where its log stands, and the lock that orders its writers."""

from django.db import models


class Region(models.Model):
    """One region whose catalog is kept here.

    A writer of the region's log holds this row's lock until the commit, so that indexes have no gaps and no
    reader sees a later index before an earlier one.
    """

    name = models.CharField(max_length=63, primary_key=True)
    log_id = models.CharField(max_length=32)
    index = models.BigIntegerField(default=0)
    floor = models.BigIntegerField(default=0, help_text="the index of the last change compacted away")
    digest = models.CharField(max_length=64)
    is_local = models.BooleanField(default=True)

    class Meta:
        db_table = "registry_region"

    def __str__(self) -> str:
        return f"{self.name} at {self.index}"
