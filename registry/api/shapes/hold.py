"""A hold of the breaker, and the decision about it."""

from typing import Annotated, Self

from msgspec import Meta, Struct

from catalog.breaker import Kind, Scope
from registry.api.shapes.fields import Moment, Text, copied, one_of
from registry.models import HeldRow
from registry.tables.held import State
from registry.timestamps import iso


class MemberShape(Struct, frozen=True):
    """One registration that would be lost."""

    key: str
    epoch: int
    check: Annotated[str, Meta(description="empty for a lease or a removal")]
    output: Annotated[str, Meta(description="what was found")]


class HeldShape(Struct, frozen=True, kw_only=True):
    """A removal that the breaker holds, and what was decided."""

    id: str
    region: str
    kind: Annotated[str, one_of(Kind)]
    scope: Annotated[str, one_of(Scope), Meta(description="what would lose too much")]
    name: Annotated[str, Meta(description="of the scope")]
    formula: Annotated[str, Meta(description="why it is held, with the figures")]
    state: Annotated[str, one_of(State)]
    population: int
    earlier: Annotated[int, Meta(description="losses of the same kind shortly before")]
    members: list[MemberShape]
    at: Moment
    expires_at: Annotated[Moment, Meta(description="when it happens unless it is decided before")]
    decided_by: str
    decided_at: Moment | None
    reason: str

    @classmethod
    def of(cls, row: HeldRow) -> Self:
        """A row of the table."""
        moments = {name: iso(getattr(row, name)) for name in ("at", "expires_at", "decided_at")}
        return copied(cls, row, members=[copied(MemberShape, member) for member in row.held], **moments)


class Decision(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a hold is approved or rejected."""

    reason: Text
