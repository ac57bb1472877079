"""Holds: what the breaker keeps from happening, of this region's instances and of the mirrors of others."""

import msgspec

from catalog.errors import NotFound
from federation.follow import holding
from federation.models import MirrorState
from registry.breaker import holds as held
from registry.database import unavailable
from registry.tables.held import HeldRow, Member, State

DECIDED = 30  # decided ones that are still shown
KINDS = {"expiry": "expired lease", "probe": "failed check", "removal": "removal"}


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One hold. `mirror` is the region of whose mirror something is held, empty for this region's own instances."""

    id: str = ""
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
    def key(self) -> str:
        """What tells it from others."""
        return f"mirror-{self.mirror}" if self.mirror else self.id

    @property
    def is_open(self) -> bool:
        """Whether it waits for a decision."""
        return self.state == State.OPEN


def list_holds() -> list[Hold]:
    """The open ones, those that happen soonest first; then those decided lately. Raises Unavailable."""
    with unavailable("what is held cannot be read"):
        holds = [_of_row(row) for row in held.list_held(state=State.OPEN)]
        closed = [_of_row(row) for row in held.list_held()[: 4 * DECIDED] if row.state != State.OPEN]
        mirrors = [_of_mirror(state) for state in holding.standing()]
    waiting = sorted((hold for hold in (*holds, *mirrors) if hold.is_open), key=lambda hold: (hold.until, hold.key))
    decided = [*(hold for hold in mirrors if not hold.is_open), *closed]
    decided.sort(key=lambda hold: -(hold.decided_at or hold.at))
    return [*waiting, *decided[:DECIDED]]


def find_hold(id: str, mirror: str) -> Hold | None:
    """One hold by its id, or by the region of the mirror."""
    if mirror:
        found = next((state for state in holding.standing() if state.region == mirror), None)
        return _of_mirror(found) if found is not None else None
    try:
        return _of_row(held.find_held(id))
    except NotFound:
        return None


def _of_row(row: HeldRow) -> Hold:
    number = len(row.held)
    kind = KINDS.get(row.kind, row.kind)
    return Hold(
        id=row.id, what=f"{number} {kind}{'' if number == 1 else 's'} in {row.scope} {row.name}", formula=row.formula,
        state=row.state, at=row.at, until=row.expires_at, members=row.held, decided_by=row.decided_by,
        decided_at=row.decided_at, reason=row.reason,
    )  # fmt: skip


def _of_mirror(state: MirrorState) -> Hold:
    return Hold(
        mirror=state.region, what=f"the mirror of {state.region}", formula=state.held,
        state=State.APPROVED.value if state.approved_by else State.OPEN.value, at=state.held_at or 0.0,
        until=state.held_until or 0.0, decided_by=state.approved_by, reason=state.approved_reason,
    )  # fmt: skip
