"""A row of a service's list of instances."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from catalog.query_types import Decision, Reason
from catalog.records.check import CheckType, Verdict
from catalog.records.instance import Instance, removal_due
from catalog.records.override import Override, ruling
from catalog.records.status import SERVING, SEVERITY, Status
from dashboard.live.page import part
from registry.checks.probe_spec import check_key
from registry.checks.results import CheckResult

STEPS = tuple(base * 10.0**power for power in range(-3, 3) for base in (1, 2, 5))  # seconds, from 1 ms
DIGITS = re.compile(r"(\d+)")
LOUD = (Status.WARNING, Status.CRITICAL)
LONGEST_OUTPUT = 160  # letters of a check's output in a row; the instance's page has all of it


class CheckBadge(msgspec.Struct, frozen=True, kw_only=True):
    """One check in a row. `took` is its latency, rounded up so that the row stays the same while nothing happens."""

    name: str
    type: str
    status: str
    output: str = ""
    took: float | None = None
    is_held: bool = False


class InstanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a row shows. `held` is the formula by which the breaker holds the instance, empty when it does not."""

    decision: Decision
    checks: tuple[CheckBadge, ...] = ()
    held: str = ""
    overrides: tuple[Override, ...] = ()  # those that decide its status and its weight

    @property
    def key(self) -> str:
        """The row's key."""
        return f"{self.decision.region}/{self.decision.instance.id}"

    @property
    def source(self) -> tuple[Any, ...]:
        """All that it is rendered from; a decision's rank is not."""
        decision = self.decision
        return (
            decision.instance, decision.returned, decision.explanation, decision.status, decision.weight,
            self.overrides, self.checks, self.held,
        )  # fmt: skip

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts within a zone: trouble first, then by name, numbers in it by value."""
        decision = self.decision
        idle = decision.weight == 0 and decision.status in SERVING
        return -SEVERITY[decision.status], not idle, natural(decision.instance.id)

    @property
    def since(self) -> float:
        """Since when it has its status."""
        instance, override = self.decision.instance, self.decision.override
        return override.created_at if override and override.status else instance.since or instance.registered_at

    @property
    def reason(self) -> str:
        """Why it is returned or not, without the output of a check, which the row shows already."""
        decision = self.decision
        return decision.explanation.partition(" (")[0] if decision.reason is Reason.STATUS else decision.explanation

    @property
    def loud(self) -> tuple[CheckBadge, ...]:
        """The checks whose output explains something."""
        return tuple(check for check in self.checks if check.output and check.status in LOUD)

    def html(self) -> str:
        """The row, rendered."""
        instance = self.decision.instance
        return part(
            "service_row.html",
            {"line": self, "decision": self.decision, "instance": instance, "due": removal_due(instance)},
        )


def instance_row(
    decision: Decision,
    results: Mapping[str, CheckResult],
    held: Mapping[str, str],
    overrides: tuple[Override, ...],
    now: float,
) -> InstanceRow:
    """The row of a decision. `results` are those of its region's probes, if known here; `overrides` may apply to it."""
    instance = decision.instance
    deciding = ruling(overrides, instance, now) if decision.override is not None else ()
    return InstanceRow(
        decision=decision,
        checks=_checks(instance, results),
        held=held.get(instance.key, ""),
        overrides=tuple(dict.fromkeys(override for override in deciding if override is not None)),
    )


@lru_cache(20_000)
def natural(name: str) -> tuple[Any, ...]:
    """For sorting names with numbers in them: web-2 before web-10."""
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in DIGITS.split(name))


def _checks(instance: Instance, results: Mapping[str, CheckResult]) -> tuple[CheckBadge, ...]:
    name = (instance.namespace, instance.service, instance.id)
    return tuple(
        _check(check.name, check.type, verdict, results.get(check_key(*name, check.name)))
        for check, verdict in zip(instance.checks, instance.verdicts, strict=True)
    )


def _check(name: str, type: CheckType, verdict: Verdict, result: CheckResult | None) -> CheckBadge:
    known = result if result is not None and result.at is not None else None
    return CheckBadge(
        name=name,
        type=type.value,
        status=verdict.status.value,
        output=verdict.output[:LONGEST_OUTPUT],
        took=_rounded_up(known.latency) if known else None,
        is_held=known is not None and known.held_until is not None,
    )


def _rounded_up(seconds: float) -> float:
    return next((step for step in STEPS if seconds <= step), seconds)
