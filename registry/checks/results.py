"""What is known of checks: the verdicts of the record, the last probes behind them, and how far both can be trusted."""

from collections.abc import Mapping, Sequence

import msgspec
from django.conf import settings

from catalog.errors import Unavailable
from catalog.query import STALE_INTERVALS
from catalog.records.check import Check, CheckType, Verdict
from catalog.records.flap import decayed, free_at
from catalog.records.instance import Instance
from catalog.records.status import Status
from registry.checks.judge import State, explanation
from registry.checks.probe_spec import check_key, decode, definitions
from registry.checks.recent import Sample, unpacked
from registry.checks.schedule import decode_state, probes_key
from registry.valkey import connection, reaching

AT_ONCE = 500  # checks in one question to Valkey


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a probed check. Times are seconds since the epoch, lengths seconds.

    `status` is the verdict with damping applied, and `unknown` when the last outcome is too old to trust or there is
    none. `outcome` is what the last probe alone spoke for. `due_at` is None when the check is not scheduled. `recent`
    are the last outcomes, the oldest first.
    """

    key: str
    status: Status = Status.UNKNOWN
    outcome: Status = Status.UNKNOWN
    output: str = "no outcome yet"
    latency: float = 0.0
    at: float | None = None
    due_at: float | None = None
    successes: int = 0
    failures: int = 0
    flap_score: float = 0.0
    held_until: float | None = None
    recent: tuple[Sample, ...] = ()


def check_keys(instance: Instance) -> list[str]:
    """The keys of an instance's probed checks, for `last_results`."""
    return [definition.key for definition in definitions(instance)]


def last_results(keys: Sequence[str], *, now: float) -> dict[str, CheckResult]:
    """What is known of each check, by key. Raises Unavailable when Valkey cannot be reached."""
    found: dict[str, CheckResult] = {}
    with reaching("the results of probes"):
        for start in range(0, len(keys), AT_ONCE):
            found.update(_some(keys[start : start + AT_ONCE], now))
    return found


def _some(keys: Sequence[str], now: float) -> Mapping[str, CheckResult]:
    region = settings.MERIDIAN.region
    pipeline = connection().pipeline(transaction=False)
    pipeline.hmget(probes_key(region, "definitions"), list(keys))
    pipeline.hmget(probes_key(region, "states"), list(keys))
    pipeline.zmscore(probes_key(region, "due"), list(keys))
    return {
        key: result(key, _check(definition), decode_state(state), due, now)
        for key, definition, state, due in zip(keys, *pipeline.execute(), strict=True)
    }


def result(key: str, check: Check | None, state: State | None, due: float | None, now: float) -> CheckResult:
    """What is known of one check at `now`."""
    if check is None or state is None or state.outcome is None:
        return CheckResult(key=key, due_at=due)
    age, trusted = now - state.at, STALE_INTERVALS * check.interval + check.timeout
    output = explanation(state, now)
    return CheckResult(
        key=key,
        status=Status.UNKNOWN if age > trusted else state.verdict,
        outcome=state.outcome.status,
        output=output if age <= trusted else f"not probed for {age:.0f}s; the last outcome was: {output}",
        latency=state.outcome.latency,
        at=state.at,
        due_at=due,
        successes=state.tally.successes,
        failures=state.tally.failures,
        flap_score=round(decayed(state.flap, now), 1),
        held_until=free_at(state.flap) if state.is_held else None,
        recent=unpacked(state.recent),
    )


def _check(text: str | None) -> Check | None:
    try:
        return decode(text).check if text else None
    except msgspec.DecodeError:
        return None


class KnownCheck(msgspec.Struct, frozen=True):
    """A check; `result` is None when it is not probed or no probe is known of.

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
