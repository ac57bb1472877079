"""A failover policy."""

from typing import Annotated, Self

from msgspec import Meta, Struct

from catalog.records.duration import spoken
from catalog.records.policy import Policy, StaleAction
from registry.api.shapes.fields import copied


class PolicyShape(Struct, frozen=True, kw_only=True):
    """Where a service's lookups go when its own region has too few instances that serve."""

    region: Annotated[str, Meta(description="where it counts")]
    namespace: str
    service: str
    min_healthy: int
    min_share: float
    order: tuple[str, ...]
    nearest: int
    stale: StaleAction
    stale_after: str
    hold_down: str
    index: int

    @classmethod
    def of(cls, policy: Policy, *, index: int) -> Self:
        """A record, its lengths as people write them."""
        lengths = {"stale_after": spoken(policy.stale_after), "hold_down": spoken(policy.hold_down)}
        return copied(cls, policy, index=index, **lengths)
