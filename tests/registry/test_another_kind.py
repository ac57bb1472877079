"""A struct, a row, verbs and a migration (`tests.harness.notes`) are all that a new kind of record takes."""

import asyncio
import time
from collections.abc import Callable

import pytest
from django.core.management import call_command

from catalog.change import Head, Position
from catalog.digest import EMPTY, to_hex
from catalog.errors import Diverged
from catalog.follow import follow
from catalog.log import MemoryLog
from catalog.records.instance import instance_key
from catalog.view import View
from dashboard.pages.changes import ChangesPage
from registry.commit.unit import Unit
from registry.commit.verb import verb
from registry.commit.writer import local_region
from registry.log import history, mirror
from registry.log.compaction import compact
from registry.log.local import DatabaseLog
from registry.log.mirror import Mirror
from registry.log.verification import verify
from registry.models import ChangeRow
from tests.harness.dashboard.pages import Desk, text
from tests.harness.notes.models import NoteRow
from tests.harness.notes.record import Note
from tests.harness.notes.verbs import tear_up_note, write_note
from tests.harness.registry.registering import register
from tests.harness.registry.tampering import tamper

pytestmark = pytest.mark.usefixtures("committed")
SAID = {"actor": "user:ada", "cause": "so that it is known"}
NAME = "on/call"


def note(text: str = "Ada", *, region: str | None = None) -> Note:
    return Note(region=region or local_region(), name=NAME, text=text)


def test_it_is_written_replaced_and_removed_in_the_order_of_the_log(sound: Callable[[], None]) -> None:
    register()
    assert [write_note(NAME, "Ada", **SAID), write_note(NAME, "Eve", **SAID)] == [2, 3]
    assert NoteRow.objects.values_list("name", "index", "record").get() == (
        NAME, 3, '{"kind":"note","region":"us-east","name":"on/call","text":"Eve"}',
    )  # fmt: skip
    sound()
    assert tear_up_note(NAME, **SAID) == 4
    assert not NoteRow.objects.exists()
    sound()


def test_all_of_a_kind_are_read_as_earlier_commands_left_them() -> None:
    found: list[Note] = []

    @verb()
    def look(unit: Unit, *, actor: str, cause: str) -> None:
        unit.put(note("Eve"), verb="write_note")
        unit.put(Note(region=unit.region, name="a", text="new"), verb="write_note")
        found.extend(unit.records(Note))
        assert unit.record(Note, instance_key("default", "web", "one")) is None

    write_note(NAME, "Ada", **SAID)
    write_note("b", "kept", **SAID)
    look(**SAID)
    assert [(each.name, each.text) for each in found] == [("a", "new"), ("b", "kept"), (NAME, "Eve")]


def test_a_column_that_was_tampered_with_is_named_by_verification() -> None:
    write_note(NAME, "Ada", **SAID)
    tamper(NoteRow.objects.get(), record='{"kind":"note","region":"us-east","name":"on/call","text":"Eve"}')
    assert f"note/{NAME}: the tables differ from the log at index 1" in verify(local_region()).problems


def test_compaction_forgets_how_it_came_about_and_keeps_it() -> None:
    write_note(NAME, "Ada", **SAID)
    write_note(NAME, "Eve", **SAID)
    compact(local_region(), keep=0, now=time.time() + 1)
    assert not ChangeRow.objects.exists()
    assert NoteRow.objects.get().index == 2
    assert verify(local_region()).problems == ()


def test_a_view_that_follows_the_tables_has_it_and_is_touched_by_its_key() -> None:
    touched: list[frozenset[str]] = []

    async def scenario() -> None:
        log, view = DatabaseLog(local_region()), View(clock=time.time)
        view.listeners.append(lambda region, names, index: touched.append(names))
        following = asyncio.create_task(follow(log, view, poll=0.02))
        try:
            async with asyncio.timeout(10):
                while view.region(local_region()).index < 1:
                    await asyncio.sleep(0.001)
                assert view.region(local_region()).changes[note().key].record == note()
                await write_note.aio(NAME, "Eve", **SAID)
                while view.region(local_region()).index < 2:
                    await asyncio.sleep(0.001)
            assert view.region(local_region()).changes[note().key].record == note("Eve")
            assert view.region(local_region()).touched(note().key) == 2
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await log.close()

    write_note(NAME, "Ada", **SAID)
    asyncio.run(scenario())
    assert frozenset({note().key}) in touched


def foreign() -> MemoryLog:
    """Another region's log, in which a note was written twice."""
    log = MemoryLog("eu-west", log_id="one")
    for words in ("Ada", "Eve"):
        log.append(note().key, note(words, region="eu-west"), at=5.0, verb="write_note", **SAID)
    return log


@pytest.mark.parametrize("by_snapshot", [False, True], ids=["change by change", "by a snapshot"])
def test_another_region_s_is_mirrored(valkey_url: str, by_snapshot: bool) -> None:
    log, made = foreign(), Mirror("eu-west")
    if by_snapshot:
        made.replace(log.head, [asyncio.run(_live(log))])
    else:
        made.replace(Head(Position("one", 0), to_hex(EMPTY)), [])
        made.append("one", asyncio.run(log.read(Position("one", 0), limit=10)))
    assert (NoteRow.objects.get().region, NoteRow.objects.get().index) == ("eu-west", 2)
    assert verify("eu-west").problems == ()
    sums = mirror.sums("eu-west")
    assert sums is not None
    assert (sums.digest, set(sums.services)) == (log.head.digest, {"notes"})


async def _live(log: MemoryLog) -> list:
    return [change async for chunk in (await log.snapshot()).chunks for change in chunk]


def test_a_kind_that_is_not_known_here_is_not_mirrored(valkey_url: str) -> None:
    log, made = MemoryLog("eu-west", log_id="one"), Mirror("eu-west")
    made.replace(Head(Position("one", 0), to_hex(EMPTY)), [])
    removal = log.append("letter/1", None)
    with pytest.raises(Diverged, match="no entry of the log of eu-west"):
        made.append("one", [removal])


def test_its_history_is_found_by_its_kind() -> None:
    register()
    write_note(NAME, "Ada", **SAID)
    write_note(NAME, "Eve", **SAID)
    found = history.entries(kinds=["note"])
    assert [(entry.change.record, entry.before) for entry in found] == [(note("Eve"), note("Ada")), (note("Ada"), None)]


def test_the_changes_page_lists_it_and_offers_its_kind_and_verbs() -> None:
    desk = Desk()
    desk.put(note(), verb="write_note", **SAID)
    page = desk.page(ChangesPage, kind_="note")
    row = text(desk.content(page), "changes")
    assert "write note" in row
    assert f"note {NAME}" in row
    context = page.context()
    assert "note" in context["kinds"]
    assert {"write_note", "tear_up_note"} <= set(context["verbs"])


def test_its_migration_makes_the_table_of_its_model() -> None:
    call_command("makemigrations", "notes", check=True, dry_run=True, verbosity=0)
