"""The review of losses: the breaker at work.

Every cause that can take many instances away at once passes them through here first. What is allowed goes on; what is
held stays served, and is written into a hold.
"""

from collections.abc import Sequence

import msgspec
import structlog
from django.conf import settings

from catalog.breaker import LIMITS, WINDOW, Base, Hold, Judgement, Kind, Loss, Target, judge, loss_of
from catalog.records.check import LONGEST_OUTPUT
from catalog.records.instance import Instance, instance_key
from catalog.records.status import Status
from registry import actions
from registry.breaker.holds import ACTOR, list_holds
from registry.breaker.population import bases, instances_of, is_loss
from registry.leases.store import PART, LeaseStore, named_check, store
from registry.models import HeldRow
from registry.tables.held import Member, State
from registry.valkey import reaching
from registry.verbs.holds import HoldRequest, hold
from registry.verbs.reports import Report

FORGETTING = 30.0  # seconds, at least, after which a probe that no longer complains has lost its complaint
SEEN = 5.0  # seconds between two notes that a probe still complains
FEWEST = min(limit.least for limit in LIMITS)

log = structlog.get_logger(__name__)
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Loss).decode


class Candidate(msgspec.Struct, frozen=True):
    """An instance that a cause would take away, and what is to be remembered of it while it is held."""

    instance: Instance
    member: Member


def review(
    kind: Kind, candidates: Sequence[Candidate], leases: LeaseStore, now: float, *, whole: bool
) -> list[Candidate]:
    """The candidates that may be taken away; the others are held now, or spared by a rejection.

    With `whole` these are all that the cause complains of: members of holds that are not among them have recovered.
    """
    spared = leases.spared(kind, now)
    candidates = [candidate for candidate in candidates if candidate.member.key not in spared]
    losses = {
        candidate.member.key: loss_of(candidate.instance)
        for candidate in candidates
        if is_loss(kind, candidate.instance)
    }
    rows = list_holds(state=State.OPEN, kind=kind)
    if not losses and not (rows and whole):
        return candidates
    judgement = _judged(kind, losses, rows, leases, now, whole=whole)
    held = {loss.key for hold in judgement.holds for loss in hold.losses}
    _write(kind, judgement, candidates, rows, whole=whole)
    leases.count_losses(kind, {_encode(loss).decode(): now for key, loss in losses.items() if key not in held})
    return [candidate for candidate in candidates if candidate.member.key not in held]


def admit(
    reports: Sequence[Report], *, kind: str = "probe", now: float | None = None, leases: LeaseStore | None = None
) -> tuple[list[Report], list[Report]]:
    """Which of these verdicts of probes may be reported, and which are held.

    Call it for every round of probes with every verdict that differs from the record, those held before included: a
    hold forgets a member about which no probe complains any more. Raises Unavailable when Valkey is away; then report
    nothing.
    """
    leases = leases or store()
    with reaching(PART):
        now = leases.now() if now is None else now
        grave = [report for report in reports if report.status is Status.CRITICAL]
        found = instances_of(settings.MERIDIAN.region, map(_key, grave))
        candidates = {
            id(report): Candidate(found[_key(report)], _member(report, found[_key(report)], now))
            for report in grave
            if _key(report) in found
        }
        allowed = review(Kind(kind), list(candidates.values()), leases, now, whole=False)
    passed = {id(candidate) for candidate in allowed}
    held = {number for number, candidate in candidates.items() if id(candidate) not in passed}
    return [r for r in reports if id(r) not in held], [r for r in reports if id(r) in held]


def review_probes(leases: LeaseStore, now: float) -> None:
    """Look again at what probes complained of: what recovered leaves, and what is no longer too much happens."""
    rows = list_holds(state=State.OPEN, kind=Kind.PROBE)
    if not rows:
        return
    found = instances_of(settings.MERIDIAN.region, [member.key for row in rows for member in row.held])
    candidates = [
        Candidate(found[member.key], member)
        for row in rows
        for member in row.held
        if member.key in found and _still_ill(found[member.key], member, now)
    ]
    allowed = review(Kind.PROBE, candidates, leases, now, whole=True)
    for candidate in allowed:
        report = _report(candidate.member)
        actions.report_checks([report], actor=ACTOR, cause=f"check {report.check}: no longer held: {report.output}")


def _judged(
    kind: Kind, losses: dict[str, Loss], rows: Sequence[HeldRow], leases: LeaseStore, now: float, *, whole: bool
) -> Judgement:
    """The breaker's judgement; when the round is not whole, those held before count in without being judged again."""
    earlier = [_decode(text) for text in leases.losses_since(kind, now - WINDOW)]
    earlier = [loss for loss in earlier if loss.key not in losses]
    counted = dict(losses)
    if not whole and rows:
        before = instances_of(settings.MERIDIAN.region, [member.key for row in rows for member in row.held])
        counted |= {key: loss_of(instance) for key, instance in before.items() if is_loss(kind, instance)}
    if len(counted) + len(earlier) < FEWEST and not rows:
        return Judgement(tuple(counted.values()), ())
    targets = {target for loss in counted.values() for target in loss.targets}
    measured = bases(settings.MERIDIAN.region, kind, targets, earlier)
    for row in rows:
        target = _target(row)
        # A hold remembers what it was first measured against: the losses before it do not fade while people think.
        base = measured.get(target, Base())
        measured[target] = Base(max(base.population, row.population), max(base.earlier, row.earlier))
    return judge(list(counted.values()), measured, kind)


def _write(
    kind: Kind, judgement: Judgement, candidates: Sequence[Candidate], rows: Sequence[HeldRow], *, whole: bool
) -> None:
    """Bring the holds in the tables in step with the judgement; nothing is written when they are."""
    members: dict[str, list[Member]] = {}
    for candidate in candidates:
        members.setdefault(candidate.member.key, []).append(candidate.member)
    requests = [request for hold in judgement.holds if (request := _request(hold, members)).members]
    standing = {_target(row): row for row in rows}
    changed = [request for request in requests if _differs(standing.get(request.target), request, whole=whole)]
    ended = whole and set(standing) - {request.target for request in requests}
    if changed or ended:
        hold(
            kind,
            requests if whole else changed,
            lasting=settings.MERIDIAN.hold_expiry,
            whole=whole,
            actor=ACTOR,
            cause="what is left is no longer more than the limit",
        )


def _request(hold: Hold, members: dict[str, list[Member]]) -> HoldRequest:
    chosen = tuple(member for loss in hold.losses for member in members.get(loss.key, ()))
    return HoldRequest(hold.target, hold.formula, chosen, hold.base.population, hold.base.earlier)


def _differs(row: HeldRow | None, request: HoldRequest, *, whole: bool) -> bool:
    """Whether the hold in the tables has to be written."""
    if row is None:
        return True
    known = {(member.key, member.epoch, member.check): member.seen for member in row.held}
    wanted = {(member.key, member.epoch, member.check): member.seen for member in request.members}
    if whole and len(known) != len(wanted):
        return True
    return any(name not in known or seen - known[name] > SEEN for name, seen in wanted.items())


def _still_ill(instance: Instance, member: Member, now: float) -> bool:
    """Whether the last probe, as far as is known, still complains of this registration."""
    check = named_check(instance, member.check)
    if check is None or instance.epoch != member.epoch:
        return False
    return now - member.seen <= max(FORGETTING, 3 * (check.interval + check.timeout))


def _target(row: HeldRow) -> Target:
    return msgspec.convert({"scope": row.scope, "name": row.name}, Target)


def _key(report: Report) -> str:
    return instance_key(report.namespace, report.service, report.id)


def _member(report: Report, instance: Instance, now: float) -> Member:
    epoch = instance.epoch if report.epoch is None else report.epoch
    return Member(_key(report), epoch, report.check, report.output[:LONGEST_OUTPUT], now)


def _report(member: Member) -> Report:
    _, namespace, service, id = member.key.split("/", 3)
    return Report(
        namespace=namespace,
        service=service,
        id=id,
        check=member.check,
        status=Status.CRITICAL,
        output=member.output,
        epoch=member.epoch,
    )
