"""Reporting what checks found, and that an instance whose lease had expired lives."""

from collections.abc import Iterable, Sequence
from functools import partial

import msgspec

from catalog.errors import CatalogError, NotFound
from catalog.records.check import LONGEST_OUTPUT, Verdict
from catalog.records.instance import with_lease, with_verdict
from catalog.records.status import Status
from registry.commit.unit import Unit
from registry.commit.verb import verb
from registry.verbs.registration import current, folded_key


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of one check on one registration of an instance. Without an `epoch` it is about the present one."""

    namespace: str
    service: str
    id: str
    check: str
    status: Status
    output: str = ""
    epoch: int | None = None


Renewal = tuple[str, str, str, int | None]  # namespace, service, id, epoch
Written = int | CatalogError | None  # the index; None when nothing changed; the error of this one item


def _report_keys(reports: Sequence[Report], **_: object) -> Iterable[str]:
    return [folded_key(report.namespace, report.service, report.id) for report in reports]


def _renewal_keys(renewals: Sequence[Renewal], **_: object) -> Iterable[str]:
    return [folded_key(namespace, service, id) for namespace, service, id, _ in renewals]


@verb(keys=_report_keys)
def report_checks(unit: Unit, reports: Sequence[Report], *, actor: str, cause: str) -> list[Written]:
    """Write the verdicts that differ from what is recorded; each item gets its index, None or its error.

    Only transitions are written, with the output that explains them. An instance or check that is not there is
    NotFound, a report about an older registration Refused.
    """
    return [unit.attempt(partial(_report, unit, report)) for report in reports]


@verb(keys=_renewal_keys)
def revive(unit: Unit, renewals: Sequence[Renewal], *, actor: str, cause: str) -> list[Written]:
    """Take back the expiry of leases that were renewed after all; each item gets its index, None or its error."""
    return [unit.attempt(partial(_revive, unit, *renewal)) for renewal in renewals]


def _report(unit: Unit, report: Report) -> int | None:
    instance = current(unit, report.namespace, report.service, report.id, report.epoch)
    verdict = next((verdict for verdict in instance.verdicts if verdict.check == report.check), None)
    if verdict is None:
        raise NotFound(f"{report.service}/{report.id} has no check named {report.check!r}")
    if verdict.status is report.status:
        return None
    verdict = Verdict(report.check, report.status, report.output[:LONGEST_OUTPUT], unit.now)
    return unit.put(with_verdict(instance, verdict, unit.now), verb="report")


def _revive(unit: Unit, namespace: str, service: str, id: str, epoch: int | None) -> int | None:
    instance = current(unit, namespace, service, id, epoch)
    if not instance.lease_expired:
        return None
    return unit.put(with_lease(instance, expired=False, now=unit.now), verb="revive")
