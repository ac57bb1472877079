"""What the log says of the past: pages of entries, what was before each, and one record's own story."""

import time

import msgspec
import pytest
from django.db import connection

from catalog.change import Head, Position
from catalog.errors import Unavailable
from catalog.log import MemoryLog
from catalog.records.instance import Instance
from catalog.records.override import Scope
from catalog.records.status import Status
from registry import actions
from registry.commit.writer import local_region
from registry.log.compaction import compact
from registry.log.history import Entry, beginning, entries, history_of, index_at, older_than, one_entry
from registry.log.mirror import Mirror
from registry.models import ChangeRow
from tests.harness import records
from tests.harness.registry.outage import database_gone
from tests.registry.conftest import Register

HOME, EU = "us-east", "eu-west"


def places(found: list[Entry]) -> list[tuple[str, int]]:
    return [(entry.change.region, entry.change.index) for entry in found]


def indexes(found: list[Entry]) -> list[int]:
    return [entry.change.index for entry in found]


def remove(id: str, *, service: str = "web") -> None:
    actions.deregister(namespace="default", service=service, id=id, actor="ada", cause="not needed any more")


def override(service: str) -> None:
    request = actions.OverrideRequest(
        scope=Scope.SERVICE, service=service, status=Status.CRITICAL, reason="maintenance", expires_in=60.0
    )
    actions.set_override(request, actor="grace", cause="maintenance")


def mirror(log: MemoryLog, changes: list[tuple[str, float]]) -> None:
    """A mirror of another region's log in which instances of these ids were registered at these times."""
    made = Mirror(log.region)
    made.replace(Head(Position(log.log_id, 0), log.head.digest), [])
    written = []
    for id, at in changes:
        record = msgspec.structs.replace(records.instance("web", id), region=log.region)
        written.append(log.append(record.key, record, at=at, verb="register", actor="far", cause="far away"))
    made.append(log.log_id, written)


def test_entries_are_newest_first_with_who_did_what_and_why(register: Register) -> None:
    register("one")
    remove("one")
    newest, oldest = entries()
    assert (newest.change.verb, newest.change.actor, newest.change.cause) == (
        "deregister", "ada", "not needed any more",
    )  # fmt: skip
    assert (newest.change.record, oldest.change.index) == (None, 1)


def test_an_entry_shows_the_record_that_it_replaced_and_the_one_that_it_removed(register: Register) -> None:
    first = register("one", port=1).instance
    register("two")
    second = register("one", port=2).instance
    remove("one")
    found = entries()
    assert [entry.before for entry in found] == [second, first, None, None]
    assert all(entry.before_known for entry in found)


def test_an_instance_that_comes_again_had_nothing_before_it(register: Register) -> None:
    register("one")
    remove("one")
    register("one")
    assert (entries()[0].before, entries()[0].before_known) == (None, True)


def test_what_was_before_the_history_that_is_kept_is_said_to_be_unknown(register: Register) -> None:
    register("one")
    register("two")
    compact(local_region(), keep=0, now=time.time() + 1)
    register("one", port=2)
    assert (entries()[0].before, entries()[0].before_known) == (None, False)
    remove("two")
    assert (entries()[0].before, entries()[0].before_known) == (None, False)


def test_what_began_after_the_history_did_is_known_to_be_new(register: Register) -> None:
    register("one")
    compact(local_region(), keep=0, now=time.time() + 1)
    register("two")
    override("web")
    assert [(entry.before, entry.before_known) for entry in entries()] == [(None, True)] * 2


def test_pages_follow_each_other_without_gap_or_repetition_while_the_log_grows(register: Register) -> None:
    for number in range(7):
        register(f"i{number}")
    first = entries(limit=3)
    register("late")
    second = entries(limit=3, before=older_than(first))
    third = entries(limit=3, before=older_than(second, older_than(first)))
    assert [indexes(page) for page in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]


def test_what_came_after_a_cursor_is_read_from_its_near_end(register: Register) -> None:
    for number in range(6):
        register(f"i{number}")
    assert indexes(entries(after={HOME: 2}, limit=3)) == [5, 4, 3]
    assert indexes(entries(after={HOME: 2}, before={HOME: 5})) == [4, 3]


@pytest.mark.usefixtures("committed", "valkey_url")
def test_a_page_of_several_regions_is_in_the_order_of_time_and_pages_on_in_each(register: Register) -> None:
    mirror(MemoryLog(EU, log_id="eu"), [("a", 10.0), ("b", time.time() + 100), ("c", time.time() + 200)])
    register("one")
    register("two")
    first = entries(limit=3)
    assert places(first) == [(EU, 3), (EU, 2), (HOME, 2)]
    assert places(entries(before=older_than(first))) == [(HOME, 1), (EU, 1)]
    assert places(entries(regions=[EU], limit=2)) == [(EU, 3), (EU, 2)]
    assert entries(regions=[]) == []


def test_entries_of_one_service_leave_out_all_that_only_look_like_it(register: Register) -> None:
    for service in ("web", "web-2", "we", "wxb"):
        register("one", service=service)
    assert indexes(entries(services=[("default", "web")])) == [1]
    assert indexes(entries(services=[("default", "web-2"), ("default", "we")])) == [3, 2]
    assert entries(services=[("default", "w%")]) == []
    assert entries(services=[("default", "w_b")]) == []
    assert entries(services=[("other", "web")]) == []


def test_entries_of_one_namespace_are_those_of_its_instances_and_policies(register: Register) -> None:
    for namespace in ("default", "shop", "shop-2"):
        register("one", namespace=namespace)
        actions.set_policy(
            actions.PolicyRequest(nearest=1), service="web", namespace=namespace, actor="ada", cause="may fail over"
        )
    assert indexes(entries(namespace="shop")) == [4, 3]
    assert indexes(entries(namespace="shop", kinds=["policy"])) == [4]
    assert entries(namespace="sh%") == []


def test_entries_are_found_by_kind_verb_actor_and_words(register: Register) -> None:
    register("one")
    override("web")
    remove("one")
    assert indexes(entries(kinds=["override"])) == [2]
    assert indexes(entries(kinds=["instance"])) == [3, 1]
    assert indexes(entries(kinds=["instance", "override"], verbs=["set_override", "register"])) == [2, 1]
    assert indexes(entries(actor="ADA")) == [3]
    assert indexes(entries(text="needed any")) == [3]
    assert indexes(entries(text="web ada")) == [3]
    assert entries(text="100%") == []
    assert entries(kinds=[]) == []


def test_the_story_of_one_record_leaves_out_those_of_others(register: Register) -> None:
    key = register("one").instance.key
    register("one-2")
    register("one", port=2)
    remove("one")
    assert indexes(history_of(key, HOME)) == [4, 3, 1]
    assert indexes(history_of(key, HOME, 2)) == [4, 3]
    assert indexes(entries(key=key)) == [4, 3, 1]
    assert history_of(key, EU) == []


def test_one_entry_is_found_by_its_place(register: Register) -> None:
    register("one")
    found = one_entry(HOME, 1)
    assert found is not None
    assert isinstance(found.change.record, Instance)
    assert (one_entry(HOME, 2), one_entry(EU, 1)) == (None, None)


def test_a_page_costs_the_same_queries_however_long_it_is(
    register: Register, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    for number in range(12):
        register(f"i{number % 4}", port=number + 1)
    with django_assert_num_queries(3):  # type: ignore[operator]
        # the indexes, their rows with what was before, and where the kept history begins
        assert len(entries(regions=[HOME], limit=10)) == 10


@pytest.mark.usefixtures("committed", "valkey_url")
def test_a_time_leads_to_its_place_in_the_log() -> None:
    mirror(MemoryLog(EU, log_id="eu"), [(f"i{number}", number * 10.0) for number in range(1, 8)])
    assert [index_at(EU, at) for at in (0.0, 10.0, 10.5, 35.0, 70.0, 71.0)] == [0, 0, 1, 3, 6, 7]
    assert index_at("nowhere", 5.0) == 0


def test_the_time_before_the_kept_history_leads_to_its_beginning(register: Register) -> None:
    for number in range(3):
        register(f"i{number}")
    compact(local_region(), keep=0, now=time.time() + 1)
    register("late")
    assert index_at(HOME, 5.0) == 3


def test_without_the_database_the_history_is_unavailable(register: Register) -> None:
    register("one")
    with database_gone():
        for ask in (entries, lambda: one_entry(HOME, 1), lambda: history_of("x", HOME), lambda: index_at(HOME, 1.0)):
            with pytest.raises(Unavailable, match="the history cannot be read"):
                ask()
    assert indexes(entries()) == [1]


@pytest.mark.usefixtures("committed", "valkey_url")
def test_the_entries_of_a_service_are_found_by_index() -> None:
    mirror(MemoryLog(EU, log_id="eu"), [(f"i{number}", number * 10.0) for number in range(3000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    rows = ChangeRow.objects.filter(beginning("instance/default/api/"), region=EU).order_by("-index")
    plan = rows.values_list("pk")[:50].explain()
    assert "registry_change_history" in plan
    # The beginning bounds the search, and does not only sift what it finds.
    assert ("key>? AND key<?" if connection.vendor == "sqlite" else "~>=~") in plan
