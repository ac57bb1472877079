"""The overrides that stand."""

from django.db import models

from catalog.change import decode_record
from catalog.records.override import Override, Scope
from catalog.records.status import Status
from registry.tables.sealed import SealedModel, SealedSet


class OverrideRow(SealedModel):
    """One standing override. `record` is the truth; the other columns repeat it for searching."""

    objects = models.Manager.from_queryset(SealedSet)()

    id = models.CharField(max_length=64, primary_key=True)
    region = models.CharField(max_length=63, db_index=True)
    scope = models.CharField(max_length=8, choices=[(scope.value, scope.value) for scope in Scope])
    namespace = models.CharField(max_length=63)
    service = models.CharField(max_length=63, blank=True)
    instance = models.CharField(max_length=253, blank=True)
    zone = models.CharField(max_length=63, blank=True)
    tag = models.CharField(max_length=512, blank=True)
    target = models.CharField(max_length=63, blank=True, default="", help_text="another region, for a local opinion")
    status = models.CharField(
        max_length=8, blank=True, choices=[(status.value, status.value) for status in Status if status != "unknown"]
    )
    weight = models.PositiveIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    author = models.CharField(max_length=200)
    created_at = models.FloatField()
    expires_at = models.FloatField(null=True, blank=True)
    index = models.BigIntegerField()
    record = models.TextField()

    class Meta:
        db_table = "registry_override"
        verbose_name = "override"

    def __str__(self) -> str:
        return f"{self.scope} override by {self.author}"

    @property
    def override(self) -> Override:
        """The whole record; raises Invalid when the column was tampered with."""
        record = decode_record(self.record)
        assert isinstance(record, Override)  # noqa: S101 - only overrides are written to this table
        return record
