"""The matrix as a page shows it: this region's own row from memory, as it is now, the others' as last told."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync

from catalog.digest import to_hex
from catalog.view import State as FreshnessState
from dashboard.memory.board import Board
from dashboard.memory.links import Links
from dashboard.memory.single_flight import SingleFlight
from federation import status
from federation.status import Cell, Matrix, PeerStatus
from registry.freshness import Heard

OLD = 8.0  # seconds after which what others told is said to be old: they are asked every two
EVERY = 1.5  # seconds; less than any page lets pass between two looks, so that none is told the same twice

Cells = Mapping[tuple[str, str], Cell]


_kept: WeakKeyDictionary[Links, SingleFlight[Matrix]] = WeakKeyDictionary()


def asked(links: Links, now: float) -> Matrix:
    """What tables, Valkey and the other regions say. May block; call it from a thread without a loop of its own.

    They are asked once for all pages that want to know. Raises Unavailable.
    """
    found = _kept.setdefault(links, SingleFlight(EVERY)).ask(lambda: _asked(now), now)
    links.peers = frozenset(peer.region for peer in found.peers)
    return found


def _asked(now: float) -> Matrix:
    # Every call has a loop of its own, and so clients of its own: none outlives it.
    return async_to_sync(status.matrix)(now=now)


def cells(board: Board, told: Matrix | None, now: float) -> dict[tuple[str, str], Cell]:
    """Every cell that is known, by who holds and whose log it is."""
    known = {(cell.by, cell.of): cell for cell in told.cells} if told else {}
    for region in board.regions:
        known[board.home, region] = own_cell(board, region, known, now)
    return known


def own_cell(board: Board, region: str, told: Cells, now: float) -> Cell:
    """What this process holds of a region."""
    part = board.view.region(region)
    reached = board.links.reached(region)
    word = (reached.word if reached else None) or Heard(region=region)
    freshness, ours = part.freshness, region == board.home
    digest, log_id = to_hex(part.digest), part.position.log_id if part.position else ""
    head = told.get((region, region))
    known = max(part.index, word.known, head.index if head and not ours and head.log_id == log_id else 0)
    live = freshness.state is FreshnessState.LIVE
    return Cell(
        by=board.home, of=region, index=part.index, known=known, entries=known - part.index,
        seconds=0.0 if live or freshness.since is None else max(0.0, now - freshness.since),
        freshness=freshness.state.value, since=None if live else freshness.since,
        equal=True if ours else _equal(part.index, digest, log_id, head, word, told.get((board.home, region))),
        diverged=word.diverged, through=reached.through if reached else (),
        instances=sum(len(found) for found in list(part.services.values())), log_id=log_id, digest=digest,
        reason=word.reason, held=word.held,
    )  # fmt: skip


def _equal(index: int, digest: str, log_id: str, head: Cell | None, word: Heard, proven: Cell | None) -> bool | None:
    """Compared at the same place if it can be, else as the follower has proven it last."""
    if head is not None and (head.log_id, head.index) == (log_id, index):
        return head.digest == digest
    return word.equal if word.equal is not None or proven is None else proven.equal


def peers(told: Matrix | None) -> dict[str, PeerStatus]:
    """The peers by region."""
    return {peer.region: peer for peer in told.peers} if told else {}


def names(board: Board, told: Matrix | None) -> tuple[str, ...]:
    """Every region that is known of: this one first."""
    others = set(board.regions) | set(told.regions if told else ()) | board.links.peers
    return (board.home, *sorted(others - {board.home}))
