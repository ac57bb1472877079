"""A note and its row."""

from catalog.kinds import TEXT, Kind
from catalog.records.record import Record


class Note(Record, frozen=True, kw_only=True, tag="note"):
    """A text under a name. Names may hold slashes."""

    region: str
    name: str
    text: str

    @property
    def key(self) -> str:
        return f"note/{self.name}"


NOTE = Kind(
    struct=Note,
    table="notes_note",
    columns={"region": TEXT, "name": TEXT},
    unique=("region", "name"),
    values=lambda note: (note.region, note.name),
    verbs=("write_note", "tear_up_note"),
    group=lambda note: "notes",
)
