"""A row of a service's list of instances: what it shows, and drawn again only when that has changed."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from catalog.query_types import Reason, Verdict
from catalog.records.check import CheckType
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
    """One check as a row shows it. `took` is its latency, rounded so that it stays as it is while nothing happens."""

    name: str
    type: str
    status: str
    output: str = ""
    took: float | None = None
    is_held: bool = False


class InstanceRow(msgspec.Struct, frozen=True, kw_only=True):
    """All that a row is drawn from. `held` says by which rule of the breaker the instance is held, if it is."""

    verdict: Verdict
    checks: tuple[CheckBadge, ...] = ()
    held: str = ""
    overrides: tuple[Override, ...] = ()  # those that decide its status and its weight

    @property
    def key(self) -> str:
        """The row's key."""
        return f"{self.verdict.region}/{self.verdict.instance.id}"

    @property
    def trouble(self) -> tuple[Any, ...]:
        """What to sort by within a zone: trouble first, then by name, numbers in it by their size."""
        verdict = self.verdict
        idle = verdict.weight == 0 and verdict.status in SERVING
        return -SEVERITY[verdict.status], not idle, natural(verdict.instance.id)

    @property
    def since(self) -> float:
        """Since when the status is what it is."""
        verdict = self.verdict
        override_effect = verdict.override if verdict.override and verdict.override.status else None
        return (
            override_effect.created_at if override_effect else verdict.instance.since or verdict.instance.registered_at
        )

    @property
    def reason(self) -> str:
        """Why it is returned or not; what a check said stands beside it already."""
        verdict = self.verdict
        return verdict.explanation.partition(" (")[0] if verdict.reason is Reason.STATUS else verdict.explanation

    @property
    def loud(self) -> tuple[CheckBadge, ...]:
        """The checks whose output explains something."""
        return tuple(check for check in self.checks if check.output and check.status in LOUD)


class RowCache:
    """The rows of one page as they were drawn last."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[InstanceRow, str]] = {}
        self.drawn = 0

    def row(self, line: InstanceRow) -> str:
        """The row's HTML."""
        known = self._known.get(line.key)
        if known is not None and _same(known[0], line):
            return known[1]
        html = part("service_row.html", {"line": line, "verdict": line.verdict, "instance": line.verdict.instance,
                                         "due": removal_due(line.verdict.instance)})  # fmt: skip
        self._known[line.key] = (line, html)
        self.drawn += 1
        return html

    def forget_all_but(self, keys: Mapping[str, str]) -> None:
        """Rows of instances that are gone."""
        for key in self._known.keys() - keys.keys():
            del self._known[key]


def instance_row(
    verdict: Verdict,
    results: Mapping[str, CheckResult],
    held: Mapping[str, str],
    words: tuple[Override, ...],
    now: float,
) -> InstanceRow:
    """A row's line. `results` are those of the probes of its region, as far as they are known here; `words` are the
    overrides that may have a say."""
    instance = verdict.instance
    deciding = ruling(words, instance, now) if verdict.override is not None else ()
    overrides = tuple(dict.fromkeys(override for override in deciding if override is not None))
    return InstanceRow(
        verdict=verdict, checks=_checks(instance, results), held=held.get(instance.key, ""), overrides=overrides
    )


def about(seconds: float) -> float:
    """A length of time, rounded up to one of few steps."""
    return next((step for step in STEPS if seconds <= step), seconds)


@lru_cache(20_000)
def natural(name: str) -> tuple[Any, ...]:
    """For sorting names with numbers in them: web-2 before web-10."""
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in DIGITS.split(name))


def _checks(instance: Instance, results: Mapping[str, CheckResult]) -> tuple[CheckBadge, ...]:
    return tuple(
        _check(check.name, check.type, verdict, results.get(_key(instance, check.name)))
        for check, verdict in zip(instance.checks, instance.verdicts, strict=True)
    )


def _check(name: str, type: CheckType, verdict: Any, result: CheckResult | None) -> CheckBadge:
    known = result if result is not None and result.at is not None else None
    return CheckBadge(
        name=name,
        type=type.value,
        status=verdict.status.value,
        output=verdict.output[:LONGEST_OUTPUT],
        took=about(known.latency) if known else None,
        is_held=known is not None and known.held_until is not None,
    )


def _key(instance: Instance, check: str) -> str:
    return check_key(instance.namespace, instance.service, instance.id, check)


def _same(one: InstanceRow, other: InstanceRow) -> bool:
    """Whether a row would look the same. A record that was not replaced is the same one; a rank is not shown."""
    old, new = one.verdict, other.verdict
    return (
        old.instance is new.instance
        and old.returned is new.returned
        and old.explanation == new.explanation
        and old.status is new.status
        and old.weight == new.weight
        and one.overrides == other.overrides
        and one.checks == other.checks
        and one.held == other.held
    )
