"""The log: every change of every region kept here, as far back as history goes."""

from django.db import models

from catalog.change import Change, decode_record
from registry.tables.sealed import SealedModel, WrittenOnceSet


class ChangeRow(SealedModel):
    """One entry of a region's log. Written once, never edited, deleted only by compaction."""

    objects = models.Manager.from_queryset(WrittenOnceSet)()

    region = models.CharField(max_length=63)
    index = models.BigIntegerField()
    at = models.FloatField()
    key = models.CharField(max_length=400)
    verb = models.CharField(max_length=40)
    actor = models.CharField(max_length=200)
    cause = models.TextField(blank=True)
    digest = models.CharField(max_length=64)
    record = models.TextField(null=True)

    class Meta:
        db_table = "registry_change"
        verbose_name = "change"
        constraints = [models.UniqueConstraint(fields=["region", "index"], name="registry_change_index")]
        # For a record's own history, newest first, and by the classes also for that of a service: all keys that begin
        # alike. Without them PostgreSQL searches beginnings by index only in a database of the C locale.
        indexes = [
            models.Index(
                fields=["region", "key", "index"],
                name="registry_change_history",
                opclasses=["varchar_ops", "varchar_pattern_ops", "int8_ops"],
            )
        ]

    def __str__(self) -> str:
        return f"{self.region} {self.index}: {self.verb} {self.key}"

    @property
    def change(self) -> Change:
        """The entry as followers read it; raises Invalid when the record was tampered with."""
        return Change(
            region=self.region,
            index=self.index,
            key=self.key,
            record=decode_record(self.record) if self.record is not None else None,
            at=self.at,
            verb=self.verb,
            actor=self.actor,
            cause=self.cause,
            digest=self.digest,
        )
