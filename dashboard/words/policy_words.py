"""A failover policy in words."""

from catalog.records.duration import spoken
from catalog.records.policy import Policy, StaleAction

FATES = {StaleAction.DEMOTE: "is used last", StaleAction.DROP: "is left out"}


def policy_sentences(policy: Policy) -> tuple[str, ...]:
    """What the policy does, as sentences: when, where to, how stale regions count, and when traffic returns."""
    return (
        f"When {_too_few(policy)} in {policy.region}, lookups there are answered by {_where(policy)}.",
        "If none has enough, all of them answer together.",
        *_stale(policy),
        _back(policy),
    )


def _too_few(policy: Policy) -> str:
    least = f"fewer than {policy.min_healthy} serve"
    share = f"less than {policy.min_share:.0%} serve"
    if policy.min_share and policy.min_healthy > 1:
        return f"{least} or {share}"
    return share if policy.min_share else least


def _where(policy: Policy) -> str:
    if not policy.order and policy.nearest == 1:
        return "the nearest region, if it has enough"
    if not policy.order:
        return f"the first of the {policy.nearest} nearest regions that has enough"
    if len(policy.order) == 1:
        return f"{policy.order[0]}, if it has enough"
    return f"the first of {', then '.join(policy.order)} that has enough"


def _stale(policy: Policy) -> tuple[str, ...]:
    if policy.stale is StaleAction.KEEP:
        return ("A stale region counts with its last known state.",)
    return (f"A region that has been stale for {spoken(policy.stale_after)} {FATES[policy.stale]}.",)


def _back(policy: Policy) -> str:
    home = policy.region
    if policy.hold_down:
        return f"Traffic returns once {home} has had enough for {spoken(policy.hold_down)}."
    return f"Traffic returns as soon as {home} has enough."
