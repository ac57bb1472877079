"""The failover policies that stand."""

from django.db import models

from catalog.change import decode_record
from catalog.records.policy import Policy, policy_key
from registry.tables.sealed import SealedModel, SealedSet


class PolicyRow(SealedModel):
    """One service's policy in one region. `record` is the truth; the other columns repeat it for searching."""

    objects = models.Manager.from_queryset(SealedSet)()

    region = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63)
    service = models.CharField(max_length=63)
    index = models.BigIntegerField()
    record = models.TextField()

    class Meta:
        db_table = "registry_policy"
        verbose_name = "failover policy"
        verbose_name_plural = "failover policies"
        constraints = [models.UniqueConstraint(fields=["region", "namespace", "service"], name="registry_policy_name")]

    def __str__(self) -> str:
        return f"failover of {self.service}"

    @property
    def key(self) -> str:
        """The record's key in the log."""
        return policy_key(self.namespace, self.service)

    @property
    def policy(self) -> Policy:
        """The whole record; raises Invalid when the column was tampered with."""
        record = decode_record(self.record)
        assert isinstance(record, Policy)  # noqa: S101 - only policies are written to this table
        return record
