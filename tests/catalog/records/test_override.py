"""Overrides: which instances they concern, how long they stand, and which one counts."""

import pytest

from catalog.errors import Invalid
from catalog.records.override import Scope, ruling, validated
from tests.harness.records import NOW, instance, override


@pytest.mark.parametrize(
    ("scope", "fields", "covered"),
    [
        (Scope.INSTANCE, {"service": "user-service", "instance": "user-1"}, True),
        (Scope.INSTANCE, {"service": "user-service", "instance": "user-2"}, False),
        (Scope.SERVICE, {"service": "user-service"}, True),
        (Scope.SERVICE, {"service": "order-service"}, False),
        (Scope.SERVICE, {"service": "user-service", "namespace": "staging"}, False),
        (Scope.ZONE, {"zone": "us-east-1a"}, True),
        (Scope.ZONE, {"zone": "us-east-1b"}, False),
        (Scope.ZONE, {"zone": "us-east-1a", "service": "order-service"}, False),
        (Scope.TAG, {"tag": "primary"}, True),
        (Scope.TAG, {"tag": "canary"}, False),
    ],
)
def test_a_scope_covers_what_it_names(scope, fields, covered):
    record = instance(zone="us-east-1a", tags=["primary"])
    assert override(scope, **fields).covers(record) is covered


@pytest.mark.parametrize(
    ("said", "name", "speaks"),
    [
        (override(Scope.SERVICE, service="web"), ("default", "web"), True),
        (override(Scope.SERVICE, service="web"), ("staging", "web"), False),
        (override(Scope.ZONE, zone="a"), ("default", "web"), True),
        (override(Scope.ZONE, zone="a", service="api"), ("default", "web"), False),
        (override(Scope.REGION, target="eu"), ("staging", "web"), True),
    ],
)
def test_an_override_speaks_of_the_services_that_its_scope_may_reach(said, name, speaks):
    assert said.speaks_of(*name) is speaks


@pytest.mark.parametrize(
    ("scope", "fields", "field"),
    [
        (Scope.INSTANCE, {"service": "web"}, "instance"),
        (Scope.SERVICE, {}, "service"),
        (Scope.SERVICE, {"service": "web", "zone": "a"}, "zone"),
        (Scope.ZONE, {"zone": "a", "weight": 70_000}, "weight"),
        (Scope.ZONE, {"zone": "a", "status": "unknown"}, "status"),
        (Scope.ZONE, {"zone": "a", "status": None}, "status"),
        (Scope.ZONE, {"zone": "a", "reason": "  "}, "reason"),
        (Scope.ZONE, {"zone": "a", "expires_at": NOW}, "expires_at"),
        (Scope.SERVICE, {"service": "a.b"}, "service"),
    ],
)
def test_a_wrong_override_is_refused_by_its_field(scope, fields, field):
    with pytest.raises(Invalid) as caught:
        validated(override(scope, **fields))
    assert caught.value.field == field


def test_the_more_precise_word_counts():
    zone = override(Scope.ZONE, id="z", zone="us-east-1a", created_at=NOW + 9)
    single = override(Scope.INSTANCE, id="i", service="user-service", instance="user-1", status="passing")
    assert ruling([zone, single], instance(zone="us-east-1a"), NOW)[0] is single


def test_among_equals_the_latest_word_counts():
    first = override(id="a", service="user-service")
    second = override(id="b", service="user-service", status="warning", created_at=NOW + 1)
    assert ruling([second, first], instance(), NOW)[0] is second


def test_status_and_weight_may_come_from_different_overrides():
    status = override(id="a", service="user-service")
    weight = override(Scope.ZONE, id="b", zone="us-east-1a", weight=0)
    assert ruling([status, weight], instance(zone="us-east-1a"), NOW) == (status, weight)


def test_an_expired_word_counts_no_more():
    expiring = override(service="user-service", expires_at=NOW + 60)
    assert expiring.is_live(NOW + 59.9)
    assert ruling([expiring], instance(), NOW + 60) == (None, None)
