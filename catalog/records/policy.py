"""A failover policy: where to look for a service when its own region has too few instances that serve.

It is a record like everything else: set in a region, kept in that region's log, and applied to what is asked *there*.
"""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from catalog.errors import Invalid
from catalog.records import names
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.record import Record

MOST_REGIONS = 32


class StaleAction(StrEnum):
    """What becomes of a region whose records are stale for longer than the policy tolerates."""

    KEEP = "keep"
    DEMOTE = "demote"
    DROP = "drop"


class Policy(Record, frozen=True, kw_only=True, tag="policy"):
    """Fail over while fewer than `min_healthy` instances, or less than `min_share` of them, serve at home.

    `order` names the regions to try; empty, the `nearest` ones are tried by measured delay. `hold_down` is how many
    seconds home must have had enough before traffic comes back. Lengths are seconds.
    """

    region: str
    service: str
    namespace: str = DEFAULT_NAMESPACE
    min_healthy: int = 1
    min_share: float = 0.0
    order: tuple[str, ...] = ()
    nearest: int = 0
    stale: StaleAction = StaleAction.KEEP
    stale_after: float = 0.0
    hold_down: float = 0.0

    @property
    def key(self) -> str:
        """The record's key in the log."""
        return policy_key(self.namespace, self.service)


def policy_key(namespace: str, service: str) -> str:
    """The key of a service's failover policy."""
    return f"policy/{namespace}/{service}"


def validated(policy: Policy) -> Policy:
    """The same policy, its names folded, when it keeps every rule; raises Invalid naming the field that does not."""
    if policy.min_healthy < 0:
        raise Invalid("must be zero or more", field="min_healthy")
    if not 0.0 <= policy.min_share <= 1.0:
        raise Invalid("must be between 0 and 1", field="min_share")
    if not policy.order and policy.nearest < 1:
        raise Invalid("name the regions in `order`, or how many of the `nearest` to try", field="order")
    if policy.order and policy.nearest:
        raise Invalid("name regions in `order`, or ask for the `nearest`, not both", field="nearest")
    if len(policy.order) > MOST_REGIONS or len(set(policy.order)) != len(policy.order):
        raise Invalid(f"name each region once, at most {MOST_REGIONS}", field="order")
    if policy.region in policy.order:
        raise Invalid(f"{policy.region} is home: name only the others", field="order")
    for field in ("stale_after", "hold_down"):
        if getattr(policy, field) < 0:
            raise Invalid("must be zero or more", field=field)
    return msgspec.structs.replace(
        policy,
        namespace=names.label(policy.namespace, field="namespace"),
        service=names.label(policy.service, field="service"),
        order=tuple(names.label(region, field="order") for region in policy.order),
    )


def needed(policy: Policy, total: int) -> int:
    """How many of a region's `total` instances must serve for it to be enough."""
    return max(policy.min_healthy, math.ceil(policy.min_share * total - 1e-9))


def enough_since(serving_since: Sequence[float], need: int) -> float | None:
    """Since when enough instances have served without a break, judged from those that serve now; None if too few do.

    It is the moment at which the last one needed came back, 0 for those that were never away: a function of the records
    alone, so that every process of a region agrees on it and a restart forgets nothing.
    """
    if len(serving_since) < need:
        return None
    return sorted(serving_since)[need - 1] if need else 0.0


def candidates(policy: Policy, delays: Mapping[str, float]) -> tuple[str, ...]:
    """The regions to try, in order: as listed, or the nearest by measured delay."""
    if policy.order:
        return policy.order
    near = sorted((delay, region) for region, delay in delays.items() if region != policy.region)
    return tuple(region for _, region in near[: policy.nearest])


def is_too_stale(policy: Policy, stale_since: float | None, now: float) -> bool:
    """Whether a region that has been stale since then is past what the policy tolerates."""
    return stale_since is not None and now - stale_since >= policy.stale_after
