"""Setting and clearing failover policies."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.errors import NotFound
from catalog.records import names
from catalog.records.duration import seconds
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.policy import Policy, StaleAction, policy_key, validated
from catalog.records.registration import Length
from registry.commit.unit import Unit
from registry.commit.verb import verb


class PolicyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A failover policy as an operator asks for it: when home has too few instances, and where to look then."""

    min_healthy: Annotated[int, Meta(description="fewer that serve are too few")] = 1
    min_share: Annotated[float, Meta(description="so are fewer than this share, from 0 to 1")] = 0.0
    order: Annotated[tuple[str, ...], Meta(description="regions, the first to try first")] = ()
    nearest: Annotated[int, Meta(description="in place of `order`: that many, by measured delay")] = 0
    stale: Annotated[
        StaleAction, Meta(description="whether a region that is stale for too long is kept, taken last, or left out")
    ] = StaleAction.KEEP
    stale_after: Annotated[Length, Meta(description="how long is too long: `30s`")] = 0.0
    hold_down: Annotated[
        Length, Meta(description="how long home must have had enough before lookups return to it: `30s`")
    ] = 0.0


class PolicySet(msgspec.Struct, frozen=True):
    """The policy as it now stands, whether there was none before, and the index of the change that made it so."""

    policy: Policy
    created: bool
    index: int


@verb()
def set_policy(
    unit: Unit, request: PolicyRequest, *, service: str, actor: str, cause: str, namespace: str = DEFAULT_NAMESPACE
) -> PolicySet:
    """Set a service's failover policy in this region, or replace it. Raises Invalid naming the field."""
    policy = to_policy(request, region=unit.region, namespace=namespace, service=service)
    created = unit.record(Policy, policy.key) is None
    return PolicySet(policy, created, unit.put(policy, verb="set_policy"))


@verb()
def clear_policy(unit: Unit, *, service: str, actor: str, cause: str, namespace: str = DEFAULT_NAMESPACE) -> int:
    """Clear a service's failover policy; returns the change's index. Raises NotFound when there is none."""
    space, label = names.label(namespace, field="namespace"), names.label(service, field="service")
    policy = unit.record(Policy, policy_key(space, label))
    if policy is None:
        raise NotFound(f"{service[:80]} has no failover policy in {unit.region}")
    return unit.remove(policy, verb="clear_policy")


def to_policy(request: PolicyRequest, *, region: str, namespace: str, service: str) -> Policy:
    """The policy that is asked for; raises Invalid naming the field."""
    return validated(
        Policy(
            region=region,
            namespace=namespace,
            service=service,
            min_healthy=request.min_healthy,
            min_share=request.min_share,
            order=request.order,
            nearest=request.nearest,
            stale=request.stale,
            stale_after=seconds(request.stale_after, field="stale_after"),
            hold_down=seconds(request.hold_down, field="hold_down"),
        )
    )
