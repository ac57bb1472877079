"""Writing notes."""

from catalog.errors import NotFound
from registry.commit.unit import Unit
from registry.commit.verb import verb
from tests.harness.notes.record import Note


@verb()
def write_note(unit: Unit, name: str, text: str, *, actor: str, cause: str) -> int:
    """Write a note, new or in place of what it said; returns the index of the change."""
    return unit.put(Note(region=unit.region, name=name, text=text), verb="write_note")


@verb()
def tear_up_note(unit: Unit, name: str, *, actor: str, cause: str) -> int:
    """Remove a note; returns the index of the change."""
    note = unit.record(Note, f"note/{name}")
    if note is None:
        raise NotFound(f"there is no note {name!r}")
    return unit.remove(note, verb="tear_up_note")
