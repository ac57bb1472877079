"""Holds as pages show them: what the breaker keeps from happening to instances, and to mirrors of other regions."""

import msgspec

from catalog.breaker import Kind
from catalog.errors import NotFound
from registry.breaker import holds
from registry.corrections.words import hold_words
from registry.database import unavailable
from registry.tables.held import HeldRow, Member, State

DECIDED = 30  # decided ones that are still shown


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold. `mirror` is the region of whose mirror something is held, empty for this region's own instances."""

    id: str
    mirror: str = ""
    what: str
    formula: str
    state: str
    at: float
    until: float
    members: tuple[Member, ...] = ()
    decided_by: str = ""
    decided_at: float | None = None
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it waits for a decision."""
        return self.state == State.OPEN


@unavailable("what is held cannot be read")
def list_holds() -> list[Hold]:
    """The open ones, those that happen soonest first; then those decided lately. Raises Unavailable."""
    waiting = sorted(holds.list_holds(state=State.OPEN), key=lambda row: (row.expires_at, row.id))
    decided = [row for row in holds.list_holds() if row.state != State.OPEN][:DECIDED]
    decided.sort(key=lambda row: -(row.decided_at or row.at))
    return [_of_row(row) for row in (*waiting, *decided)]


def find_hold(id: str) -> Hold | None:
    """One hold by its id."""
    try:
        return _of_row(holds.find_hold(id))
    except NotFound:
        return None


def _of_row(row: HeldRow) -> Hold:
    return Hold(
        id=row.id, mirror=row.name if row.kind == Kind.MIRROR else "", what=hold_words(row), formula=row.formula,
        state=row.state, at=row.at, until=row.expires_at, members=row.held, decided_by=row.decided_by,
        decided_at=row.decided_at, reason=row.reason,
    )  # fmt: skip
