"""Records as the API answers them: plain values, lengths as people write them, moments as ISO text."""

from collections.abc import Iterable
from typing import Any

import msgspec

from catalog.change import Record
from catalog.records.check import COMMON_FIELDS, FIELDS_BY_TYPE, Check, CheckType, Verdict
from catalog.records.duration import spoken
from catalog.records.instance import Instance
from catalog.records.override import Override, ruling
from catalog.records.policy import Policy
from registry.preview import Effect, Preview
from registry.timestamps import iso

MOST_EFFECTS = 200  # instances named in a preview; the counts are of all


def instance_shape(instance: Instance, *, index: int, overrides: Iterable[Override], now: float) -> dict[str, Any]:
    """An instance under the names of the native dialect, and what only the record knows."""
    by_status, by_weight = ruling(overrides, instance, now)
    return {
        "id": instance.id,
        "service": instance.service,
        "namespace": instance.namespace,
        "region": instance.region,
        "host": instance.host,
        "port": instance.port,
        "ports": instance.ports,
        "zone": instance.zone,
        "version": instance.version,
        "tags": list(instance.tags),
        "metadata": instance.metadata,
        "weight": instance.weight,
        "status": instance.status.value,
        "owner": instance.owner,
        "lease": {"ttl": spoken(instance.lease.ttl), "expired": instance.lease_expired} if instance.lease else None,
        "checks": [check_shape(*pair) for pair in zip(instance.checks, instance.verdicts, strict=True)],
        "deregister_critical_after": _length(instance.deregister_critical_after),
        "status_override": by_status and _ruling_shape(by_status),
        "weight_override": by_weight and _ruling_shape(by_weight),
        "since": iso(instance.since),
        "critical_since": iso(instance.critical_since),
        "registered_at": iso(instance.registered_at),
        "epoch": instance.epoch,
        "index": index,
    }


def check_shape(check: Check, verdict: Verdict) -> dict[str, Any]:
    """A check with its terms and its last verdict."""
    return {
        "name": check.name,
        "type": check.type.value,
        "status": verdict.status.value,
        "output": verdict.output,
        "since": iso(verdict.since),
        "terms": _terms(check),
    }


def _terms(check: Check) -> dict[str, Any]:
    """What was registered, without what belongs to other types of check."""
    fields = FIELDS_BY_TYPE[check.type] | (COMMON_FIELDS - {"name", "type", "status"})
    if check.type is CheckType.TTL:
        fields = fields - {"interval", "timeout", "success_before_passing", "failures_before_critical"}
    values = {field: getattr(check, field) for field in Check.__struct_fields__ if field in fields}
    lengths: dict[str, Any] = {
        field: spoken(values[field]) for field in ("ttl", "interval", "timeout") if field in values
    }
    return {**values, **lengths}


def override_shape(override: Override, *, index: int, now: float) -> dict[str, Any]:
    """An override, and whether it counts now."""
    return {
        "id": override.id,
        "region": override.region,
        "scope": override.scope.value,
        "namespace": override.namespace,
        "service": override.service,
        "instance": override.instance,
        "zone": override.zone,
        "tag": override.tag,
        "target": override.target,
        "status": override.status.value if override.status else None,
        "weight": override.weight,
        "reason": override.reason,
        "author": override.author,
        "created_at": iso(override.created_at),
        "expires_at": iso(override.expires_at),
        "live": override.is_live(now),
        "index": index,
    }


def policy_shape(policy: Policy, *, index: int) -> dict[str, Any]:
    """A failover policy."""
    return {
        "region": policy.region,
        "namespace": policy.namespace,
        "service": policy.service,
        "min_healthy": policy.min_healthy,
        "min_share": policy.min_share,
        "order": list(policy.order),
        "nearest": policy.nearest,
        "stale": policy.stale.value,
        "stale_after": spoken(policy.stale_after),
        "hold_down": spoken(policy.hold_down),
        "index": index,
    }


def preview_shape(preview: Preview) -> dict[str, Any]:
    """What an override would do."""
    return {
        "concerned": len(preview.effects),
        "taken_out": [_name(effect) for effect in preview.taken_out[:MOST_EFFECTS]],
        "taken_out_count": len(preview.taken_out),
        "put_back": [_name(effect) for effect in preview.put_back[:MOST_EFFECTS]],
        "put_back_count": len(preview.put_back),
        "emptied": list(preview.emptied),
        "effects": [_effect_shape(effect) for effect in preview.effects[:MOST_EFFECTS]],
    }


def record_shape(record: Record | None) -> dict[str, Any] | None:
    """A record as the log holds it."""
    if record is None:
        return None
    shape: dict[str, Any] = msgspec.to_builtins(record)
    return shape


def _effect_shape(effect: Effect) -> dict[str, Any]:
    return {
        "instance": _name(effect),
        "zone": effect.instance.zone,
        "status_before": effect.status_before.value,
        "status_after": effect.status_after.value,
        "weight_before": effect.weight_before,
        "weight_after": effect.weight_after,
        "served_before": effect.served,
        "served_after": effect.serves,
    }


def _name(effect: Effect) -> str:
    return f"{effect.instance.namespace}/{effect.instance.service}/{effect.instance.id}"


def _ruling_shape(override: Override) -> dict[str, Any]:
    return {
        "id": override.id,
        "scope": override.scope.value,
        "status": override.status.value if override.status else None,
        "weight": override.weight,
        "reason": override.reason,
        "author": override.author,
        "expires_at": iso(override.expires_at),
    }


def _length(length: float | None) -> str | None:
    return None if length is None else spoken(length)
