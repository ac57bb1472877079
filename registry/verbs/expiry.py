"""Taking away: failing instances that are silent or ill, and removing those that stay so."""

from collections.abc import Iterable, Mapping, Sequence

from catalog.breaker import Kind
from catalog.errors import CatalogError
from catalog.records.check import LONGEST_OUTPUT, Verdict
from catalog.records.instance import Instance, with_lease, with_verdict
from catalog.records.status import Status
from registry.commit.unit import Unit
from registry.commit.verb import verb
from registry.tables.held import Member

Written = int | CatalogError | None  # the index; None when there was nothing left to do; the error of this one item


def _member_keys(members: Sequence[Member], **_: object) -> Iterable[str]:
    return [member.key for member in members]


@verb(keys=_member_keys)
def expire(unit: Unit, members: Sequence[Member], *, actor: str, cause: str) -> list[Written]:
    """Fail instances whose lease, or the report of whose check, ran out; each item gets its index or None.

    Instances that registered again, were removed or failed meanwhile are passed over.
    """
    return [take_away(unit, Kind.EXPIRY, member) for member in members]


@verb(keys=_member_keys)
def remove_critical(unit: Unit, members: Sequence[Member], *, actor: str, cause: str) -> list[Written]:
    """Deregister instances that are critical; those that recovered or registered again are passed over."""
    return [take_away(unit, Kind.REMOVAL, member) for member in members]


def take_away(unit: Unit, kind: Kind, member: Member) -> int | None:
    """Do to one instance what its kind of cause does; returns the index of the change, None when it is moot."""
    entry = unit.entry(member.key)
    if entry is None or not isinstance(entry.record, Instance) or entry.record.epoch != member.epoch:
        return None
    instance = entry.record
    if kind is Kind.REMOVAL:
        return unit.remove(instance, verb="deregister") if instance.status is Status.CRITICAL else None
    if not member.check:
        return _fail_lease(unit, instance)
    return _fail_check(unit, instance, member, VERBS[kind])


VERBS: Mapping[Kind, str] = {Kind.EXPIRY: "expire", Kind.PROBE: "report"}


def _fail_lease(unit: Unit, instance: Instance) -> int | None:
    if instance.lease is None or instance.lease_expired:
        return None
    return unit.put(with_lease(instance, expired=True, now=unit.now), verb="expire")


def _fail_check(unit: Unit, instance: Instance, member: Member, name: str) -> int | None:
    verdict = next((verdict for verdict in instance.verdicts if verdict.check == member.check), None)
    if verdict is None or verdict.status is Status.CRITICAL:
        return None
    critical = Verdict(member.check, Status.CRITICAL, member.output[:LONGEST_OUTPUT], unit.now)
    return unit.put(with_verdict(instance, critical, unit.now), verb=name)
