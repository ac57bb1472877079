"""Probing: claim what is due, probe it, judge it, and report transitions to the catalog.

A round claims for about a second and ends; probes that take longer go on beside the next rounds. Results are gathered
for a moment and stored together. The order is: remember, then report. A worker that dies in between has changed
nothing, because the next probe finds the recorded verdict still different from the judged one and reports again.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

import structlog

from catalog.errors import CatalogError, Unavailable
from registry.actions import Report
from registry.checks.counters import Counters
from registry.checks.judge import State, cause, explanation, is_stall, judged
from registry.checks.probes.engine import Engine
from registry.checks.probes.outcome import Outcome
from registry.checks.schedule import Claim, Result, Schedule

BATCH = 64  # checks in one claim: small enough that starting them keeps no other probe waiting
MOST_IN_FLIGHT = 500  # probes at once; each has a socket, and processes commonly may have 1,024
PAUSES = 0.1, 0.25  # seconds between two claims while less is due than can be probed
GATHERING = 0.05  # seconds for which results are gathered
JITTER = 0.05  # share of the interval, so that checks which began together drift apart
RETRY = 1.0  # seconds until a check is due again whose probe said nothing

Transition = tuple[Report, str]  # a verdict that the catalog has not recorded yet, and its cause
Tell = Callable[[Sequence[Transition]], Awaitable[Sequence[object]]]  # answers as `report_checks`, or "held"
logger = structlog.get_logger(__name__)


class Round(NamedTuple):
    """How a round went: probes begun, and for how many seconds a check had been due when it was claimed."""

    probes: int
    lateness: float


class Prober:
    """The probing of one process, on one event loop. `tell` reports transitions."""

    def __init__(self, schedule: Schedule, engine: Engine, tell: Tell, counters: Counters) -> None:
        self._schedule, self._engine, self._tell, self._counters = schedule, engine, tell, counters
        self._running = set[asyncio.Task[None]]()
        self._telling = set[str]()
        self._results: list[Result] = []
        self._has_results = asyncio.Event()
        self._unstored = 0

    async def round(self, seconds: float) -> Round:
        """Probe what is due, for so long. Raises Unavailable when the schedule cannot be reached."""
        until, probes, lateness = time.monotonic() + seconds, 0, 0.0
        while (left := until - time.monotonic()) > 0:
            room = min(BATCH, MOST_IN_FLIGHT - len(self._running))
            if room <= 0:
                await asyncio.sleep(min(left, GATHERING))
                continue
            claims = await self._schedule.claim(room)
            for claim in claims.checks:
                self._begin(claim)
            probes, lateness = probes + len(claims.checks), max(lateness, claims.lateness)
            if claims.pause is None and not claims.checks:
                await self._schedule.aligned(within=left)  # nothing is scheduled at all
                continue
            least, most = PAUSES
            pause = 0.0 if len(claims.checks) == room else max(least, min(most, claims.pause or most))
            await asyncio.sleep(min(left, pause))
        return Round(probes, lateness)

    async def store(self) -> None:
        """Store results as they come, until cancelled."""
        while True:
            await self._has_results.wait()
            await asyncio.sleep(GATHERING)
            self._has_results.clear()
            results, self._results = self._results, []
            try:
                accepted = await self._schedule.finish(results)
                self._report([result for result, counts in zip(results, accepted, strict=True) if counts])
            except Unavailable as error:
                # Their claims lapse and they are probed again.
                logger.warning("results of probes were lost", probes=len(results), reason=str(error))
            finally:
                self._unstored -= len(results)

    async def drain(self) -> None:
        """Wait until all that is under way has been stored and told; `store` must be running."""
        while self._running or self._unstored:  # noqa: ASYNC110 - two conditions, waited for at the end only
            await asyncio.sleep(GATHERING / 5)

    def _begin(self, claim: Claim) -> None:
        self._keep(self._probe(claim))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the rounds; a task without a reference may be collected before it ends."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _probe(self, claim: Claim) -> None:
        definition, check = claim.definition, claim.definition.check
        outcome = await self._engine.probe(check, (definition.host, definition.port))
        self._count(check.type, outcome)
        if is_stall(outcome, check):
            result = Result(claim, None, RETRY)
        else:
            state = judged(claim.state, check, definition.recorded, outcome, time.time())
            result = Result(claim, state, _delay(claim, outcome))
        self._results.append(result)
        self._unstored += 1
        self._has_results.set()

    def _count(self, kind: str, outcome: Outcome) -> None:
        self._counters.add("meridian_probes_total", {"type": kind, "status": outcome.status})
        self._counters.observe("meridian_probe_seconds", {"type": kind}, outcome.latency)

    def _report(self, results: Sequence[Result]) -> None:
        """Tell the catalog of each verdict that differs from what it has recorded.

        A slow database must not keep results from being stored, so this goes on beside; a check about which something
        is being told is left to its next probe.
        """
        transitions = {
            result.claim.key: (report(result.claim, result.state), cause(result.claim.definition.check, result.state))
            for result in results
            if result.state is not None
            and result.state.verdict is not result.claim.definition.recorded
            and result.claim.key not in self._telling
        }
        if transitions:
            self._telling |= transitions.keys()
            self._keep(self._tell_of(transitions))

    async def _tell_of(self, transitions: Mapping[str, Transition]) -> None:
        """What cannot be written now is reported again by the next probe, which still finds it so."""
        try:
            for key, written in zip(transitions, await self._tell(list(transitions.values())), strict=True):
                outcome = _word(written)
                self._counters.add("meridian_probe_reports_total", {"outcome": outcome})
                if isinstance(written, CatalogError):
                    logger.warning("a verdict was not recorded", check=key, reason=str(written))
        finally:
            self._telling -= transitions.keys()


def _word(written: object) -> str:
    """What became of a report."""
    if isinstance(written, CatalogError):
        return type(written).__name__.lower()
    return "unchanged" if written is None else written if isinstance(written, str) else "written"


def report(claim: Claim, state: State) -> Report:
    """A transition in the words of the verb."""
    definition = claim.definition
    return Report(
        namespace=definition.namespace,
        service=definition.service,
        id=definition.id,
        check=definition.check.name,
        status=state.verdict,
        output=explanation(state, state.at),
        epoch=definition.epoch,
    )


def _delay(claim: Claim, outcome: Outcome) -> float:
    """Seconds until a check is due again. The first gap is of any length, so that what was registered together, and
    is probed at once for the first time, is spread over the interval from then on."""
    interval = claim.definition.check.interval
    share = random.uniform(1 - JITTER, 1 + JITTER) if claim.state else random.uniform(0.2, 1.0)  # noqa: S311 - no secret
    return interval * share - outcome.latency
