"""`verify_log` finds what was changed behind the log's back, and says what."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command

from catalog.records.status import Status
from registry import actions
from registry.commit.writer import local_region
from registry.log.verification import verify
from registry.models import ChangeRow, InstanceRow, Region
from tests.harness.registry.tampering import remove, smuggle, tamper
from tests.registry.conftest import Register

CHECK = {"type": "ttl", "name": "beat", "ttl": "5s"}


@pytest.fixture
def written(register: Register) -> None:
    """Two instances, one of them replaced and reported; a third that has gone."""
    register("one", checks=[CHECK])
    register("two", port=1)
    register("two", port=2)
    report = actions.Report(namespace="default", service="web", id="one", check="beat", status=Status.CRITICAL)
    actions.report_checks([report], actor="test", cause="test")
    register("three")
    actions.deregister(namespace="default", service="web", id="three", actor="test", cause="test")


def problems() -> tuple[str, ...]:
    return verify(local_region()).problems


def test_an_untouched_log_is_sound(written: None) -> None:
    verification = verify(local_region())
    assert verification.problems == ()
    assert (verification.changes, verification.records) == (6, 2)


def test_a_record_edited_in_the_tables_is_named(written: None) -> None:
    row = InstanceRow.objects.get(instance_id="two")
    tamper(row, record=row.record.replace('"port":2', '"port":3'), port=3)
    found = problems()
    assert "instance/default/web/two: the tables differ from the log at index 3" in found
    assert any("the tables' digest" in problem for problem in found)


def test_a_column_that_differs_from_its_record_is_named(written: None) -> None:
    tamper(InstanceRow.objects.get(instance_id="two"), status="critical")
    assert problems() == ("instance/default/web/two: a column differs from the record beside it",)


def test_a_row_removed_from_the_tables_is_named(written: None) -> None:
    remove(InstanceRow.objects.get(instance_id="one"))
    assert "instance/default/web/one: missing from the tables, the log has it at index 4" in problems()


def test_a_row_added_to_the_tables_is_named(written: None) -> None:
    row = InstanceRow.objects.get(instance_id="one")
    smuggle(row, instance_id="four", index=6, record=row.record.replace('"id":"one"', '"id":"four"'))
    assert "instance/default/web/four: the tables hold it from index 6, the log does not" in problems()


def test_a_change_edited_in_the_log_is_named(written: None) -> None:
    row = ChangeRow.objects.get(index=2)
    tamper(row, record=str(row.record).replace('"port":1', '"port":7'))
    assert "instance/default/web/two: the digest at index 2 is not that of the step" in problems()


def test_a_change_missing_from_the_log_is_named(written: None) -> None:
    remove(ChangeRow.objects.get(index=4))
    assert "index 4 is missing from the log" in problems()


def test_a_region_that_claims_another_digest_is_found_out(written: None) -> None:
    Region.objects.update(digest="f" * 64)
    assert len(problems()) == 2


def test_a_record_that_cannot_be_read_is_named(written: None) -> None:
    tamper(InstanceRow.objects.get(instance_id="two"), record="{")
    assert any("instance/default/web/two: cannot be read in the tables" in problem for problem in problems())


def test_the_command_ends_with_1_when_something_differs(written: None) -> None:
    remove(InstanceRow.objects.get(instance_id="one"))
    output = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_log", "--json", stdout=output)
    assert ended.value.code == 1
    assert "instance/default/web/one" in json.loads(output.getvalue())["problems"][0]


def test_a_new_log_id_makes_followers_start_again(written: None) -> None:
    before = Region.objects.get().log_id
    output = StringIO()
    call_command("verify_log", "--new-log-id", stdout=output)
    assert Region.objects.get().log_id != before
    assert "log, tables and digest agree" in output.getvalue()


def test_the_writer_goes_on_in_a_log_with_a_new_id(
    written: None, register: Register, sound: Callable[[], None]
) -> None:
    call_command("verify_log", "--new-log-id", stdout=StringIO())
    register("one", port=99)
    sound()
