"""Registering and deregistering: what is kept, what is refused, and what is not written at all."""

from collections.abc import Callable

import pytest

from catalog.errors import CatalogError, Invalid, NotFound, Refused
from catalog.records.check import LONGEST_OUTPUT
from catalog.records.instance import Instance, instance_key, with_lease
from catalog.records.registration import from_mapping
from catalog.records.status import Status
from registry import actions
from registry.commit.unit import Unit
from registry.commit.verb import verb
from registry.models import ChangeRow, InstanceRow, Tombstone
from tests.registry.conftest import Register

CHECK = {"type": "ttl", "name": "beat", "ttl": "5s"}


def deregister(id: str = "one", epoch: int | None = None, service: str = "web") -> int:
    return actions.deregister(
        namespace="default", service=service, id=id, actor="test", cause="the test needs it", epoch=epoch
    )


def report(status: Status, *, check: str = "beat", epoch: int | None = None, output: str = "") -> object:
    one = actions.Report(
        namespace="default", service="web", id="one", check=check, status=status, output=output, epoch=epoch
    )
    return actions.report_checks([one], actor="test", cause="the test needs it")[0]


@verb()
def expire_lease(unit: Unit, *, actor: str, cause: str) -> None:
    """What an expired lease leaves behind."""
    instance = unit.record(Instance, instance_key("default", "web", "one"))
    assert instance is not None
    unit.put(with_lease(instance, expired=True, now=unit.now), verb="expire")


def test_the_first_registration_creates_and_the_next_replaces(register: Register) -> None:
    first, second = register(port=1), register(port=2)
    assert (first.created, first.index) == (True, 1)
    assert (second.created, second.index, second.instance.port) == (False, 2, 2)


def test_the_change_says_who_did_what_and_why(register: Register) -> None:
    register()
    row = ChangeRow.objects.get()
    assert (row.verb, row.actor, row.cause) == ("register", "test", "the test needs it")


def test_names_are_folded_before_they_are_compared(register: Register) -> None:
    register(service="Web")
    assert register(service="web").created is False
    assert InstanceRow.objects.get().service == "web"


def test_a_registration_that_changes_nothing_appends_nothing(register: Register) -> None:
    first = register(checks=[CHECK])
    again = register(checks=[CHECK])
    assert (again.changed, again.created, again.index) == (False, False, first.index)
    assert again.instance == first.instance
    assert ChangeRow.objects.count() == 1


def test_a_registration_without_an_owner_keeps_the_owner(register: Register) -> None:
    register(owner="accounts")
    assert register(port=2).instance.owner == "accounts"
    assert register(port=2, owner="payments").instance.owner == "payments"


def test_a_replacement_keeps_when_the_instance_was_first_registered(register: Register) -> None:
    assert register(port=1).instance.registered_at == register(port=2).instance.registered_at


def test_registering_again_brings_an_expired_lease_back_to_life(register: Register) -> None:
    register(lease={"ttl": "5s"})
    expire_lease(actor="test", cause="test")
    assert InstanceRow.objects.get().status == Status.CRITICAL
    again = register(lease={"ttl": "5s"})
    assert (again.changed, again.instance.status) == (True, Status.PASSING)


def test_many_registrations_get_a_verdict_each(committed: None, sound: Callable[[], None]) -> None:
    items = [("default", "web", f"i{number}", from_mapping({"host": "10.0.0.1", "port": 80})) for number in range(3)]
    items[1] = ("default", "not a name", "i1", items[1][3])
    first, bad, last = actions.register_many(items, actor="test", cause="test")
    assert isinstance(first, actions.Registered)
    assert isinstance(bad, Invalid)
    assert bad.field == "service"
    assert isinstance(last, actions.Registered)
    assert (first.index, last.index) == (1, 2)
    sound()


def test_more_registrations_than_one_statement_can_name(committed: None, sound: Callable[[], None]) -> None:
    registration = from_mapping({"host": "10.0.0.1", "port": 80})
    items = [("default", f"s{number % 9}", f"i{number}", registration) for number in range(6000)]
    assert len(actions.register_many(items, actor="test", cause="test")) == 6000
    again = actions.register_many(items, actor="test", cause="test")
    assert not any(verdict.changed for verdict in again if isinstance(verdict, actions.Registered))
    assert ChangeRow.objects.count() == 6000
    sound()


def test_deregistering_leaves_a_tombstone(register: Register, sound: Callable[[], None]) -> None:
    register()
    assert deregister() == 2
    assert not InstanceRow.objects.exists()
    assert Tombstone.objects.get().epoch == 1
    sound()


def test_what_is_not_registered_cannot_be_deregistered(committed: None) -> None:
    with pytest.raises(NotFound):
        deregister()


def test_a_registration_after_a_removal_has_the_next_epoch(register: Register, sound: Callable[[], None]) -> None:
    for epoch in (1, 2, 3):
        assert register().instance.epoch == epoch
        deregister()
    sound()


def test_a_removal_of_an_older_registration_is_refused(register: Register) -> None:
    register()
    deregister()
    register()
    with pytest.raises(Refused):
        deregister(epoch=1)
    assert deregister(epoch=2) == 4


def test_a_report_about_a_removed_registration_is_refused(register: Register) -> None:
    register(checks=[CHECK])
    deregister()
    assert isinstance(report(Status.PASSING, epoch=1), Refused)
    assert isinstance(report(Status.PASSING), NotFound)


def test_a_report_about_an_older_registration_is_refused(register: Register) -> None:
    register(checks=[CHECK])
    deregister()
    register(checks=[CHECK])
    assert isinstance(report(Status.CRITICAL, epoch=1), Refused)
    assert InstanceRow.objects.get().status == Status.UNKNOWN


def test_only_transitions_are_written(register: Register, sound: Callable[[], None]) -> None:
    register(checks=[CHECK])
    assert report(Status.PASSING, output="200 OK") == 2
    assert report(Status.PASSING, output="200 OK, but slower") is None
    assert report(Status.CRITICAL, output="refused") == 3
    verdict = InstanceRow.objects.get().instance.verdicts[0]
    assert (verdict.status, verdict.output) == (Status.CRITICAL, "refused")
    assert InstanceRow.objects.get().status == Status.CRITICAL
    sound()


def test_the_output_of_a_report_is_kept_up_to_its_limit(register: Register) -> None:
    register(checks=[CHECK])
    report(Status.WARNING, output="x" * (LONGEST_OUTPUT + 1))
    assert InstanceRow.objects.get().instance.verdicts[0].output == "x" * LONGEST_OUTPUT


def test_a_report_of_an_unknown_check_is_not_found(register: Register) -> None:
    register(checks=[CHECK])
    assert isinstance(report(Status.PASSING, check="other"), NotFound)


def test_one_bad_report_does_not_spoil_the_others(register: Register) -> None:
    register(checks=[CHECK])
    reports = [
        actions.Report(namespace="default", service="web", id=id, check="beat", status=Status.PASSING)
        for id in ("missing", "one")
    ]
    missing, written = actions.report_checks(reports, actor="test", cause="test")
    assert isinstance(missing, CatalogError)
    assert written == 2


def test_reviving_takes_the_expiry_back_and_only_once(register: Register) -> None:
    epoch = register(lease={"ttl": "5s"}).instance.epoch
    expire_lease(actor="test", cause="test")
    names = [("default", "web", "one", epoch)]
    assert actions.revive(names, actor="test", cause="test") == [3]
    assert actions.revive(names, actor="test", cause="test") == [None]
    assert InstanceRow.objects.get().status == Status.PASSING


def test_reviving_a_removed_registration_is_refused(register: Register) -> None:
    register(lease={"ttl": "5s"})
    deregister()
    (verdict,) = actions.revive([("default", "web", "one", 1)], actor="test", cause="test")
    assert isinstance(verdict, Refused)
    assert not InstanceRow.objects.exists()
