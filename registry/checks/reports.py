"""Reporting what probes found: past the breaker, then one verb call a transition, so that each has its own cause."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from catalog.errors import CatalogError, Unavailable
from catalog.records.status import Status
from registry import actions
from registry.actions import Report
from registry.breaker import review
from registry.database import in_thread

ACTOR = "worker:probes"
HELD = "held"

# One thread, so that the breaker counts the losses of one batch before it judges the next.
_thread = ThreadPoolExecutor(1, thread_name_prefix="meridian-breaker")
logger = structlog.get_logger(__name__)


async def tell(transitions: Sequence[tuple[Report, str]]) -> list[object]:
    """Record verdicts with their causes. Answers for each with its index, None when nothing changed, "held" when the
    breaker keeps it back, or the error. The writer commits them together all the same."""
    try:
        kept_back = await _held([report for report, _ in transitions])
    except Unavailable as error:
        return [error] * len(transitions)
    return await asyncio.gather(
        *(_held_back() if id(report) in kept_back else _one(report, cause) for report, cause in transitions)
    )


async def _held(reports: Sequence[Report]) -> set[int]:
    """Which of the reports the breaker holds. Only those that take traffic away can be too many."""
    if not any(report.status is Status.CRITICAL for report in reports):
        return set()
    return await in_thread(partial(_judge, reports), on=_thread, complaint="the breaker cannot read the tables")


def _judge(reports: Sequence[Report]) -> set[int]:
    _, kept_back = review.admit(reports)
    if kept_back:
        logger.warning("the breaker holds verdicts of probes", held=len(kept_back), of=len(reports))
    return {id(report) for report in kept_back}


async def _held_back() -> str:
    return HELD


async def _one(report: Report, cause: str) -> object:
    try:
        return (await actions.report_checks.aio([report], actor=ACTOR, cause=cause))[0]
    except CatalogError as error:
        return error
