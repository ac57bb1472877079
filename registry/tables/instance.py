"""The instances as they are now: the record, and the parts of it that people search by."""

from django.db import models

from catalog.change import decode_record
from catalog.records.instance import Instance, instance_key
from catalog.records.status import Status
from registry.tables.sealed import SealedModel, SealedSet


class InstanceRow(SealedModel):
    """One live instance. `record` is the truth; the other columns repeat parts of it for searching."""

    objects = models.Manager.from_queryset(SealedSet)()

    region = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63)
    service = models.CharField(max_length=63)
    instance_id = models.CharField(max_length=253)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    zone = models.CharField(max_length=63, blank=True)
    version = models.CharField(max_length=63, blank=True)
    status = models.CharField(max_length=8, choices=[(status.value, status.value) for status in Status])
    epoch = models.BigIntegerField()
    index = models.BigIntegerField(help_text="the index of the change that made it what it is")
    record = models.TextField()

    class Meta:
        db_table = "registry_instance"
        verbose_name = "instance"
        # One index for finding an instance and for listing a service: each costs a page written per registration.
        constraints = [
            models.UniqueConstraint(
                fields=["region", "namespace", "service", "instance_id"], name="registry_instance_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.service}/{self.instance_id}"

    @property
    def key(self) -> str:
        """The record's key in the log."""
        return instance_key(self.namespace, self.service, self.instance_id)

    @property
    def instance(self) -> Instance:
        """The whole record; raises Invalid when the column was tampered with."""
        record = decode_record(self.record)
        assert isinstance(record, Instance)  # noqa: S101 - only instances are written to this table
        return record
