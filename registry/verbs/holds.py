"""Writing holds and decisions about them. Called by `registry.breaker` alone, which knows who came back meanwhile."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from uuid import uuid4

import msgspec
import structlog

from catalog.breaker import Kind, Target
from catalog.errors import NotFound, Refused
from registry.commit.unit import Unit
from registry.commit.verb import verb
from registry.tables.held import HeldRow, Member, State, encode_members
from registry.verbs.expiry import take_away

log = structlog.get_logger(__name__)


class HoldRequest(msgspec.Struct, frozen=True):
    """One hold as the breaker wants it; see `HeldRow`."""

    target: Target
    formula: str
    members: tuple[Member, ...]
    population: int
    earlier: int


@verb()
def hold(
    unit: Unit,
    kind: Kind,
    requests: Sequence[HoldRequest],
    *,
    lasting: float,
    whole: bool,
    actor: str,
    cause: str,
) -> None:
    """Open or change the holds of one kind.

    With `whole` the requests are all there is to hold: members that they do not name leave their hold, and open holds
    that are not asked for have recovered. Without it members are only added. A new hold lasts `lasting` seconds.
    """
    # Read and written in one step at the end of the transaction: an earlier command of it may have opened a hold.
    unit.execute(partial(_hold, unit, kind, requests, lasting, whole))


def _hold(unit: Unit, kind: Kind, requests: Sequence[HoldRequest], lasting: float, whole: bool) -> None:
    rows = {
        Target(row.scope, row.name): row  # type: ignore[arg-type]
        for row in HeldRow.objects.filter(region=unit.region, kind=kind, state=State.OPEN)
    }
    for request in requests:
        row = rows.pop(request.target, None)
        if row is None:
            _open(unit, kind, request, lasting)
        else:
            _extend(row, request, whole)
    if whole:
        for row in rows.values():
            _close(unit, row, State.RECOVERED, 0)


def _open(unit: Unit, kind: Kind, request: HoldRequest, lasting: float) -> None:
    row = HeldRow.objects.create(
        id=uuid4().hex,
        region=unit.region,
        kind=kind,
        scope=request.target.scope,
        name=request.target.name,
        formula=request.formula,
        members=encode_members(request.members),
        population=request.population,
        earlier=request.earlier,
        at=unit.now,
        expires_at=unit.now + lasting,
    )
    log.warning("the breaker holds", held=row.id, kind=kind, formula=request.formula, instances=len(request.members))


def _extend(row: HeldRow, request: HoldRequest, whole: bool) -> None:
    members = {} if whole else {(member.key, member.check): member for member in row.held}
    members.update({(member.key, member.check): member for member in request.members})
    if len(members) != len(row.held) or row.formula != request.formula:
        log.info("a hold changed", held=row.id, formula=request.formula, instances=len(members))
    row.members = encode_members(list(members.values()))
    row.formula = request.formula
    row.save(update_fields=["members", "formula"])


def _decision_keys(id: str, state: State, members: Sequence[Member] = (), **_: object) -> Iterable[str]:
    return [member.key for member in members]


@verb(keys=_decision_keys)
def decide(unit: Unit, id: str, state: State, members: Sequence[Member] = (), *, actor: str, cause: str) -> int:
    """End a hold and let happen to `members` what it held back; returns how many changes that made.

    Raises NotFound, or Refused when the hold is decided already. A rejected hold of a mirror can still be decided
    otherwise.
    """
    row = _undecided(unit, id)
    allowed = {(member.key, member.epoch, member.check) for member in row.held}
    chosen = [member for member in members if (member.key, member.epoch, member.check) in allowed]
    kind = Kind(row.kind)
    changes = [take_away(unit, kind, member) for member in chosen]
    unit.execute(partial(_close, unit, row, state, len(chosen)))
    return sum(change is not None for change in changes)


def _undecided(unit: Unit, id: str) -> HeldRow:
    row = HeldRow.objects.filter(region=unit.region, id=id).first()
    if row is None:
        raise NotFound(f"there is no hold {id!r}")
    if row.state != State.OPEN and (row.kind, row.state) != (Kind.MIRROR, State.REJECTED):
        raise Refused(f"this was {row.state} by {row.decided_by}")
    return row


def _close(unit: Unit, row: HeldRow, state: State, taken: int) -> None:
    decided: Mapping[str, object] = {
        "state": state,
        "decided_by": unit.actor,
        "decided_at": unit.now,
        "reason": unit.cause,
    }
    if HeldRow.objects.filter(id=row.id, state=row.state).update(**decided) != 1:
        raise Refused("this was decided a moment ago")
    log.warning(
        "a hold ended", held=row.id, kind=row.kind, of=row.name, state=str(state), by=unit.actor, reason=unit.cause,
        instances=taken,
    )  # fmt: skip
