"""What is known of checks: the verdicts of the record, and the last probes behind them."""

from collections.abc import Mapping, Sequence

import msgspec
from django.conf import settings

from catalog.errors import Unavailable
from catalog.records.check import Check, CheckType, Verdict
from catalog.records.instance import Instance
from catalog.records.status import Status
from registry.checks.probe_spec import check_key
from registry.checks.results import CheckResult, check_keys, last_results


class KnownCheck(msgspec.Struct, frozen=True):
    """A check; `result` is None when nobody probes it or no probe is known of.

    `status` is what can be believed now: `unknown` when the verdict rests on probes that are too old or out of reach.
    """

    check: Check
    verdict: Verdict
    status: Status
    output: str
    result: CheckResult | None = None


def known_checks(instances: Sequence[Instance], *, now: float) -> list[list[KnownCheck]]:
    """The checks of each instance, in order. The results of all of them are read at once.

    Another region's checks are probed there, so that of them no more is known here than their verdicts.
    """
    results: Mapping[str, CheckResult] = {}
    trouble = ""
    try:
        results = last_results(
            [key for instance in instances if _is_ours(instance) for key in check_keys(instance)], now=now
        )
    except Unavailable as error:
        trouble = str(error)
    return [_known(instance, results, trouble) for instance in instances]


def _known(instance: Instance, results: Mapping[str, CheckResult], trouble: str) -> list[KnownCheck]:
    known = []
    for check, verdict in zip(instance.checks, instance.verdicts, strict=True):
        key = check_key(instance.namespace, instance.service, instance.id, check.name)
        result = results.get(key)
        if check.type is CheckType.TTL or not _is_ours(instance):
            known.append(KnownCheck(check, verdict, verdict.status, verdict.output))
        elif trouble:
            known.append(KnownCheck(check, verdict, Status.UNKNOWN, trouble))
        elif result is None or result.at is None:
            known.append(KnownCheck(check, verdict, Status.UNKNOWN, "no outcome yet", result))
        else:
            known.append(KnownCheck(check, verdict, result.status, result.output, result))
    return known


def _is_ours(instance: Instance) -> bool:
    return bool(instance.region == settings.MERIDIAN.region)
