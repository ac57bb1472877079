"""When an instance renews, and when it tries again."""

from __future__ import annotations

import random

import pytest

from demo.keeper import renewal_delay, retry_delay
from demo.registration import LEASE_SECONDS
from demo.registry import Answer, Outcome

DRAWS = 500


def delays(answer: Answer, attempt: int) -> list[float]:
    rng = random.Random(1)
    return [retry_delay(rng, attempt=attempt, answer=answer) for _ in range(DRAWS)]


def test_renewals_come_three_to_a_lease_or_more() -> None:
    rng = random.Random(1)
    assert all(0 < renewal_delay(rng) <= LEASE_SECONDS / 3 for _ in range(DRAWS))


def test_renewals_do_not_come_at_the_same_time() -> None:
    rng = random.Random(1)
    assert len({renewal_delay(rng) for _ in range(DRAWS)}) == DRAWS


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.5), (1, 1), (2, 2), (3, 4), (4, 5), (1000, 5)])
def test_an_absent_registry_is_asked_ever_more_rarely_up_to_a_limit(attempt: int, longest: float) -> None:
    found = delays(Answer(Outcome.UNAVAILABLE), attempt)
    assert longest / 2 <= min(found)
    assert longest * 0.9 <= max(found) <= longest


def test_a_registry_that_asks_for_time_gets_at_least_that_much() -> None:
    assert all(7 <= delay <= 9 for delay in delays(Answer(Outcome.UNAVAILABLE, retry_after=7), 0))


def test_a_registry_that_asks_for_a_day_gets_half_a_minute() -> None:
    assert all(30 <= delay <= 36 for delay in delays(Answer(Outcome.UNAVAILABLE, retry_after=86_400), 0))


def test_a_refused_registration_is_repeated_rarely() -> None:
    assert all(15 <= delay <= 30 for delay in delays(Answer(Outcome.REFUSED), 0))
