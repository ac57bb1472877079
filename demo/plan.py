"""What a fleet consists of: every instance with what it says about itself, drawn from a seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from demo.names import ALONE, ServiceName, Share, service_names

FEWEST_INSTANCES = 3
MOST_INSTANCES = 10
MOST_SHARED = 4  # instances of a service at the start, where several fleets share the services
FULL_WEIGHT = 10
CANARY_WEIGHT = 1


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """One instance as it is meant to be; its ports are known only once it runs."""

    service: str
    id: str
    zone: str
    version: str
    team: str
    tags: tuple[str, ...]
    weight: int = FULL_WEIGHT
    grpc: bool = False
    flapping: bool = False

    @property
    def canary(self) -> bool:
        """Whether this is the one instance of its service that tries the next version."""
        return "canary" in self.tags


def next_version(version: str) -> str:
    """The minor release after `version`: 2.3.4 is followed by 2.4.0."""
    major, minor, _patch = version.split(".")
    return f"{major}.{int(minor) + 1}.0"


def numbered(example: InstancePlan, *, number: int, zone: str) -> InstancePlan:
    """Another instance like `example`, with its own number and zone."""
    return replace(example, id=f"{example.service}-{number}", zone=zone, flapping=False)


def draw_fleet(
    rng: random.Random, *, services: int, zones: Sequence[str], share: Share = ALONE
) -> tuple[InstancePlan, ...]:
    """All instances that exist at the start: for each service between three and ten, spread over the zones.

    With a share in several fleets it is the services of that share, with three or four instances.
    """
    most = MOST_INSTANCES if share.fleets == 1 else MOST_SHARED
    here = [service for position, service in enumerate(service_names(services)) if share.runs(position)]
    return tuple(plan for service in here for plan in _draw_service(rng, service, zones, most))


def _draw_service(rng: random.Random, service: ServiceName, zones: Sequence[str], most: int) -> list[InstancePlan]:
    version = f"{rng.randint(1, 4)}.{rng.randint(0, 9)}.{rng.randint(0, 5)}"
    size = rng.randint(FEWEST_INSTANCES, most)
    first_zone = rng.randrange(len(zones))
    plans = [
        InstancePlan(
            service=service.name,
            id=f"{service.name}-{number}",
            zone=zones[(first_zone + number) % len(zones)],
            version=version,
            team=service.team,
            tags=(service.tier,),
            grpc=service.grpc,
        )
        for number in range(1, size + 1)
    ]
    if service.canary:
        plans[-1] = _as_canary(plans[-1])
    if service.flapping:
        plans[-1] = replace(plans[-1], flapping=True)
    return plans


def _as_canary(plan: InstancePlan) -> InstancePlan:
    return replace(
        plan,
        id=f"{plan.service}-canary",
        version=next_version(plan.version),
        tags=(*plan.tags, "canary"),
        weight=CANARY_WEIGHT,
    )
