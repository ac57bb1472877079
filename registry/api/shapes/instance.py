"""An instance, as registered and as answered."""

from collections.abc import Iterable
from typing import Annotated, Any, Self

from msgspec import Meta, Struct

from catalog.records.check import COMMON_FIELDS, FIELDS_BY_TYPE, Check, CheckType, Verdict
from catalog.records.duration import spoken
from catalog.records.instance import DEFAULT_NAMESPACE, Instance
from catalog.records.override import Override, Scope, ruling
from catalog.records.registration import Registration
from catalog.records.status import Status
from registry.api.shapes.fields import Moment, OverridingStatus, Text, copied, length
from registry.timestamps import iso


class NamedRegistration(Registration, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registration with the name of the instance."""

    service: Text
    id: Text
    namespace: Text = DEFAULT_NAMESPACE


class LeaseShape(Struct, frozen=True):
    """The terms of a lease, and whether it has expired."""

    ttl: str
    expired: bool


class CheckShape(Struct, frozen=True, kw_only=True):
    """A check and its last verdict."""

    name: str
    type: CheckType
    status: Status
    output: str
    since: Moment
    terms: Annotated[dict[str, Any], Meta(description="as registered: target, interval, timeout, thresholds")]

    @classmethod
    def of(cls, check: Check, verdict: Verdict) -> Self:
        """The verdict on a check."""
        return copied(cls, verdict, name=check.name, type=check.type, since=iso(verdict.since), terms=terms(check))


class RulingShape(Struct, frozen=True, kw_only=True):
    """The override that decides an instance's status or weight."""

    id: str
    scope: Scope
    status: OverridingStatus | None
    weight: int | None
    reason: str
    author: str
    expires_at: Moment | None

    @classmethod
    def of(cls, override: Override | None) -> Self | None:
        """The override that rules, if one does."""
        return copied(cls, override, expires_at=iso(override.expires_at)) if override else None


class InstanceShape(Struct, frozen=True, kw_only=True):
    """An instance. `status` and `weight` are as reported; an override that decides otherwise is given beside them."""

    id: str
    service: str
    namespace: str
    region: str
    host: str
    port: int
    ports: dict[str, int]
    zone: str
    version: str
    tags: tuple[str, ...]
    metadata: dict[str, str]
    weight: int
    status: Status
    owner: str
    lease: LeaseShape | None
    checks: list[CheckShape]
    deregister_critical_after: str | None
    status_override: RulingShape | None
    weight_override: RulingShape | None
    since: Annotated[Moment, Meta(description="when the status became what it is")]
    critical_since: Moment | None
    registered_at: Moment
    epoch: Annotated[int, Meta(description="counts the registrations of this id")]
    index: Annotated[int, Meta(description="the change that made it what it is")]

    @classmethod
    def of(cls, instance: Instance, *, index: int, overrides: Iterable[Override], now: float) -> Self:
        """A record and the rulings on it at `now`."""
        by_status, by_weight = ruling(overrides, instance, now)
        return copied(
            cls,
            instance,
            lease=LeaseShape(spoken(instance.lease.ttl), instance.lease_expired) if instance.lease else None,
            checks=[CheckShape.of(*pair) for pair in zip(instance.checks, instance.verdicts, strict=True)],
            deregister_critical_after=length(instance.deregister_critical_after),
            status_override=RulingShape.of(by_status),
            weight_override=RulingShape.of(by_weight),
            since=iso(instance.since),
            critical_since=iso(instance.critical_since),
            registered_at=iso(instance.registered_at),
            index=index,
        )


def terms(check: Check) -> dict[str, Any]:
    """What was registered, without what belongs to other types of check."""
    fields = FIELDS_BY_TYPE[check.type] | (COMMON_FIELDS - {"name", "type", "status"})
    if check.type is CheckType.TTL:
        fields = fields - {"interval", "timeout", "success_before_passing", "failures_before_critical"}
    values = {field: getattr(check, field) for field in Check.__struct_fields__ if field in fields}
    lengths: dict[str, Any] = {
        field: spoken(values[field]) for field in ("ttl", "interval", "timeout") if field in values
    }
    return {**values, **lengths}
