"""What happens next to a fleet, given its state and a `random.Random`. Pure: the same seed tells the same story.

Times are seconds since the story began. Each surprise either ends at once (scaling) or makes promises: a failure
promises its recovery, a roll-out promises one upgrade per instance. A service with a promise outstanding is left
alone, so never more than one of its instances is in trouble.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from demo.plan import FEWEST_INSTANCES, MOST_INSTANCES, InstancePlan, next_version, numbered


class Condition(StrEnum):
    """How an instance is doing."""

    HEALTHY = "healthy"
    FAILING = "failing"
    HANGING = "hanging"
    GONE = "gone"


class Kind(StrEnum):
    """What can happen."""

    FAIL = "fail"
    HANG = "hang"
    RECOVER = "recover"
    VANISH = "vanish"
    COME_BACK = "come back"
    REPLACE = "replace"
    SCALE_UP = "scale up"
    SCALE_DOWN = "scale down"
    ROLL_OUT = "roll out"
    UPGRADE = "upgrade"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens, at `at` seconds, to `instance` (as it is afterwards).

    `detail` is the reason of a failure, or the id of the instance that a replacement stands in for.
    """

    at: float
    kind: Kind
    instance: InstancePlan
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """An instance of the fleet, and how it is doing."""

    plan: InstancePlan
    condition: Condition = Condition.HEALTHY


@dataclass(frozen=True, slots=True)
class FleetState:
    """Everything that the next event depends on. `promised` is in order of time."""

    members: Mapping[str, Member]
    zones: tuple[str, ...]
    promised: tuple[Event, ...]
    next_surprise: float
    last_number: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Surprise:
    """A kind of event that nothing led to: how often relative to the others, and in services of which sizes."""

    kind: Kind
    share: int
    fewest: int = FEWEST_INSTANCES
    most: int = MOST_INSTANCES
    lasts: tuple[float, float] = (0.0, 0.0)


# A check with an interval of 10 s that needs three failures notices trouble after 20 to 32 s, hence the lengths.
# A service of three keeps all of them in the registry: losing one there would be a third of it.
SURPRISES = (
    Surprise(Kind.FAIL, 30, lasts=(45, 100)),
    Surprise(Kind.HANG, 14, lasts=(45, 90)),
    Surprise(Kind.VANISH, 20, fewest=4, lasts=(30, 190)),
    Surprise(Kind.SCALE_UP, 14, most=MOST_INSTANCES - 1),
    Surprise(Kind.SCALE_DOWN, 14, fewest=FEWEST_INSTANCES + 1),
    Surprise(Kind.ROLL_OUT, 8),
)
TROUBLES = frozenset({Kind.FAIL, Kind.HANG, Kind.VANISH})
CONDITION_AFTER = {
    Kind.FAIL: Condition.FAILING,
    Kind.HANG: Condition.HANGING,
    Kind.VANISH: Condition.GONE,
}
FAILURE_REASONS = (
    "database connection pool exhausted",
    "disk almost full",
    "upstream timed out",
    "cache unreachable",
    "queue backlog too long",
    "certificate expired",
)

SURPRISE_GAP = (2.5, 7.5)
UPGRADE_GAP = (4.0, 8.0)
FLAP_PERIOD = (14.0, 24.0)
# Far below any share at which a registry could take the trouble for its own.
MOST_IN_TROUBLE = 0.06
MOST_ROLL_OUTS = 2
REPLACED_SHARE = 0.3


def begin(rng: random.Random, plans: Iterable[InstancePlan], *, zones: Sequence[str]) -> FleetState:
    """The state in which all of `plans` are healthy and the first surprise is due shortly."""
    members = {plan.id: Member(plan) for plan in plans}
    numbers: dict[str, int] = {}
    for member in members.values():
        numbers[member.plan.service] = numbers.get(member.plan.service, 0) + 1
    flaps = [
        Event(rng.uniform(*FLAP_PERIOD), Kind.FAIL, m.plan, _reason(rng)) for m in members.values() if m.plan.flapping
    ]
    return FleetState(
        members=members,
        zones=tuple(zones),
        promised=_in_order(flaps),
        next_surprise=rng.uniform(*SURPRISE_GAP),
        last_number=numbers,
    )


def step(rng: random.Random, state: FleetState) -> tuple[Event, FleetState]:
    """The next event and the state after it."""
    while True:
        if state.promised and state.promised[0].at <= state.next_surprise:
            event = state.promised[0]
            return event, _after(rng, replace(state, promised=state.promised[1:]), event)
        surprise = _surprise(rng, state)
        state = replace(state, next_surprise=state.next_surprise + rng.uniform(*SURPRISE_GAP))
        if surprise is not None:
            return surprise, _after(rng, state, surprise)


def _surprise(rng: random.Random, state: FleetState) -> Event | None:
    """Something new, or None when every service is busy with what began earlier."""
    idle = _idle_services(state)
    possible = [(surprise, found) for surprise in SURPRISES if (found := _candidates(state, surprise, idle))]
    if not possible:
        return None
    [(surprise, candidates)] = rng.choices(possible, weights=[surprise.share for surprise, _ in possible])
    members = rng.choice(candidates)
    return _happen(rng, state, surprise, members)


def _idle_services(state: FleetState) -> list[list[Member]]:
    busy = {event.instance.service for event in state.promised}
    services: dict[str, list[Member]] = {}
    for member in state.members.values():
        if member.plan.service not in busy:
            services.setdefault(member.plan.service, []).append(member)
    return list(services.values())


def _candidates(state: FleetState, surprise: Surprise, idle: list[list[Member]]) -> list[list[Member]]:
    if surprise.kind in TROUBLES and _troubled(state) >= max(1, int(len(state.members) * MOST_IN_TROUBLE)):
        return []
    if surprise.kind is Kind.ROLL_OUT and _rolling(state) >= MOST_ROLL_OUTS:
        return []
    fitting = [members for members in idle if surprise.fewest <= len(members) <= surprise.most]
    if surprise.kind is Kind.ROLL_OUT:
        # A canary already runs the next version: its service waits for the verdict.
        return [members for members in fitting if not any(member.plan.canary for member in members)]
    return fitting


def _troubled(state: FleetState) -> int:
    return sum(member.condition is not Condition.HEALTHY for member in state.members.values())


def _rolling(state: FleetState) -> int:
    return len({event.instance.service for event in state.promised if event.kind is Kind.UPGRADE})


def _happen(rng: random.Random, state: FleetState, surprise: Surprise, members: list[Member]) -> Event:
    kind, at = surprise.kind, state.next_surprise
    regular = [member.plan for member in members if not member.plan.canary]
    if kind is Kind.SCALE_UP:
        return Event(at, kind, _another(rng, state, regular[0]))
    if kind is Kind.SCALE_DOWN:
        return Event(at, kind, rng.choice(regular))
    if kind is Kind.ROLL_OUT:
        return Event(at, kind, replace(regular[0], version=next_version(regular[0].version)))
    return Event(at, kind, rng.choice(members).plan, _reason(rng) if kind is Kind.FAIL else "")


def _another(rng: random.Random, state: FleetState, example: InstancePlan) -> InstancePlan:
    number = state.last_number[example.service] + 1
    return numbered(example, number=number, zone=rng.choice(state.zones))


def _reason(rng: random.Random) -> str:
    return rng.choice(FAILURE_REASONS)


def _after(rng: random.Random, state: FleetState, event: Event) -> FleetState:
    """`state` with what `event` changes and with what it promises."""
    promises = _promises(rng, state, event)
    return replace(
        state,
        members=_members_after(state.members, event),
        promised=_in_order([*state.promised, *promises]),
        last_number=_numbers_after(state.last_number, [event, *promises]),
    )


def _members_after(members: Mapping[str, Member], event: Event) -> Mapping[str, Member]:
    changed = dict(members)
    if event.kind is Kind.ROLL_OUT:
        return changed
    if event.kind is Kind.SCALE_DOWN:
        del changed[event.instance.id]
        return changed
    if event.kind is Kind.REPLACE:
        del changed[event.detail]
    changed[event.instance.id] = Member(event.instance, CONDITION_AFTER.get(event.kind, Condition.HEALTHY))
    return changed


def _numbers_after(numbers: Mapping[str, int], events: Iterable[Event]) -> Mapping[str, int]:
    changed = dict(numbers)
    for event in events:
        # A replacement has its number from the moment it is planned, so that no other instance gets it.
        if event.kind in (Kind.SCALE_UP, Kind.REPLACE):
            number = int(event.instance.id.rpartition("-")[2])
            changed[event.instance.service] = max(changed[event.instance.service], number)
    return changed


def _promises(rng: random.Random, state: FleetState, event: Event) -> list[Event]:
    if event.instance.flapping and event.kind in (Kind.FAIL, Kind.RECOVER):
        following = Kind.RECOVER if event.kind is Kind.FAIL else Kind.FAIL
        detail = _reason(rng) if following is Kind.FAIL else ""
        return [Event(event.at + rng.uniform(*FLAP_PERIOD), following, event.instance, detail)]
    if event.kind in (Kind.FAIL, Kind.HANG):
        return [Event(_end(rng, event), Kind.RECOVER, event.instance)]
    if event.kind is Kind.VANISH:
        return [_return(rng, state, event)]
    if event.kind is Kind.ROLL_OUT:
        return _upgrades(rng, state, event)
    return []


def _end(rng: random.Random, event: Event) -> float:
    [lasts] = [surprise.lasts for surprise in SURPRISES if surprise.kind is event.kind]
    return event.at + rng.uniform(*lasts)


def _return(rng: random.Random, state: FleetState, event: Event) -> Event:
    """The lost instance comes back, or another takes its place and the registry has to forget the lost one."""
    if event.instance.canary or rng.random() >= REPLACED_SHARE:
        return Event(_end(rng, event), Kind.COME_BACK, event.instance)
    return Event(_end(rng, event), Kind.REPLACE, _another(rng, state, event.instance), event.instance.id)


def _upgrades(rng: random.Random, state: FleetState, event: Event) -> list[Event]:
    at, upgrades = event.at, []
    for member in state.members.values():
        if member.plan.service == event.instance.service:
            at += rng.uniform(*UPGRADE_GAP)
            upgrades.append(Event(at, Kind.UPGRADE, replace(member.plan, version=event.instance.version)))
    return upgrades


def _in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: event.at))
