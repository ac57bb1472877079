"""What a service's page reads from the database and from Valkey: probe results, holds, past health, addresses."""

import ipaddress
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec
from django.conf import settings

from catalog.records.instance import Instance
from dashboard.memory.board import Board
from dashboard.memory.health_series import combined, thin
from dashboard.memory.single_flight import SingleFlight
from dashboard.memory.tolerant import TolerantReads, held_formulas
from dashboard.pictures.chart.steps import Point
from federation.peers.trust import active_peers
from registry.checks.results import CheckResult, check_keys, last_results
from registry.log.health_history import service_steps

LENGTHS = {"1h": 3600.0, "6h": 6 * 3600.0, "24h": 86_400.0, "7d": 7 * 86_400.0}  # of the picture, in seconds
MOST_READERS = 300
EVERY = 5.0  # seconds between two reads of what is short
LEAST_PAUSE = 60.0  # seconds between two reads of the past from the log
PAUSE_FACTOR = 50.0  # of the time that the last read of the past took: it takes 2 % of the database's time at most


class ServiceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`held` are formulas by record key, `past` the counts of all regions together, `addresses` base URLs by region."""

    results: Mapping[str, CheckResult] = {}
    held: Mapping[str, str] = {}
    past: Sequence[Point] = ()
    addresses: Mapping[str, str] = {}
    problems: tuple[str, ...] = ()


class FactsReader:
    """Reads for all pages of one service, every few seconds at most."""

    def __init__(self, board: Board, namespace: str, service: str, length: float) -> None:
        self._board, self._name, self._length = board, (namespace, service), length
        self._past: list[Point] = []
        self._past_at, self._pause = float("-inf"), LEAST_PAUSE
        self._facts: SingleFlight[ServiceFacts] = SingleFlight(EVERY)

    def read(self, now: float) -> ServiceFacts:
        """The facts; what cannot be read is missing, and `problems` say why."""
        return self._facts.get(lambda: self._read(now), now)

    def _read(self, now: float) -> ServiceFacts:
        reads, board = TolerantReads(), self._board
        instances: Mapping[str, Instance] = board.view.region(board.home).services.get(self._name, {})
        keys = [key for instance in list(instances.values()) for key in check_keys(instance)]
        return ServiceFacts(
            results=reads.read(lambda: last_results(keys, now=now), {}) if keys else {},
            held=reads.read(held_formulas, {}),
            past=reads.read(lambda: self._read_past(now), self._past),
            addresses={**reads.read(peer_addresses, {}), board.home: own_address()},
            problems=tuple(reads.problems),
        )

    def _read_past(self, now: float) -> list[Point]:
        """The past from the log's tables, which may have to read a lot for it."""
        if now - self._past_at < self._pause:
            return self._past
        began = time.perf_counter()
        regions = self._board.regions
        steps = [service_steps(region, *self._name, since=now - self._length, now=now) for region in regions]
        self._past = thin(combined(steps), self._length)
        self._past_at, self._pause = now, max(LEAST_PAUSE, PAUSE_FACTOR * (time.perf_counter() - began))
        return self._past


# Typing into a page's form makes a new page with each letter; all of them read the same facts.
facts_reader = lru_cache(MOST_READERS)(FactsReader)


def peer_addresses() -> dict[str, str]:
    """The base URLs of the peers' HTTP servers."""
    return {peer.region: peer.url for peer in active_peers() if peer.url}


def own_address() -> str:
    """The base URL of this region's HTTP server: as configured for others, else as seen from its own machine."""
    environment = settings.MERIDIAN
    host = f"[{environment.http.host}]" if ":" in environment.http.host else environment.http.host
    scheme = "https" if environment.tls_certificate else "http"
    reached = "127.0.0.1" if is_unspecified(environment.http.host) else host
    return environment.url or f"{scheme}://{reached}:{environment.http.port}"


def dns_host() -> str:
    """The host of this region's DNS."""
    environment = settings.MERIDIAN
    if is_unspecified(environment.dns.host):
        return urlsplit(own_address()).hostname or "127.0.0.1"
    return str(environment.dns.host)


def is_unspecified(host: str) -> bool:
    """Whether a server bound to it listens on every address, and so does not say how it is reached."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False  # a name
