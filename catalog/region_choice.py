"""The choice of regions: where a lookup is answered from, in which order, and by which step.

A lookup that names no region is answered at home, unless the service has a failover policy and home has too few
instances that serve. The answer is then given by the first region of the policy that has enough; when none has, by all
of them together, because any instance is better than none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from catalog.query_types import ALL, NEAREST, Decision, Query, Reason
from catalog.records.policy import Policy, StaleAction, candidates, enough_since, is_too_stale, needed
from catalog.view import State, View


class Looked(msgspec.Struct, frozen=True):
    """A region's instances of the service, judged. `known` tells none from a name that the region does not know."""

    decisions: tuple[Decision, ...]
    known: bool

    @property
    def serving(self) -> list[Decision]:
        """Those that may take traffic and are what was asked for."""
        return [decision for decision in self.decisions if decision.serves]

    @property
    def total(self) -> int:
        """How many there are of what was asked for, healthy or not."""
        return sum(decision.matches for decision in self.decisions)


Look = Callable[[str], Looked]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """`order` are the regions that answer, `scope` all that might have. `steps` says of each why it does or does not,
    `passed` by what reason those that were looked at do not.

    `ruled` is true when home's policy had a say, or would have if there were one; `federated` when the choice depends
    on which regions there are, or how far they are. After `valid_until` time alone may change it.
    """

    order: tuple[str, ...]
    scope: tuple[str, ...]
    steps: Mapping[str, str] = {}
    passed: Mapping[str, Reason] = {}
    ruled: bool = False
    federated: bool = False
    valid_until: float | None = None


def choose(view: View, query: Query, look: Look, now: float) -> Choice:
    """Where the query is answered from. `look` judges a region's instances."""
    policy = view.region(query.region).policies.get((query.namespace, query.service))
    if not query.regions:
        if policy is None:
            look(query.region)
            return Choice(order=(query.region,), scope=(query.region,), ruled=True)
        return _Failing(view, policy, look, now).choose()
    if query.regions == (NEAREST,):
        return _nearest(view, query, look)
    if len(query.regions) == 1 and ALL not in query.regions:
        look(query.regions[0])
        return Choice(order=query.regions, scope=query.regions)
    return _several(view, query, policy, look, now)


def by_distance(view: View, home: str, regions: Iterable[str]) -> tuple[str, ...]:
    """Home first, then the nearer ones; those without a measured delay last, by name."""
    far = float("inf")
    return tuple(sorted(set(regions), key=lambda region: (region != home, view.nearness.get(region, far), region)))


def _nearest(view: View, query: Query, look: Look) -> Choice:
    """The nearest region that has anything which serves; home when none has."""
    scope = by_distance(view, query.region, {query.region, *view.regions})
    steps, passed, chosen = dict[str, str](), dict[str, Reason](), query.region
    for number, region in enumerate(scope, 1):
        looked = look(region)
        if looked.serving:
            chosen, steps[region] = region, f"nearest: {region} is number {number} by distance and serves"
            passed.pop(region, None)
            break
        steps[region] = f"nearest: nothing serves in {region}"
    return Choice(order=(chosen,), scope=scope, steps=steps, passed=passed, ruled=False, federated=True)


def _several(view: View, query: Query, policy: Policy | None, look: Look, now: float) -> Choice:
    """Every region that was named, home first and then by distance; the service's policy says what to do with stale
    ones."""
    named = set(view.regions) | {query.region} if ALL in query.regions else set(query.regions)
    scope = by_distance(view, query.region, named)
    sorting = _Sorting(view, policy, now, home=query.region)
    fresh, demoted, dropped = sorting.sort(scope)
    steps = {region: f"asked for: {region}" for region in fresh} | sorting.steps
    for region in scope:
        look(region)
    return Choice(
        order=(*fresh, *demoted),
        scope=scope,
        steps=steps,
        passed=dict.fromkeys(dropped, Reason.STALE),
        ruled=True,
        federated=True,
        valid_until=sorting.valid_until,
    )


class _Sorting:
    """Regions by how stale they are, as a policy has it. Without a policy, and at home, nothing is too stale."""

    def __init__(self, view: View, policy: Policy | None, now: float, *, home: str) -> None:
        self._view, self._policy, self._now, self._home = view, policy, now, home
        self.steps: dict[str, str] = {}
        self.valid_until: float | None = None

    def sort(self, regions: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
        """Those to take as they are, those to take last, and those to leave out."""
        piles: dict[StaleAction, list[str]] = {action: [] for action in StaleAction}
        for region in regions:
            piles[self._action(region)].append(region)
        return piles[StaleAction.KEEP], piles[StaleAction.DEMOTE], piles[StaleAction.DROP]

    def _action(self, region: str) -> StaleAction:
        freshness = self._view.region(region).freshness
        policy = self._policy
        if policy is None or policy.stale is StaleAction.KEEP or region == self._home:
            return StaleAction.KEEP
        if freshness.state is not State.STALE or freshness.since is None:
            return StaleAction.KEEP
        ends = freshness.since + policy.stale_after
        if not is_too_stale(policy, freshness.since, self._now):
            self.valid_until = min(ends, self.valid_until or ends)
            return StaleAction.KEEP
        fate = "taken last" if policy.stale is StaleAction.DEMOTE else "left out"
        self.steps[region] = f"{region} is {fate}: stale for longer than {policy.stale_after:g} s"
        return policy.stale


class _Failing:
    """A policy at work."""

    def __init__(self, view: View, policy: Policy, look: Look, now: float) -> None:
        self._view, self._policy, self._look, self._now = view, policy, look, now
        self._home = policy.region
        self._sorting = _Sorting(view, policy, now, home=policy.region)
        self._steps: dict[str, str] = {}
        self._moments: list[float] = []

    def choose(self) -> Choice:
        """The step at which the policy finds enough."""
        tried = candidates(self._policy, self._view.nearness)
        fresh, demoted, dropped = self._sorting.sort(tried)
        order = self._order([*fresh, *demoted])
        passed = {region: Reason.REGION for region in (self._home, *tried) if region not in order}
        passed |= dict.fromkeys(dropped, Reason.STALE)
        moments = [*self._moments, *([self._sorting.valid_until] if self._sorting.valid_until else [])]
        return Choice(
            order=order,
            scope=(self._home, *tried),
            steps={**dict.fromkeys(tried, "not needed"), **self._sorting.steps, **self._steps},
            passed=passed,
            ruled=True,
            federated=not self._policy.order,
            valid_until=min(moments, default=None),
        )

    def _order(self, tried: Sequence[str]) -> tuple[str, ...]:
        has_enough = self._at_home()
        if has_enough is not None and has_enough <= self._now:
            return (self._home,)
        for number, region in enumerate(tried, 1):
            if self._elsewhere(region, f"step {number} of {len(tried)}"):
                return (region,)
        if has_enough is not None:
            self._steps[self._home] += "; no other region has enough, so it is not held back"
            return (self._home,)
        self._steps[self._home] += "; no region has enough, so all serve together"
        return (self._home, *tried)

    def _at_home(self) -> float | None:
        """From when on home may answer: now or before, or once it has been held down; None when it has too few."""
        looked, policy = self._look(self._home), self._policy
        serving, need = looked.serving, needed(policy, looked.total)
        counts = f"home, {self._home}: {len(serving)} of {looked.total} serve, {need} needed"
        since = enough_since([decision.instance.recovered_at for decision in serving], need)
        self._steps[self._home] = counts
        if since is None:
            return None
        back = since + policy.hold_down if since else 0.0
        if back > self._now:
            self._moments.append(back)
            self._steps[self._home] = f"{counts}; back since less than {policy.hold_down:g} s, so held down"
        return back

    def _elsewhere(self, region: str, number: str) -> bool:
        looked = self._look(region)
        serving, need = len(looked.serving), max(1, needed(self._policy, looked.total))
        late = f" ({self._sorting.steps[region]})" if region in self._sorting.steps else ""
        self._steps[region] = f"{number}, {region}: {serving} of {looked.total} serve, {need} needed{late}"
        return serving >= need
