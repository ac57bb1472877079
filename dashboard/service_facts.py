"""What a service's page asks of the database and of Valkey: results of probes, what is held, the past, addresses."""

import time
from collections.abc import Mapping, Sequence

import msgspec

from catalog.instance import Instance
from dashboard.board import Board
from dashboard.gathering import Inquiry, held_now
from dashboard.past import combined, thin
from dashboard.pictures.steps import Point
from federation.trust import active_peers, own_url
from registry.results import CheckResult, check_keys, last_results
from registry.steps import service_steps

LENGTHS = {"1h": 3600.0, "6h": 6 * 3600.0, "24h": 86_400.0, "7d": 7 * 86_400.0}  # of the picture, in seconds
EVERY = 5.0  # seconds between two looks at what is short
LEAST_PAUSE = 60.0  # seconds between two looks into the log for the past
PATIENCE = 50.0  # it takes no more than one in so many seconds of the database's time


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """`held` are formulas by record key, `past` the counts of all regions together, `addresses` base URLs by region."""

    results: Mapping[str, CheckResult] = {}
    held: Mapping[str, tuple[str, str]] = {}
    past: Sequence[Point] = ()
    addresses: Mapping[str, str] = {}
    problems: tuple[str, ...] = ()


class Asker:
    """Asks for one page; belongs to whichever thread asks for it now, one at a time."""

    def __init__(self, board: Board, namespace: str, service: str, over: float) -> None:
        self._board, self._namespace, self._service, self._over = board, namespace, service, over
        self._past: list[Point] = []
        self._past_at, self._pause = float("-inf"), LEAST_PAUSE
        self._facts, self._asked_at = Facts(), float("-inf")

    def ask(self, now: float) -> Facts:
        """All of it; what cannot be had is missing, and why is said. It is asked for every few seconds at most."""
        if now - self._asked_at < EVERY:
            return self._facts
        inquiry = Inquiry()
        keys = [key for instance in self._instances() for key in check_keys(instance)]
        self._facts = Facts(
            results=inquiry.ask(lambda: last_results(keys, now=now), {}) if keys else {},
            held=inquiry.ask(held_now, {}),
            past=inquiry.ask(lambda: self._history(now), self._past),
            addresses=inquiry.ask(lambda: addresses(self._board.home), {}),
            problems=tuple(inquiry.problems),
        )
        self._asked_at = now
        return self._facts

    def _instances(self) -> list[Instance]:
        found = self._board.view.region(self._board.home).services.get((self._namespace, self._service), {})
        return list(found.values())

    def _history(self, now: float) -> list[Point]:
        """The past from the log's tables, which may have to read a lot for it."""
        if now - self._past_at < self._pause:
            return self._past
        began = time.perf_counter()
        name = (self._namespace, self._service)
        parts = [service_steps(region, *name, since=now - self._over, now=now) for region in self._board.regions]
        self._past = thin(combined(parts), self._over)
        self._past_at, self._pause = now, max(LEAST_PAUSE, PATIENCE * (time.perf_counter() - began))
        return self._past


def addresses(home: str) -> dict[str, str]:
    """Where the HTTP server of this region and those of its peers are. Raises Invalid when nobody said."""
    return {peer.region: peer.url for peer in active_peers() if peer.url} | {home: own_url()}
