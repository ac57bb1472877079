"""Overrides: set with a reason, cleared by hand or by time, and written to the log like everything else."""

import time
from collections.abc import Callable

import pytest

from catalog.errors import Invalid, NotFound
from catalog.records.override import Override, Scope
from catalog.records.status import Status
from registry import actions
from registry.models import ChangeRow, OverrideRow


def set_override(**given: object) -> Override:
    fields = {"scope": Scope.SERVICE, "service": "web", "status": Status.CRITICAL, "reason": "maintenance", **given}
    request = actions.OverrideRequest(**fields)  # type: ignore[arg-type]
    return actions.set_override(request, actor="admin:alice", cause="asked in the admin site")


def test_an_override_is_kept_with_its_author(committed: None, sound: Callable[[], None]) -> None:
    override = set_override()
    row = OverrideRow.objects.get()
    assert row.override == override
    assert (row.author, row.status, row.scope) == ("admin:alice", "critical", "service")
    sound()


def test_an_override_that_breaks_a_rule_is_not_written(committed: None) -> None:
    with pytest.raises(Invalid) as caught:
        set_override(reason="")
    assert caught.value.field == "reason"
    assert not ChangeRow.objects.exists()


def test_an_override_may_end_after_a_while(committed: None) -> None:
    override = set_override(expires_in="10m")
    assert override.expires_at == override.created_at + 600


def test_two_expiries_are_one_too_many(committed: None) -> None:
    with pytest.raises(Invalid) as caught:
        set_override(expires_in="10m", expires_at=time.time() + 5)
    assert caught.value.field == "expires_in"


def test_clearing_an_override_removes_it(committed: None, sound: Callable[[], None]) -> None:
    override = set_override()
    assert actions.clear_override(override.id, actor="test", cause="test") == 2
    assert not OverrideRow.objects.exists()
    sound()


def test_what_was_never_set_cannot_be_cleared(committed: None) -> None:
    with pytest.raises(NotFound):
        actions.clear_override("none", actor="test", cause="test")


def test_only_overrides_whose_time_is_over_expire(committed: None, sound: Callable[[], None]) -> None:
    stays, ends = set_override(), set_override(expires_in="50ms")
    deadline = time.monotonic() + 10
    expired: list[Override] = []
    while not expired:
        assert time.monotonic() < deadline
        expired = actions.expire_overrides(actor="worker", cause="its time is over")
    assert expired == [ends]
    assert [row.override for row in OverrideRow.objects.all()] == [stays]
    assert ChangeRow.objects.latest("index").verb == "expire_override"
    sound()
