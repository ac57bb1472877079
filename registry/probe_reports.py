"""Reporting what probes found: one verb call a transition, so that each has its own cause in the log."""

import asyncio
from collections.abc import Sequence

from catalog.errors import CatalogError
from registry import actions
from registry.actions import Report

ACTOR = "worker:probes"


async def tell(transitions: Sequence[tuple[Report, str]]) -> list[object]:
    """Record verdicts with their causes. Answers for each with its index, None when nothing changed, "held" when the
    breaker keeps it back, or the error. The writer commits them together all the same."""
    return await asyncio.gather(*(_one(report, cause) for report, cause in transitions))


async def _one(report: Report, cause: str) -> object:
    try:
        return (await actions.report_checks.aio([report], actor=ACTOR, cause=cause))[0]
    except CatalogError as error:
        return error
