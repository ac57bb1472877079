"""The schedule in a real Valkey: claims, their expiry, and who may change it."""

import pytest

from catalog.errors import Unavailable
from catalog.records.check import Tally
from catalog.records.status import Status
from registry.checks.judge import State
from registry.checks.schedule import Alignment, Result, Schedule
from registry.waits import CLAIM_MARGIN
from tests.harness.probes.schedules import LEADER, definition, due, nowhere, put, schedule_of

pytestmark = pytest.mark.usefixtures("valkey_url")
PASSING = State(Tally(Status.PASSING, 1))


async def test_what_is_due_is_claimed_once() -> None:
    async with schedule_of() as (schedule, _):
        await put(schedule, definition("one"), definition("two"))
        first, second = await schedule.claim(10), await schedule.claim(10)
    assert {claim.definition.id for claim in first.checks} == {"one", "two"}
    assert second.checks == []


async def test_a_claim_carries_the_whole_definition() -> None:
    subject = definition("one", headers={"X": "ü"}, expect_status=(200, 204), recorded=Status.WARNING)
    async with schedule_of() as (schedule, _):
        await put(schedule, subject)
        claim = (await schedule.claim(1)).checks[0]
    assert claim.definition == subject
    assert claim.state is None


async def test_what_is_not_due_is_left_and_said_when_it_will_be() -> None:
    async with schedule_of() as (schedule, _):
        await put(schedule, definition(), delay=5.0)
        claims = await schedule.claim(10)
    assert claims.checks == []
    assert claims.pause is not None
    assert 4.5 < claims.pause <= 5.0


async def test_an_empty_schedule_has_nothing_to_wait_for() -> None:
    async with schedule_of() as (schedule, _):
        assert (await schedule.claim(10)).pause is None


async def test_a_limit_leaves_the_rest_to_others_the_longest_due_first() -> None:
    async with schedule_of() as (schedule, _):
        await put(schedule, definition("late"), delay=-3.0)
        await put(schedule, definition("later"), delay=-2.0)
        first, second = await schedule.claim(1), await schedule.claim(1)
    assert [claim.definition.id for claim in (*first.checks, *second.checks)] == ["late", "later"]
    assert 2.9 < first.lateness < 4.0


async def test_a_result_is_remembered_and_sets_the_next_time() -> None:
    async with schedule_of() as (schedule, client):
        await put(schedule, definition())
        claim = (await schedule.claim(1)).checks[0]
        assert await schedule.finish([Result(claim, PASSING, 7.0)]) == [True]
        assert 6.5 < (await due(client))[claim.key] <= 7.0
        assert await schedule.finish([Result(claim, PASSING, 0.0)]) == [False]  # the claim is over


async def test_the_next_claim_brings_back_what_was_remembered() -> None:
    async with schedule_of() as (schedule, _):
        await put(schedule, definition())
        await schedule.finish([Result((await schedule.claim(1)).checks[0], PASSING, 0.0)])
        claim = (await schedule.claim(1)).checks[0]
    assert claim.state == PASSING


async def test_a_result_without_a_state_leaves_the_old_one() -> None:
    async with schedule_of() as (schedule, _):
        await put(schedule, definition())
        for state in (PASSING, None):
            await schedule.finish([Result((await schedule.claim(1)).checks[0], state, 0.0)])
        assert (await schedule.claim(1)).checks[0].state == PASSING


async def test_a_claim_lapses_after_the_timeout_and_a_margin() -> None:
    async with schedule_of() as (schedule, client):
        await put(schedule, definition(timeout=3.0))
        claim = (await schedule.claim(1)).checks[0]
        assert 3.0 + CLAIM_MARGIN - 0.5 < (await due(client))[claim.key] <= 3.0 + CLAIM_MARGIN


async def test_a_result_that_comes_after_another_worker_has_claimed_the_check_does_not_count() -> None:
    async with schedule_of() as (schedule, _client):
        await put(schedule, definition())
        stale = (await schedule.claim(1)).checks[0]
        await put(schedule, definition())  # due again, as if the claim had lapsed
        fresh = (await schedule.claim(1)).checks[0]
        assert await schedule.finish([Result(stale, PASSING, 1.0)]) == [False]
        assert await schedule.finish([Result(fresh, None, 1.0)]) == [True]


async def test_a_check_that_was_removed_while_it_was_probed_stays_removed() -> None:
    async with schedule_of() as (schedule, client):
        await put(schedule, definition())
        claim = (await schedule.claim(1)).checks[0]
        await schedule.align(LEADER, [Alignment(claim.key, forget=True)])
        assert await schedule.finish([Result(claim, PASSING, 1.0)]) == [False]
        assert await client.keys("*:due") == []
        assert await client.keys("*:states") == []


async def test_one_leads_at_a_time() -> None:
    async with schedule_of() as (schedule, _):
        assert await schedule.lead(LEADER) == 1
        assert await schedule.lead("another") == 0
        await schedule.resign(LEADER)
        assert await schedule.lead("another") == 2


async def test_who_does_not_lead_changes_nothing() -> None:
    async with schedule_of() as (schedule, client):
        assert not await schedule.align("another", [Alignment("k", definition(), 0.0)])
        assert await due(client) == {}


async def test_a_leader_is_elected_anew_after_valkey_lost_its_data() -> None:
    async with schedule_of() as (schedule, client):
        await client.flushall()
        assert await schedule.lead(LEADER) == 2


async def test_a_state_that_another_version_wrote_is_taken_for_none() -> None:
    async with schedule_of() as (schedule, client):
        await put(schedule, definition())
        await client.hset("meridian:us-east:probes:states", definition().key, '{"tally": 3}')
        assert (await schedule.claim(1)).checks[0].state is None


async def test_without_valkey_every_call_is_unavailable() -> None:
    async with nowhere() as client:
        schedule = Schedule(client, "us-east")
        with pytest.raises(Unavailable):
            await schedule.claim(1)
        with pytest.raises(Unavailable):
            [step async for step in schedule.scheduled()]
