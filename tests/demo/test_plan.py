"""What a demo fleet consists of."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from demo.names import Share
from demo.plan import InstancePlan, draw_fleet, next_version

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def fleet(seed: int = 1, services: int = 50) -> tuple[InstancePlan, ...]:
    return draw_fleet(random.Random(seed), services=services, zones=ZONES)


def test_the_same_seed_draws_the_same_fleet() -> None:
    assert fleet(seed=5) == fleet(seed=5)


def test_another_seed_draws_another_fleet() -> None:
    assert fleet(seed=5) != fleet(seed=6)


@pytest.mark.parametrize("seed", range(5))
def test_every_service_has_between_three_and_ten_instances(seed: int) -> None:
    sizes = Counter(plan.service for plan in fleet(seed)).values()
    assert len(sizes) == 50
    assert min(sizes) >= 3
    assert max(sizes) <= 10


def test_a_service_for_users_is_always_there() -> None:
    assert {plan.service for plan in fleet(services=1)} == {"user-service"}


def test_no_two_instances_share_an_id() -> None:
    assert max(Counter(plan.id for plan in fleet(services=120)).values()) == 1


def test_a_hundred_services_have_a_hundred_names_fit_for_dns() -> None:
    names = {plan.service for plan in fleet(services=100)}
    assert len(names) == 100
    assert all(DNS_LABEL.fullmatch(name) for name in names)


def test_the_instances_of_a_service_are_spread_over_all_zones() -> None:
    zones_by_service: dict[str, set[str]] = {}
    for plan in fleet():
        zones_by_service.setdefault(plan.service, set()).add(plan.zone)
    assert all(zones == set(ZONES) for zones in zones_by_service.values())


def test_a_canary_runs_the_next_version_with_a_low_weight() -> None:
    plans = fleet()
    canaries = [plan for plan in plans if plan.canary]
    assert len(canaries) == 2
    for canary in canaries:
        [usual] = {plan.version for plan in plans if plan.service == canary.service and not plan.canary}
        assert (canary.weight, canary.version) == (1, next_version(usual))


def test_one_instance_flaps() -> None:
    assert [plan.service for plan in fleet() if plan.flapping] == ["recommendation-service"]


def test_a_few_services_speak_grpc_too() -> None:
    assert {plan.service for plan in fleet() if plan.grpc} == {"user-service", "inventory-service", "pricing-service"}


def shared(number: int) -> tuple[InstancePlan, ...]:
    return draw_fleet(random.Random(number), services=50, zones=ZONES, share=Share(number, 3))


def test_of_three_fleets_some_services_run_in_all_some_in_two_and_some_in_one() -> None:
    fleets = [{plan.service for plan in shared(number)} for number in (1, 2, 3)]
    found = Counter(Counter(service for fleet in fleets for service in fleet).values())
    assert sum(found.values()) == 50
    assert all(found[regions] >= 10 for regions in (1, 2, 3))
    assert "user-service" in fleets[0] & fleets[1] & fleets[2]


def test_three_fleets_together_have_about_three_hundred_instances() -> None:
    assert 250 <= sum(len(shared(number)) for number in (1, 2, 3)) <= 350


def test_the_next_version_is_a_minor_release() -> None:
    assert next_version("2.9.4") == "2.10.0"
