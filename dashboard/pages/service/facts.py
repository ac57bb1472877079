"""What a service's page asks of the database and of Valkey: results of probes, what is held, the past, addresses."""

import ipaddress
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import msgspec
from django.conf import settings

from catalog.records.instance import Instance
from dashboard.memory.board import Board
from dashboard.memory.health_series import combined, thin
from dashboard.memory.single_flight import SingleFlight
from dashboard.memory.tolerant import TolerantReads, held_now
from dashboard.pictures.chart.steps import Point
from federation.peers.trust import active_peers
from registry.checks.results import CheckResult, check_keys, last_results
from registry.log.health_history import service_steps

LENGTHS = {"1h": 3600.0, "6h": 6 * 3600.0, "24h": 86_400.0, "7d": 7 * 86_400.0}  # of the picture, in seconds
MOST_ASKERS = 300
EVERY = 5.0  # seconds between two looks at what is short
LEAST_PAUSE = 60.0  # seconds between two looks into the log for the past
PATIENCE = 50.0  # it takes no more than one in so many seconds of the database's time


class ServiceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`held` are formulas by record key, `past` the counts of all regions together, `addresses` base URLs by region."""

    results: Mapping[str, CheckResult] = {}
    held: Mapping[str, tuple[str, str]] = {}
    past: Sequence[Point] = ()
    addresses: Mapping[str, str] = {}
    problems: tuple[str, ...] = ()


class FactsReader:
    """Asks for all pages of one service."""

    def __init__(self, namespace: str, service: str, over: float) -> None:
        self._namespace, self._service, self._over = namespace, service, over
        self._past: list[Point] = []
        self._past_at, self._pause = float("-inf"), LEAST_PAUSE
        self._shared: SingleFlight[ServiceFacts] = SingleFlight(EVERY)

    def ask(self, board: Board, now: float) -> ServiceFacts:
        """All of it; what cannot be had is missing, and why is said. It is asked for every few seconds at most."""
        return self._shared.ask(lambda: self._asked(board, now), now)

    def _asked(self, board: Board, now: float) -> ServiceFacts:
        inquiry = TolerantReads()
        keys = [key for instance in self._instances(board) for key in check_keys(instance)]
        return ServiceFacts(
            results=inquiry.ask(lambda: last_results(keys, now=now), {}) if keys else {},
            held=inquiry.ask(held_now, {}),
            past=inquiry.ask(lambda: self._history(board, now), self._past),
            addresses={**inquiry.ask(peer_addresses, {}), board.home: own_address()},
            problems=tuple(inquiry.problems),
        )

    def _instances(self, board: Board) -> list[Instance]:
        found = board.view.region(board.home).services.get((self._namespace, self._service), {})
        return list(found.values())

    def _history(self, board: Board, now: float) -> list[Point]:
        """The past from the log's tables, which may have to read a lot for it."""
        if now - self._past_at < self._pause:
            return self._past
        began = time.perf_counter()
        name = (self._namespace, self._service)
        parts = [service_steps(region, *name, since=now - self._over, now=now) for region in board.regions]
        self._past = thin(combined(parts), self._over)
        self._past_at, self._pause = now, max(LEAST_PAUSE, PATIENCE * (time.perf_counter() - began))
        return self._past


_kept: WeakKeyDictionary[Board, dict[tuple[str, str, float], FactsReader]] = WeakKeyDictionary()


def facts_reader(board: Board, namespace: str, service: str, over: float) -> FactsReader:
    """The asker of a service. Whoever types into a page's form comes to a new page with each letter; what they all ask
    is the same."""
    askers = _kept.setdefault(board, {})
    found = askers.setdefault((namespace, service, over), FactsReader(namespace, service, over))
    for oldest in list(askers)[: max(0, len(askers) - MOST_ASKERS)]:
        askers.pop(oldest, None)
    return found


def peer_addresses() -> dict[str, str]:
    """Where the HTTP servers of the peers are."""
    return {peer.region: peer.url for peer in active_peers() if peer.url}


def own_address() -> str:
    """Where this region's HTTP server is, for whoever sits beside it when nobody said how others reach it."""
    environment = settings.MERIDIAN
    host = f"[{environment.http.host}]" if ":" in environment.http.host else environment.http.host
    scheme = "https" if environment.tls_certificate else "http"
    reached = "127.0.0.1" if is_open(environment.http.host) else host
    return environment.url or f"{scheme}://{reached}:{environment.http.port}"


def dns_host() -> str:
    """Where this region's DNS is."""
    environment = settings.MERIDIAN
    if is_open(environment.dns.host):
        return urlsplit(own_address()).hostname or "127.0.0.1"
    return str(environment.dns.host)


def is_open(host: str) -> bool:
    """Whether a server bound to it listens on every address, and so says nothing of how it is reached."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False  # a name
