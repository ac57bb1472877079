"""Metrics of peers and mirrors for Prometheus, read from tables and Valkey at each scrape.

How old the view of another region is, each server tells by itself (`meridian_view_live`,
`meridian_follower_lag_seconds`); here is what the region as a whole knows of each mirror and each peer.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from catalog.view import State as Trust
from federation import status
from federation.status import Cell, Matrix, PeerStatus
from federation.tables.peer import State

Value = float | None  # None where there is nothing to tell


@dataclass(frozen=True, slots=True)
class Measured:
    """One metric: its name, what it tells, and its value. A counter's name gets a `_total` behind it."""

    name: str
    help: str
    counts: bool = False


MIRRORS: tuple[tuple[Measured, Callable[[Cell], Value]], ...] = (
    (Measured("meridian_mirror_index", "Index of the last change held of the region"), lambda cell: cell.index),
    (Measured("meridian_mirror_known_index", "Index of the last change known of"), lambda cell: cell.known),
    (Measured("meridian_mirror_lag_entries", "Changes known of and not held yet"), lambda cell: cell.entries),
    (
        Measured("meridian_mirror_lag_seconds", "Time since all that the region had was held; 0 while it is live"),
        lambda cell: None if cell.freshness == Trust.UNKNOWN else cell.seconds,
    ),
    (Measured("meridian_mirror_instances", "Instances held of the region"), lambda cell: cell.instances),
    (
        Measured("meridian_mirror_digest_equal", "1 while the digest is proven equal, 0 when it differs"),
        lambda cell: None if cell.equal is None else float(cell.equal),
    ),
    (Measured("meridian_mirror_held", "1 while the breaker holds the mirror"), lambda cell: float(bool(cell.held))),
    (
        Measured("meridian_mirror_relayed", "1 while the region is followed through another one"),
        lambda cell: float(bool(cell.through)),
    ),
)
PEERS: tuple[tuple[Measured, Callable[[PeerStatus], Value]], ...] = (
    (Measured("meridian_peer_delay_seconds", "Time that a request takes one way"), lambda peer: peer.delay),
    (
        Measured("meridian_peer_verified_timestamp_seconds", "When the mirror was last verified"),
        lambda peer: peer.verified_at,
    ),
    (
        Measured("meridian_peer_resets", "Times that the mirror was reset from a snapshot", counts=True),
        lambda peer: peer.resets,
    ),
    (Measured("meridian_peer_relays", "Times that a relay was needed", counts=True), lambda peer: peer.relays),
    (
        Measured("meridian_peer_divergences", "Times that the mirror was found to differ", counts=True),
        lambda peer: peer.divergences,
    ),
)


class Measures(Collector):
    """The matrix, as far as it is about this region."""

    def __init__(self, found: Matrix) -> None:
        self._cells = [cell for cell in found.cells if cell.by == found.region and cell.of != found.region]
        self._peers = found.peers

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        for measured, of_cell in MIRRORS:
            yield _family(measured, ((cell.of, of_cell(cell)) for cell in self._cells))
        for measured, of_peer in PEERS:
            yield _family(measured, ((peer.region, of_peer(peer)) for peer in self._peers))
        yield _states(
            "meridian_mirror_freshness", "1 for what the mirror is", list(map(str, Trust)),
            ((cell.of, cell.freshness) for cell in self._cells),
        )  # fmt: skip
        yield _states(
            "meridian_peer_state", "1 for what the peer is", list(map(str, State.values)),
            ((peer.region, peer.state) for peer in self._peers),
        )  # fmt: skip


def _family(measured: Measured, values: Iterable[tuple[str, Value]]) -> Metric:
    kind = CounterMetricFamily if measured.counts else GaugeMetricFamily
    family = kind(measured.name, measured.help, labels=["region"])
    for region, value in values:
        if value is not None:
            family.add_metric([region], value)
    return family


def _states(name: str, text: str, states: list[str], found: Iterable[tuple[str, str]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["region", "state"])
    for region, state in found:
        for each in states:
            family.add_metric([region, each], float(each == state))
    return family


class Exposition:
    """Reads the matrix for each scrape. Belongs to one event loop."""

    def __init__(self) -> None:
        self._reading: asyncio.Task[str] | None = None

    async def read(self) -> str:
        """What is known of every peer, in Prometheus's text format. Raises Unavailable.

        Scrapes share what is being read: a database that hangs would otherwise take a thread for each of them.
        """
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(_read())
            self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._reading)


async def _read() -> str:
    found = await status.matrix(now=time.time())
    own = CollectorRegistry(auto_describe=False)
    own.register(Measures(found))
    return generate_latest(own).decode()
