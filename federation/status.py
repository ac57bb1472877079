"""The matrix: what each region holds of each other, as told by themselves.

This region's own row comes from its tables and from the status of its mirrors; the others' rows are what each of them
said when it was last asked, which is every two seconds.
"""

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from catalog.errors import Unavailable
from catalog.view import State as Trust
from federation.follow.link import row_key
from federation.models import MirrorState, Peer
from federation.serve.logs import Logs
from federation.serve.routes import row_of
from federation.wire import LogEntry, Place, Row
from registry import freshness
from registry.breaker.holds import mirrors_held, reason_of, until
from registry.database import in_thread
from registry.freshness import FRESH_FOR, MirrorStatus
from registry.tables.held import HeldRow
from registry.valkey import aconnection, reaching

_rows = msgspec.json.Decoder(Row)


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What region `by` holds of region `of`.

    `known` is the furthest index that it knows of, `entries` and `seconds` how far behind it is, `freshness` live,
    stale or unknown, `since` since when it is stale, `equal` whether the digests were equal when last compared at the
    same index, `through` the regions that the log comes through when it is relayed.
    """

    by: str
    of: str
    index: int
    known: int
    entries: int
    seconds: float
    freshness: str
    since: float | None = None
    equal: bool | None = None
    diverged: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    instances: int = 0
    log_id: str = ""
    digest: str = ""
    reason: str = ""
    held: str = ""


class PeerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One peer, and what lasts of what is known of its mirror."""

    region: str
    url: str
    state: str
    since: float
    by: str
    writes: bool
    delay: float | None = None
    verified_at: float | None = None
    resets: int = 0
    relays: int = 0
    divergences: int = 0
    diverged_at: float | None = None
    last_diverged: str = ""
    held: str = ""
    held_until: float | None = None
    follower: str = ""


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """The asking region, the cells of all regions, and this region's peers. `places` are latitude and longitude."""

    region: str
    regions: tuple[str, ...]
    cells: tuple[Cell, ...]
    peers: tuple[PeerStatus, ...]
    unheard: tuple[str, ...] = ()  # peers without a recent row of their own
    places: dict[str, Place] = {}

    @property
    def urls(self) -> dict[str, str]:
        """Where this region reaches each of the others, of which it knows."""
        return {peer.region: peer.url for peer in self.peers if peer.url}


async def matrix(*, now: float) -> Matrix:
    """The whole federation as this region knows it. Raises Unavailable when its own database is."""
    logs = Logs(clock=lambda: now)
    own = await row_of(logs)
    peers = await in_thread(lambda: list(Peer.objects.all()))
    states = await in_thread(lambda: {state.region: state for state in MirrorState.objects.all()})
    holds = await in_thread(partial(mirrors_held, now))
    rows, statuses = await _from_valkey([peer.region for peer in peers])
    heads = {entry.region: entry for row in (own, *rows) for entry in row.logs if entry.region == row.region}
    cells = [_cell(own.region, entry, heads, now, statuses.get(entry.region)) for entry in own.logs]
    cells += [_cell(row.region, entry, heads, now, None) for row in rows for entry in row.logs]
    names = sorted({cell.of for cell in cells} | {cell.by for cell in cells} | {peer.region for peer in peers})
    return Matrix(
        region=own.region,
        regions=tuple(names),
        cells=tuple(sorted(cells, key=lambda cell: (cell.by, cell.of))),
        peers=tuple(
            _peer(peer, states.get(peer.region), holds.get(peer.region), statuses.get(peer.region)) for peer in peers
        ),
        unheard=tuple(sorted({peer.region for peer in peers} - {row.region for row in rows})),
        places=_places((own, *rows), statuses),
    )


async def _from_valkey(regions: list[str]) -> tuple[list[Row], dict[str, MirrorStatus]]:
    """The rows of the peers and the status of their mirrors; nothing while Valkey is away."""
    try:
        with reaching("the rows of the matrix"):
            async with aconnection() as client:
                statuses = await freshness.read(client)
                found = await client.mget([row_key(region) for region in regions]) if regions else []
    except Unavailable:
        return [], {}
    return [_rows.decode(text) for text in found if text], statuses


def _places(rows: Iterable[Row], statuses: Mapping[str, MirrorStatus]) -> dict[str, Place]:
    """As the regions say now, or, of those without contact, as they said last."""
    places = {region: status.place for region, status in statuses.items()} | {row.region: row.place for row in rows}
    return {region: place for region, place in sorted(places.items()) if place is not None}


def _cell(by: str, entry: LogEntry, heads: dict[str, LogEntry], now: float, status: MirrorStatus | None) -> Cell:
    head = heads.get(entry.region)
    known = max(entry.known, entry.index, head.index if head and head.log_id == entry.log_id else 0)
    ours = by == entry.region
    ago = 0.0 if ours else entry.ago
    live = ago is not None and ago < FRESH_FOR and not entry.held and not (status and status.revoked)
    state = Trust.UNKNOWN if ago is None else Trust.LIVE if live else Trust.STALE
    return Cell(
        by=by, of=entry.region, index=entry.index, known=known, entries=known - entry.index,
        seconds=0.0 if live or ago is None else round(ago, 3), freshness=state.value,
        since=now - ago if state is Trust.STALE and ago is not None else None,
        equal=_equal(entry, head), diverged=entry.diverged, through=entry.path[1:-1], instances=entry.instances,
        log_id=entry.log_id, digest=entry.digest, reason=entry.reason, held=entry.held,
    )  # fmt: skip


def _equal(entry: LogEntry, head: LogEntry | None) -> bool | None:
    """Whether two copies are equal, where they can be compared; else what the follower has proven itself."""
    if head is not None and (head.log_id, head.index) == (entry.log_id, entry.index):
        return head.digest == entry.digest
    return entry.equal


def _peer(peer: Peer, state: MirrorState | None, hold: HeldRow | None, status: MirrorStatus | None) -> PeerStatus:
    kept = state or MirrorState(region=peer.region)
    return PeerStatus(
        region=peer.region, url=peer.url, state=peer.state, since=peer.since, by=peer.by, writes=peer.writes,
        delay=status.delay if status else None, follower=status.follower if status else "",
        verified_at=(status.verified_at if status else None) or kept.verified_at,
        resets=kept.resets, relays=kept.relays, divergences=kept.divergences,
        diverged_at=kept.diverged_at, last_diverged=kept.diverged,
        held=reason_of(hold) if hold else "", held_until=until(hold) if hold else None,
    )  # fmt: skip


def as_json(found: Matrix) -> Any:
    """The matrix as plain values."""
    return msgspec.to_builtins(found)


def table(found: Matrix) -> str:
    """The matrix for a terminal: one line for each region that holds a log, then the peers."""
    lines = [f"{'region':<16}{'holds':<16}{'index':>10}{'known':>10}{'lag':>12}  {'freshness':<14}{'digest':<8}notes"]
    for cell in found.cells:
        lag = "-" if cell.by == cell.of else f"{cell.entries} / {cell.seconds:.1f}s"
        since = f" {time.strftime('%H:%M:%S', time.gmtime(cell.since))}Z" if cell.since else ""
        digest = {True: "equal", False: "DIFFERS", None: "?"}[cell.equal]
        lines.append(
            f"{cell.by:<16}{cell.of:<16}{cell.index:>10}{cell.known:>10}{lag:>12}  "
            f"{cell.freshness + since:<14}{digest:<8}{notes(cell)}".rstrip()
        )
    lines += [
        "",
        f"{'peer':<16}{'state':<10}{'delay':>9}  {'proven':<10}{'resets':>7}{'relays':>7}{'diverged':>9}  url",
    ]
    for peer in found.peers:
        delay = "?" if peer.delay is None else f"{1000 * peer.delay:.1f}ms"
        proven = time.strftime("%H:%M:%SZ", time.gmtime(peer.verified_at)) if peer.verified_at else "never"
        lines.append(
            f"{peer.region:<16}{peer.state:<10}{delay:>9}  {proven:<10}{peer.resets:>7}{peer.relays:>7}"
            f"{peer.divergences:>9}  {peer.url}"
        )
    if found.unheard:
        lines += ["", f"no recent contact: {', '.join(found.unheard)}"]
    return "\n".join(lines)


def notes(cell: Cell) -> str:
    """Remarks on a cell: relays, differences, holds."""
    said = []
    if cell.through:
        said.append(f"through {', '.join(cell.through)}")
    if cell.diverged:
        said.append(f"differs in {', '.join(cell.diverged)}")
    said += [note for note in (cell.held and f"HELD: {cell.held}", cell.reason) if note]
    return "; ".join(said)
