"""The statements of the write path: as many rows as there are, each in its place, all or none."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from catalog.change import encode
from catalog.records.instance import Instance
from registry.commit.writer import local_region
from registry.models import ChangeRow, InstanceRow
from registry.tables import statements
from registry.tables.records import upsert_records
from tests.harness import records
from tests.registry.conftest import Register

SOME = (0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 255, 256, 257, 600)  # about the sizes of statements


def rows(number: int, *, weight: int = 1) -> list[tuple[Instance, int, str]]:
    instances = [records.instance("web", f"i-{place}", weight=weight) for place in range(number)]
    return [(instance, place + 1, encode(instance).decode()) for place, instance in enumerate(instances)]


def kept() -> dict[str, tuple[int, int]]:
    """Index and weight of each instance in the table, by id."""
    return {row.instance_id: (row.index, row.instance.weight) for row in InstanceRow.objects.all()}


@pytest.mark.parametrize("number", SOME)
def test_of_any_number_of_rows_each_is_inserted_once(transactional_db: None, number: int) -> None:
    given = rows(number)
    with transaction.atomic():
        upsert_records(connection, given, absent={record.key for record, _, _ in given})
    assert kept() == {f"i-{place}": (place + 1, 1) for place in range(number)}


@pytest.mark.parametrize("number", SOME)
def test_rows_that_are_there_are_replaced_and_others_added(transactional_db: None, number: int) -> None:
    with transaction.atomic():
        upsert_records(connection, rows(number // 2))
        upsert_records(connection, rows(number, weight=7))
    assert kept() == {f"i-{place}": (place + 1, 7) for place in range(number)}


def test_a_row_that_is_there_against_all_expectation_leaves_nothing_done(transactional_db: None) -> None:
    given = rows(70)
    with transaction.atomic():
        upsert_records(connection, given[40:41])
    with pytest.raises(DatabaseError), transaction.atomic():
        upsert_records(connection, given, absent={record.key for record, _, _ in given})
    assert kept() == {"i-40": (41, 1)}


def test_changes_that_clash_leave_nothing_done_though_some_came_before_the_clash(
    register: Register, sound: Callable[[], None]
) -> None:
    register("one")
    row = (local_region(), 0, 0.0, "instance/default/web/x", "register", "test", "", "", None)
    clashing = [(*row[:1], index, *row[2:]) for index in (5, 4, 3, 2, 1)]
    with pytest.raises(DatabaseError), transaction.atomic():
        statements.execute_many(connection, statements.INSERT_CHANGE, clashing)
    assert ChangeRow.objects.count() == 1
    sound()
