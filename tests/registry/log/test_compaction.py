"""Compaction forgets history and nothing else."""

import json
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from registry import actions
from registry.commit.writer import local_region
from registry.log.compaction import TOMBSTONES, compact
from registry.log.verification import verify
from registry.models import ChangeRow, InstanceRow, Region, Tombstone
from tests.harness.registry.tampering import tamper
from tests.registry.conftest import Register

DAY = 86_400.0


@pytest.fixture
def written(register: Register) -> list[float]:
    """Five changes; returns when each was made. The last instance has gone."""
    for number in range(3):
        register("one", port=number + 1)
    register("gone")
    actions.deregister(namespace="default", service="web", id="gone", actor="test", cause="test")
    return list(ChangeRow.objects.order_by("index").values_list("at", flat=True))


def indexes() -> list[int]:
    return list(ChangeRow.objects.order_by("index").values_list("index", flat=True))


def test_changes_older_than_the_history_to_keep_are_forgotten(written: list[float]) -> None:
    done = compact(local_region(), keep=DAY, now=written[2] + DAY)
    assert (done.floor, done.changes) == (2, 2)
    assert indexes() == [3, 4, 5]
    assert Region.objects.get().floor == 2


def test_the_catalog_is_untouched_and_still_verifies(written: list[float]) -> None:
    before = InstanceRow.objects.get().record
    compact(local_region(), keep=0, now=time.time() + 1)
    assert indexes() == []
    assert InstanceRow.objects.get().record == before
    assert verify(local_region()).problems == ()


def test_a_tampered_row_is_found_even_when_its_history_is_forgotten(written: list[float]) -> None:
    compact(local_region(), keep=0, now=time.time() + 1)
    row = InstanceRow.objects.get()
    tamper(row, record=row.record.replace('"port":3', '"port":4'), port=4)
    assert len(verify(local_region()).problems) == 1


def test_writing_goes_on_after_everything_was_forgotten(written: list[float], register: Register) -> None:
    compact(local_region(), keep=0, now=time.time() + 1)
    assert register("one", port=7).index == 6
    assert verify(local_region()).problems == ()


def test_tombstones_outlive_the_history(written: list[float], register: Register) -> None:
    compact(local_region(), keep=DAY, now=time.time() + 2 * DAY)
    assert Tombstone.objects.count() == 1
    assert register("gone").instance.epoch == 2


def test_tombstones_go_in_the_end(written: list[float]) -> None:
    done = compact(local_region(), keep=DAY, now=time.time() + TOMBSTONES + DAY)
    assert done.tombstones == 1
    assert not Tombstone.objects.exists()


def test_a_clock_that_jumped_leaves_no_gap(written: list[float]) -> None:
    tamper(ChangeRow.objects.get(index=4), at=written[0] - 10 * DAY)
    compact(local_region(), keep=DAY, now=written[1] + DAY)
    assert indexes() == [2, 3, 4, 5]


def test_a_dry_run_forgets_nothing(written: list[float]) -> None:
    output = StringIO()
    call_command("compact_log", "--keep", "0s", "--dry-run", "--json", stdout=output)
    assert json.loads(output.getvalue())["changes"] == 5
    assert len(indexes()) == 5


def test_the_command_forgets(written: list[float]) -> None:
    output = StringIO()
    call_command("compact_log", "--keep", "0s", stdout=output)
    assert output.getvalue() == "us-east: forgot 5 changes up to index 5 and 0 tombstones\n"
    assert indexes() == []


def test_a_length_that_is_none_is_a_clear_error(written: list[float]) -> None:
    with pytest.raises(CommandError, match="is not a duration"):
        call_command("compact_log", "--keep", "a week")
