"""The blast-radius breaker: no single cause takes away more than a share of a service, a zone or a region at once.

Eureka stops evicting when renewals fall below 85 % of what it expects (`renewalPercentThreshold`): many silent
instances at once are more likely one broken network than many broken instances. This generalises that rule to every
kind of cause and to three scopes, and says its formula. What is held stays served until a person or a time decides.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

import msgspec

from catalog.records.instance import DEFAULT_NAMESPACE, Instance

WINDOW = 60.0  # seconds in which earlier losses of the same kind count in; Eureka counts renewals per minute


class Scope(StrEnum):
    """What can lose too much."""

    REGION = "region"
    ZONE = "zone"
    SERVICE = "service"


class Kind(StrEnum):
    """What takes instances away. Each kind has its own account of losses."""

    EXPIRY = "expiry"
    PROBE = "probe"
    REMOVAL = "removal"
    MIRROR = "mirror"  # another region's log, which would take most of its mirror away


class Limit(msgspec.Struct, frozen=True):
    """A loss trips when it is more than `share` of the scope, and at least `least` instances."""

    scope: Scope
    share: float
    least: int


# The widest scope first: when half a region is silent, one decision about the region beats fifty about services.
# `least` lets small things die normally: five crashed instances of five are an outage, not a verdict on the network.
# The wider the scope, the smaller the share that is credible: a service is lost to one bad release, a zone to one
# power failure, but a quarter of a region in a minute is nearly always the registry's own trouble.
LIMITS = (
    Limit(Scope.REGION, 0.25, 20),
    Limit(Scope.ZONE, 0.50, 10),
    Limit(Scope.SERVICE, 0.60, 6),
)

SENTENCES = {
    Kind.EXPIRY: "expiry would fail",
    Kind.PROBE: "probes would fail",
    Kind.REMOVAL: "removal would deregister",
}


class Target(msgspec.Struct, frozen=True, order=True):
    """One region, zone or service."""

    scope: Scope
    name: str

    def __str__(self) -> str:
        return f"{self.scope} {self.name}"


class Loss(msgspec.Struct, frozen=True):
    """An instance that a cause would take away, or took away: its key and where it counts."""

    key: str
    targets: tuple[Target, ...]


class Base(msgspec.Struct, frozen=True):
    """What a loss in a target is measured against.

    `population` is how many instances there were when the window began, `earlier` how many of them are lost already.
    """

    population: int = 0
    earlier: int = 0


class Hold(msgspec.Struct, frozen=True):
    """The losses that one target cannot bear, and why, in words."""

    target: Target
    losses: tuple[Loss, ...]
    base: Base
    formula: str


class Judgement(msgspec.Struct, frozen=True):
    """Every loss is in exactly one place: allowed, or in one hold."""

    allowed: tuple[Loss, ...]
    holds: tuple[Hold, ...]


@lru_cache(maxsize=10_000)
def targets_of(*, region: str, zone: str, namespace: str, service: str) -> tuple[Target, ...]:
    """Where an instance counts. An instance that names no zone counts in none."""
    name = service if namespace == DEFAULT_NAMESPACE else f"{namespace}/{service}"
    zones = (Target(Scope.ZONE, zone),) if zone else ()
    return (Target(Scope.REGION, region), *zones, Target(Scope.SERVICE, name))


def loss_of(instance: Instance) -> Loss:
    """The loss of this instance."""
    return Loss(
        instance.key,
        targets_of(region=instance.region, zone=instance.zone, namespace=instance.namespace, service=instance.service),
    )


def trips(limit: Limit, losing: int, population: int) -> bool:
    """Whether losing that many out of a population is too much."""
    return losing >= limit.least and losing > limit.share * population


def judge(
    losses: Collection[Loss], bases: Mapping[Target, Base], kind: Kind, *, limits: Iterable[Limit] = LIMITS
) -> Judgement:
    """Decide which losses may happen.

    All losses of a target that trips are held, never some of them: choosing victims up to the limit would be
    arbitrary. What a wider scope holds does not happen, so it does not count in a narrower one.
    """
    allowed = sorted(losses, key=lambda loss: loss.key)
    holds: list[Hold] = []
    for limit in limits:
        counts = Counter(target for loss in allowed for target in loss.targets if target.scope is limit.scope)
        for target, count in sorted(counts.items()):
            base = bases.get(target, Base())
            if not trips(limit, count + base.earlier, base.population):
                continue
            held = tuple(loss for loss in allowed if target in loss.targets)
            allowed = [loss for loss in allowed if target not in loss.targets]
            holds.append(Hold(target, held, base, formula(limit, target, kind, count + base.earlier, base.population)))
    return Judgement(tuple(allowed), tuple(holds))


def formula(limit: Limit, target: Target, kind: Kind, losing: int, population: int) -> str:
    """The comparison that tripped, as a sentence for a person."""
    share = 100.0 * losing / population if population else 100.0
    return (
        f"{SENTENCES[kind]} {losing} of {population} instances ({share:.0f} %) of {target} "
        f"within {WINDOW:.0f} s; the limit is {100 * limit.share:.0f} %"
    )
