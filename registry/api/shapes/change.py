"""A change of the log, alone and with its records."""

from typing import Annotated, Self

from msgspec import Meta, Struct

from registry.api.shapes.fields import Anything, Moment, copied
from registry.log.diff import difference
from registry.models import ChangeRow
from registry.timestamps import iso


class ChangeShape(Struct, frozen=True, kw_only=True):
    """One entry of the log, without its record."""

    region: str
    index: int
    at: Moment
    key: str
    verb: str
    actor: str
    cause: str
    removed: Annotated[bool, Meta(description="whether the record is gone after it")]

    @classmethod
    def of(cls, row: ChangeRow) -> Self:
        """A row of the log."""
        return copied(cls, row, at=iso(row.at), removed=row.record is None)


class ChangedFieldShape(Struct, frozen=True):
    """A field before and after; null where it does not exist."""

    field: str
    before: Anything
    after: Anything


class ChangeDetailShape(ChangeShape, frozen=True, kw_only=True):
    """One entry of the log with its record, the one before it, and the difference."""

    digest: str
    record: Annotated[Anything, Meta(description="null when it was removed")]
    before_index: Annotated[int | None, Meta(description="null when nothing came before, or history ends")]
    before: Anything
    difference: list[ChangedFieldShape]

    @classmethod
    def of(cls, row: ChangeRow, before: ChangeRow | None = None) -> Self:
        """A row of the log, and the row before it of the same record."""
        old, new = before.change.record if before else None, row.change.record
        return copied(
            cls,
            row,
            at=iso(row.at),
            removed=row.record is None,
            record=new,
            before_index=before.index if before else None,
            before=old,
            difference=[copied(ChangedFieldShape, changed) for changed in difference(old, new)],
        )
