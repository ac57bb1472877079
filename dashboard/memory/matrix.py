"""The matrix as pages show it: this region's own row from memory, as it is now, the others' as last fetched."""

from collections.abc import Mapping

from asgiref.sync import async_to_sync

from catalog.digest import to_hex
from catalog.view import State as FreshnessState
from dashboard.memory.board import Board
from federation import status
from federation.status import Cell, Matrix, PeerStatus
from registry.freshness import MirrorStatus

OLD = 8.0  # seconds after which the other regions' rows are called old: they are fetched every two

Cells = Mapping[tuple[str, str], Cell]


def fetch_matrix(board: Board, now: float) -> Matrix:
    """What tables, Valkey and the other regions say, fetched once for all pages. Raises Unavailable.

    May block; call it from a thread without a loop of its own.
    """
    # Every call has a loop of its own, and so clients of its own: none outlives it.
    found = board.matrix.get(lambda: async_to_sync(status.matrix)(now=now), now)
    board.links.peers = frozenset(peer.region for peer in found.peers)
    return found


def all_cells(board: Board, matrix: Matrix | None, now: float) -> dict[tuple[str, str], Cell]:
    """Every cell that is known, by the region that holds the log and the region whose log it is."""
    known = {(cell.by, cell.of): cell for cell in matrix.cells} if matrix else {}
    for region in board.regions:
        known[board.home, region] = own_cell(board, region, known, now)
    return known


def own_cell(board: Board, region: str, fetched: Cells, now: float) -> Cell:
    """What this process holds of a region."""
    part = board.view.region(region)
    link = board.links.current(region)
    mirror = (link.mirror if link else None) or MirrorStatus(region=region)
    freshness, ours = part.freshness, region == board.home
    digest, log_id = to_hex(part.digest), part.position.log_id if part.position else ""
    head = fetched.get((region, region))
    known = max(part.index, mirror.known, head.index if head and not ours and head.log_id == log_id else 0)
    live = freshness.state is FreshnessState.LIVE
    return Cell(
        by=board.home, of=region, index=part.index, known=known, entries=known - part.index,
        seconds=0.0 if live or freshness.since is None else max(0.0, now - freshness.since),
        freshness=freshness.state.value, since=None if live else freshness.since,
        equal=True if ours else _equal(part.index, digest, log_id, head, mirror, fetched.get((board.home, region))),
        diverged=mirror.diverged, through=link.through if link else (),
        instances=sum(len(found) for found in list(part.services.values())), log_id=log_id, digest=digest,
        reason=mirror.reason, held=mirror.held,
    )  # fmt: skip


def _equal(
    index: int, digest: str, log_id: str, head: Cell | None, mirror: MirrorStatus, verified: Cell | None
) -> bool | None:
    """Compared at the same index if possible, else as the follower verified it last."""
    if head is not None and (head.log_id, head.index) == (log_id, index):
        return head.digest == digest
    return mirror.equal if mirror.equal is not None or verified is None else verified.equal


def peers_of(matrix: Matrix | None) -> dict[str, PeerStatus]:
    """The peers by region."""
    return {peer.region: peer for peer in matrix.peers} if matrix else {}


def all_regions(board: Board, matrix: Matrix | None) -> tuple[str, ...]:
    """Every region that is known: this one first."""
    others = set(board.regions) | set(matrix.regions if matrix else ()) | board.links.peers
    return (board.home, *sorted(others - {board.home}))
