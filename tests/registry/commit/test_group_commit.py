"""Many callers, one transaction: each gets its own outcome, in order, after the commit."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection, transaction

from catalog.change import Change, Position
from catalog.errors import CatalogError, Invalid, NotFound, Unavailable
from catalog.records.instance import Instance, instance_key
from catalog.records.registration import from_mapping
from catalog.records.status import Status
from registry import actions
from registry.commit import writer
from registry.commit.batch import Commit, commit
from registry.commit.command import Command
from registry.commit.hooks import Hooks
from registry.commit.tail import tail
from registry.commit.unit import Unit
from registry.commit.verb import verb
from registry.models import ChangeRow, InstanceRow, Region
from tests.harness.registry.writers import start_writing
from tests.registry.conftest import Register, at_once

GOOD = from_mapping({"host": "10.0.1.5", "port": 8080})
BAD = from_mapping({"host": "not a host", "port": 8080})


@verb()
def stop(unit: Unit, reached: Event, go_on: Event, *, actor: str, cause: str) -> None:
    """Hold the writer until the test has queued what it wants to see committed together."""
    reached.set()
    assert go_on.wait(10)


@verb()
def spoil(unit: Unit, *, actor: str, cause: str) -> None:
    """Something that shows only when it is written."""

    def fail() -> None:
        raise DataError("value too long")

    unit.execute(fail)


def register_aio(registration=GOOD, id: str = "one", service: str = "web"):
    return partial(
        actions.register.aio, registration, namespace="default", service=service, id=id, actor="test", cause="test"
    )


def together(*calls: Callable[[], object]) -> list[object]:
    """The calls' outcomes, after all of them were committed in one batch."""
    reached, go_on = Event(), Event()
    with ThreadPoolExecutor(2) as threads:
        held = threads.submit(partial(stop, reached, go_on, actor="test", cause="test"))
        assert reached.wait(10)
        outcomes = threads.submit(at_once, *calls)
        deadline = time.monotonic() + 10
        while writer.waiting() < len(calls):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        go_on.set()
        held.result(10)
        return outcomes.result(20)


def test_those_who_wait_are_committed_together(committed: None, sound: Callable[[], None]) -> None:
    outcomes = together(*(register_aio(id=f"i{number}") for number in range(50)))
    assert all(isinstance(outcome, actions.Registered) and outcome.created for outcome in outcomes)
    assert ChangeRow.objects.values("at").distinct().count() == 1, "one transaction has one time"
    sound()


def test_changes_are_in_the_order_of_the_calls(committed: None) -> None:
    outcomes = together(*(register_aio(id=f"i{number}") for number in range(20)))
    assert [outcome.index for outcome in outcomes] == list(range(1, 21))  # type: ignore[attr-defined]
    ids = [row.key.rpartition("/")[2] for row in ChangeRow.objects.order_by("index")]
    assert ids == [f"i{number}" for number in range(20)]


def test_a_later_command_of_a_batch_sees_the_earlier_one(committed: None, sound: Callable[[], None]) -> None:
    remove = partial(actions.deregister.aio, namespace="default", service="web", id="one", actor="test", cause="test")
    created, removed, again = together(register_aio(), remove, register_aio())
    assert (created.index, removed, again.index) == (1, 2, 3)  # type: ignore[attr-defined]
    assert again.created  # type: ignore[attr-defined]
    assert again.instance.epoch == 2  # type: ignore[attr-defined]
    sound()


def test_a_bad_command_fails_alone(committed: None, sound: Callable[[], None]) -> None:
    before, bad, after = together(register_aio(id="before"), register_aio(BAD, id="bad"), register_aio(id="after"))
    assert isinstance(bad, Invalid)
    assert bad.field == "host"
    assert (before.index, after.index) == (1, 2)  # type: ignore[attr-defined]
    sound()


def test_what_only_the_database_refuses_fails_alone(committed: None, sound: Callable[[], None]) -> None:
    before, bad, after = together(
        register_aio(id="before"), partial(spoil.aio, actor="test", cause="test"), register_aio(id="after")
    )
    assert isinstance(bad, Invalid)
    assert isinstance(before, actions.Registered)
    assert isinstance(after, actions.Registered)
    assert InstanceRow.objects.count() == 2
    sound()


@pytest.mark.parametrize("field", ["namespace", "service", "id"])
def test_a_name_that_the_database_cannot_look_for_spoils_nothing(
    field: str, committed: None, sound: Callable[[], None]
) -> None:
    name: dict[str, Any] = {"namespace": "default", "service": "web", "id": "one", field: "a\0b"}
    said: dict[str, Any] = {"actor": "test", "cause": "test"}
    outcomes: list[Any] = together(
        register_aio(id="before"),
        partial(actions.register.aio, GOOD, **name, **said),
        partial(actions.register_many.aio, [(*name.values(), GOOD)], **said),
        partial(actions.deregister.aio, **name, **said),
        partial(actions.report_checks.aio, [actions.Report(**name, check="beat", status=Status.PASSING)], **said),
        register_aio(id="after"),
    )
    before, one, [many], gone, [reported], after = outcomes
    assert [(type(refused), refused.field) for refused in (one, many)] == [(Invalid, field)] * 2
    assert [type(refused) for refused in (gone, reported)] == [NotFound] * 2
    assert (before.index, after.index) == (1, 2)
    assert ChangeRow.objects.values("at").distinct().count() == 1, "they were committed together"
    sound()


def test_when_the_database_goes_away_while_each_goes_alone_the_others_are_told_so(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def fail(connection: Any, region: str, commands: Sequence[Command], **given: Any) -> Commit:
        tried.append(len(commands))
        if len(tried) == 1:
            return commit(connection, region, commands, **given)
        raise DataError("value too long") if len(tried) == 2 else OperationalError("timed out")

    monkeypatch.setattr(writer, "commit", fail)
    outcomes = together(*(register_aio(id=f"i{number}") for number in range(20)))
    assert tried == [1, 20, 1]
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 20


def test_a_body_that_fails_takes_back_what_it_had_written(committed: None, sound: Callable[[], None]) -> None:
    @verb()
    def write_and_fail(unit: Unit, *, actor: str, cause: str) -> None:
        instance = unit.record(Instance, instance_key("default", "web", "one"))
        assert instance is not None
        unit.remove(instance, verb="deregister")
        raise NotFound("after all")

    register, failed = together(register_aio(), partial(write_and_fail.aio, actor="test", cause="test"))
    assert isinstance(register, actions.Registered)
    assert isinstance(failed, NotFound)
    assert InstanceRow.objects.count() == 1
    sound()


def test_work_handed_to_a_unit_commits_with_it(register: Register) -> None:
    @verb()
    def rename(unit: Unit, *, actor: str, cause: str) -> None:
        unit.execute(lambda: Region.objects.filter(name="far").update(is_local=False))

    Region.objects.create(name="far", log_id="x", digest="0" * 64)
    rename(actor="test", cause="test")
    assert Region.objects.get(name="far").is_local is False


def test_a_verb_within_a_transaction_joins_it(register: Register) -> None:
    with transaction.atomic():
        register("kept")
    with transaction.atomic():
        register("lost")
        transaction.set_rollback(True)
    assert [row.instance_id for row in InstanceRow.objects.all()] == ["kept"]
    assert register("next").index == 2


def test_what_another_writer_wrote_is_not_overlooked(register: Register, sound: Callable[[], None]) -> None:
    register(port=1)
    with transaction.atomic():  # on this thread's own connection, past the writer and what it remembers
        register(port=2)
    assert register(port=1).changed is True
    sound()


def test_the_hooks_hear_of_each_change_once(register: Register, hooks: Hooks) -> None:
    heard: list[Change] = []
    quiet = Event()
    hooks.after_commit(heard.extend)
    hooks.after_commit(lambda changes: quiet.set() if changes[-1].key.endswith("/last") else None)
    hooks.after_commit(_fail)
    for id in ("one", "one", "two", "last"):
        register(id)
    assert quiet.wait(10)
    assert [change.key.rpartition("/")[2] for change in heard] == ["one", "two", "last"]


def test_a_registration_without_a_change_counts_as_a_renewal(register: Register, hooks: Hooks) -> None:
    renewed = Event()
    hooks.after_renewal(lambda instances: renewed.set() if instances[0].id == "one" else None)
    register("one")
    assert not renewed.is_set()
    assert register("one").changed is False
    assert renewed.wait(10)


def test_threads_that_write_at_once_leave_no_gap(register: Register, sound: Callable[[], None]) -> None:
    def write(thread: int) -> None:
        for number in range(25):
            register(f"{thread}-{number}")
        connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert ChangeRow.objects.count() == 200
    sound()


def test_processes_that_write_at_once_leave_no_gap(register: Register, sound: Callable[[], None]) -> None:
    processes = [start_writing(f"p{number}", 60, callers=12) for number in range(3)]
    for number in range(60):
        register(f"here-{number}")
    for process in processes:
        output, _ = process.communicate(timeout=50)
        assert process.returncode == 0
        assert len(output.split()) == 60
    assert InstanceRow.objects.count() == 3 * 60 + 60
    sound()


def _fail(changes: list[Change]) -> None:
    raise CatalogError("a hook that fails is nobody else's affair")


def test_a_follower_that_raises_does_not_end_the_writer(committed: None) -> None:
    def stumble(_: object) -> None:
        raise RuntimeError("a defect of a follower")

    end = tail(writer.local_region()).listen(stumble)
    try:
        outcomes = [at_once(register_aio(id=f"i{number}"))[0] for number in range(2)]
    finally:
        end()
    assert all(isinstance(outcome, actions.Registered) for outcome in outcomes)


def test_whoever_is_answered_finds_the_change_told_to_followers(register: Register) -> None:
    told: list[int] = []

    def tell(end: Position) -> None:
        time.sleep(0.05)  # time enough for an answer that does not wait for it
        told.append(end.index)

    stop_telling = tail(writer.local_region()).listen(tell)
    written = register("one")
    stop_telling()
    assert told == [written.index]


def test_an_instance_that_comes_goes_and_comes_again_in_one_batch_is_there_once(
    committed: None, sound: Callable[[], None]
) -> None:
    leave = partial(actions.deregister.aio, namespace="default", service="web", id="one", actor="test", cause="test")
    together(register_aio(), leave, register_aio())
    assert list(InstanceRow.objects.values_list("instance_id", "index", "epoch")) == [("one", 3, 2)]
    sound()


def test_an_instance_that_goes_and_comes_again_in_one_batch_is_there_once(
    committed: None, sound: Callable[[], None]
) -> None:
    leave = partial(actions.deregister.aio, namespace="default", service="web", id="one", actor="test", cause="test")
    together(register_aio())
    together(leave, register_aio())
    assert list(InstanceRow.objects.values_list("instance_id", "index", "epoch")) == [("one", 3, 2)]
    sound()
