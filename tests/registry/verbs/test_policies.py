"""Failover policies: set, replaced and cleared through the log like everything else."""

from collections.abc import Callable
from typing import Any

import pytest

from catalog.change import Record
from catalog.errors import Invalid, NotFound
from catalog.records.override import Scope
from catalog.records.policy import Policy, StaleAction
from catalog.records.status import Status
from registry import actions
from registry.commit.writer import local_region
from registry.log.local import DatabaseLog
from registry.models import ChangeRow, PolicyRow
from tests.registry.conftest import Register


def set_policy(service: str = "web", **given: Any) -> actions.PolicySet:
    request = actions.PolicyRequest(**{"order": ("eu-west",), **given})
    return actions.set_policy(request, service=service, actor="admin:alice", cause="the test needs it")


def test_a_policy_is_kept_and_in_the_log(committed: None, sound: Callable[[], None]) -> None:
    done = set_policy(min_healthy=2, stale="demote", stale_after="1m", hold_down=30)
    row = PolicyRow.objects.get()
    assert row.policy == done.policy == Policy(
        region=local_region(), service="web", min_healthy=2, order=("eu-west",), stale=StaleAction.DEMOTE,
        stale_after=60.0, hold_down=30.0,
    )  # fmt: skip
    change = ChangeRow.objects.get()
    assert (change.key, change.verb, change.actor) == ("policy/default/web", "set_policy", "admin:alice")
    sound()


def test_a_policy_takes_the_place_of_the_one_before(committed: None, sound: Callable[[], None]) -> None:
    created = [set_policy().created, set_policy(min_healthy=3).created]
    assert created == [True, False]
    assert PolicyRow.objects.get().policy.min_healthy == 3
    sound()


def test_clearing_a_policy_removes_it(committed: None, sound: Callable[[], None]) -> None:
    set_policy()
    set_policy("other")
    assert actions.clear_policy(service="WEB", actor="test", cause="test") == 3
    assert [row.service for row in PolicyRow.objects.all()] == ["other"]
    sound()


def test_what_was_never_set_cannot_be_cleared(committed: None) -> None:
    with pytest.raises(NotFound):
        actions.clear_policy(service="web", actor="test", cause="test")


@pytest.mark.parametrize(
    ("given", "field"),
    [({"order": ()}, "order"), ({"hold_down": "soon"}, "hold_down"), ({"min_share": 2.0}, "min_share")],
)
def test_a_policy_that_breaks_a_rule_is_not_written(committed: None, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        set_policy(**given)
    assert caught.value.field == field
    assert not ChangeRow.objects.exists()


async def _live() -> list[Record | None]:
    log = DatabaseLog(local_region())
    snapshot = await log.snapshot()
    records = [change.record async for chunk in snapshot.chunks for change in chunk]
    await log.close()
    return records


async def test_a_snapshot_holds_policies(committed: None) -> None:
    done = await actions.set_policy.aio(
        actions.PolicyRequest(order=("eu-west",)), service="web", actor="test", cause="test"
    )
    assert await _live() == [done.policy]


def test_an_opinion_about_another_region_is_kept_with_its_target(committed: None, sound: Callable[[], None]) -> None:
    request = actions.OverrideRequest(
        scope=Scope.REGION, target="eu-west", status=Status.CRITICAL, reason="the link is bad"
    )
    override = actions.set_override(request, actor="admin:alice", cause="evacuation")
    assert (override.region, override.target, override.is_opinion) == (local_region(), "eu-west", True)
    sound()


def test_an_instance_that_registers_again_after_its_removal_has_come_back(register: Register) -> None:
    first = register("one").instance
    actions.deregister(namespace="default", service="web", id="one", actor="test", cause="test")
    again = register("one").instance
    assert (first.recovered_at, again.recovered_at) == (0.0, again.registered_at)
