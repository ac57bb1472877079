"""The breaker's rule, on made-up losses."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.breaker import LIMITS, Base, Kind, Limit, Loss, Scope, Target, judge, loss_of, targets_of, trips
from catalog.records.instance import Instance

SERVICE = Target(Scope.SERVICE, "user-service")
REGION = Target(Scope.REGION, "us-east")


def losses(number: int, *targets: Target) -> list[Loss]:
    return [Loss(f"instance/default/user-service/u-{n:03}", targets) for n in range(number)]


def test_the_formula_says_what_would_happen_and_what_the_limit_is():
    [hold] = judge(losses(12, SERVICE), {SERVICE: Base(15)}, Kind.EXPIRY).holds
    assert hold.formula == (
        "expiry would fail 12 of 15 instances (80 %) of service user-service within 60 s; the limit is 60 %"
    )


def test_a_share_up_to_the_limit_is_allowed():
    judgement = judge(losses(9, SERVICE), {SERVICE: Base(15)}, Kind.EXPIRY)
    assert (len(judgement.allowed), judgement.holds) == (9, ())


def test_a_share_above_the_limit_is_held_whole():
    judgement = judge(losses(10, SERVICE), {SERVICE: Base(15)}, Kind.EXPIRY)
    assert judgement.allowed == ()
    assert len(judgement.holds[0].losses) == 10


def test_a_small_service_dies_normally():
    assert judge(losses(5, SERVICE), {SERVICE: Base(5)}, Kind.EXPIRY).holds == ()


def test_losses_of_the_last_minute_count_in():
    judgement = judge(losses(1, SERVICE), {SERVICE: Base(15, earlier=9)}, Kind.EXPIRY)
    assert judgement.holds[0].formula.startswith("expiry would fail 10 of 15")


def test_the_widest_scope_that_trips_holds():
    judgement = judge(losses(30, REGION, SERVICE), {REGION: Base(100), SERVICE: Base(30)}, Kind.PROBE)
    assert [hold.target for hold in judgement.holds] == [REGION]


def test_what_a_zone_holds_does_not_count_in_a_service():
    zone = Target(Scope.ZONE, "a")
    within = losses(12, zone, SERVICE)
    outside = [Loss("instance/default/user-service/z", (SERVICE,))]
    judgement = judge([*within, *outside], {zone: Base(12), SERVICE: Base(13)}, Kind.EXPIRY)
    assert [hold.target for hold in judgement.holds] == [zone]
    assert judgement.allowed == tuple(outside)


def test_a_service_of_another_namespace_is_another_service():
    named = targets_of(region="us-east", zone="", namespace="staging", service="web")
    assert Target(Scope.SERVICE, "staging/web") in named


def test_an_instance_without_a_zone_counts_in_none():
    instance = Instance(region="us-east", service="web", id="1", host="h", port=1)
    assert {target.scope for target in loss_of(instance).targets} == {Scope.REGION, Scope.SERVICE}


def test_wider_scopes_bear_smaller_shares_of_more_instances():
    shares, floors = [limit.share for limit in LIMITS], [limit.least for limit in LIMITS]
    assert [limit.scope for limit in LIMITS] == [Scope.REGION, Scope.ZONE, Scope.SERVICE]
    assert shares == sorted(shares)
    assert floors == sorted(floors, reverse=True)


numbers = st.integers(0, 60)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=60), numbers, numbers)
def test_every_loss_is_allowed_or_held_once_and_what_is_allowed_is_bearable(places, others, earlier):
    given_losses = [
        Loss(f"i{n}", targets_of(region="r", zone=zone, namespace="default", service=service))
        for n, (zone, service) in enumerate(places)
    ]
    targets = {target for loss in given_losses for target in loss.targets}
    bases = {
        target: Base(sum(target in loss.targets for loss in given_losses) + others + earlier, earlier)
        for target in targets
    }
    judgement = judge(given_losses, bases, Kind.EXPIRY)
    held = [loss for hold in judgement.holds for loss in hold.losses]
    assert sorted(loss.key for loss in (*judgement.allowed, *held)) == sorted(loss.key for loss in given_losses)
    for limit in LIMITS:
        for target in targets:
            taken = sum(target in loss.targets for loss in judgement.allowed)
            if target.scope is limit.scope and taken:
                assert not trips(limit, taken + earlier, bases[target].population)


@given(numbers, numbers)
def test_losing_one_more_never_turns_too_much_into_bearable(losing, population):
    limit = Limit(Scope.SERVICE, 0.6, 6)
    assert trips(limit, losing + 1, population) or not trips(limit, losing, population)
