"""A registration: what a caller says about an instance, and how it becomes a record.

Everything but `host` is optional, unknown fields are refused by name, and every complaint names its field.
"""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from catalog.errors import Invalid
from catalog.records import names
from catalog.records.body import convert, read
from catalog.records.check import Check, CheckType, Verdict, validated
from catalog.records.duration import seconds
from catalog.records.instance import DEFAULT_NAMESPACE, Instance, settled
from catalog.records.lease import LEAST_TTL, MOST_TTL, Lease
from catalog.records.status import Status

LARGEST_BODY = 64 * 1024  # bytes of one registration
NEED_ADDRESS = frozenset({CheckType.TCP, CheckType.GRPC, CheckType.DNS})  # or the instance's own
NO_PORT = 0  # of an instance that takes no connections, such as a worker
UNPROVEN = "critical before its checks changed, and no outcome yet"

# Descriptions are shown in the API's schema, which is made from these structs.
Length = Annotated[str | int | float, Meta(description="a duration such as `15s` or `1m30s`, or seconds")]


class LeaseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A promise to renew within `ttl`."""

    ttl: Length


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check as a caller writes it. A field that belongs to some types only is refused for the others."""

    type: CheckType
    name: Annotated[str, Meta(description="its type if empty")] = ""
    url: Annotated[str, Meta(description="http")] = ""
    method: Annotated[str, Meta(description="http")] = "GET"
    headers: Annotated[dict[str, str], Meta(description="http")] = {}
    expect_status: Annotated[tuple[int, ...] | int, Meta(description="http: any 2xx if empty")] = ()
    expect_body: Annotated[str, Meta(description="http: a part of the body")] = ""
    address: Annotated[str, Meta(description="tcp, grpc, dns: host:port; the instance's own if empty")] = ""
    service: Annotated[str, Meta(description="grpc: as named to the health protocol")] = ""
    tls: Annotated[bool, Meta(description="grpc")] = False
    query: Annotated[str, Meta(description="dns: the name asked for")] = ""
    record: Annotated[str, Meta(description="dns: the type of record")] = "A"
    expect_answer: Annotated[str, Meta(description="dns: a text that must be among the answers")] = ""
    ttl: Annotated[Length, Meta(description="ttl: how long a report counts, such as `30s`")] = 0
    interval: Length = 10
    timeout: Length = 2
    success_before_passing: int = 1
    failures_before_critical: int = 3
    status: Annotated[Status, Meta(description="before the first outcome")] = Status.UNKNOWN

    def check(self) -> Check:
        """The check, validated; named after its type when it has no name."""
        given = {field: getattr(self, field) for field in self.__struct_fields__}
        given["name"] = self.name or self.type.value
        given["expect_status"] = (self.expect_status,) if isinstance(self.expect_status, int) else self.expect_status
        given["headers"] = dict(sorted(self.headers.items()))
        given["method"], given["record"] = self.method.upper(), self.record.upper()
        for field in ("ttl", "interval", "timeout"):
            given[field] = seconds(given[field], field=field)
        return validated(Check(**given))


class Registration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registration: `host`; the rest is optional."""

    host: str
    port: Annotated[int | None, Meta(description="else `ports.http`, else the first of `ports`; a worker has none")] = (
        None
    )
    ports: Annotated[dict[str, int], Meta(description="by name")] = {}
    zone: str = ""
    version: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    weight: int = 1
    owner: str = ""
    lease: LeaseRequest | None = None
    checks: tuple[CheckRequest, ...] = ()
    deregister_critical_after: Annotated[
        Length | None, Meta(description="deregister when critical for so long, such as `10m`")
    ] = None


_decoder = msgspec.json.Decoder(Registration)


def decode(body: bytes) -> Registration:
    """Read a registration's JSON; raises Invalid naming the field."""
    if len(body) > LARGEST_BODY:
        raise Invalid(f"the body has {len(body)} bytes: at most {LARGEST_BODY}")
    return read(body, _decoder)


def from_mapping(given: Any) -> Registration:
    """Read a registration that was parsed already; raises Invalid naming the field."""
    return convert(given, Registration)


def to_instance(
    given: Registration, *, region: str, service: str, id: str, now: float, namespace: str = DEFAULT_NAMESPACE
) -> Instance:
    """The record that `given` asks for, as if it had never been registered before; raises Invalid naming the field."""
    ports = names.ports(given.ports)
    port = _main_port(given.port, ports)
    checks = _checks(given.checks, has_port=port != NO_PORT)
    instance = Instance(
        region=region,
        namespace=names.label(namespace, field="namespace"),
        service=names.label(service, field="service"),
        id=names.instance_id(id),
        host=names.host(given.host),
        port=port,
        ports=ports,
        zone=names.word(given.zone, field="zone"),
        version=names.word(given.version, field="version"),
        tags=names.tags(given.tags),
        metadata=names.metadata(given.metadata),
        weight=names.weight(given.weight),
        owner=names.word(given.owner, field="owner"),
        lease=_lease(given.lease),
        checks=checks,
        verdicts=tuple(Verdict(check.name, check.status, "no outcome yet", now) for check in checks),
        since=now,
        deregister_critical_after=_removal(given.deregister_critical_after),
        registered_at=now,
    )
    return settled(instance, now)


def registration_of(instance: Instance) -> Registration:
    """What has to be said to register the same again: the inverse of `to_instance`, but for names and times."""
    return Registration(
        host=instance.host,
        port=instance.port or None,
        ports=instance.ports,
        zone=instance.zone,
        version=instance.version,
        tags=instance.tags,
        metadata=instance.metadata,
        weight=instance.weight,
        owner=instance.owner,
        lease=LeaseRequest(instance.lease.ttl) if instance.lease else None,
        checks=tuple(
            CheckRequest(**{field: getattr(check, field) for field in check.__struct_fields__})
            for check in instance.checks
        ),
        deregister_critical_after=instance.deregister_critical_after,
    )


def succeed(previous: Instance, instance: Instance) -> Instance:
    """The record after `instance` replaces `previous`: what is still true about its health is kept.

    A check that did not change keeps its verdict. Whatever changed, an instance that a check found critical stays so
    until an outcome says otherwise: registering again does not wash a sick instance clean. A registration is a
    renewal, so an expired lease is live again.
    """
    known = list(zip(previous.checks, previous.verdicts, strict=True))
    kept = tuple(
        next((verdict for check_before, verdict in known if check_before == check), fresh)
        for check, fresh in zip(instance.checks, instance.verdicts, strict=True)
    )
    if _is_critical(previous.verdicts) and not _is_critical(kept):
        kept = tuple(Verdict(verdict.check, Status.CRITICAL, UNPROVEN, instance.since) for verdict in kept)
    carried = msgspec.structs.replace(
        instance,
        verdicts=kept,
        status=previous.status,
        since=previous.since,
        critical_since=previous.critical_since,
        recovered_at=previous.recovered_at,
        registered_at=previous.registered_at,
        epoch=previous.epoch,
    )
    return settled(carried, instance.since)


def _is_critical(verdicts: Iterable[Verdict]) -> bool:
    return any(verdict.status is Status.CRITICAL for verdict in verdicts)


def _main_port(given: int | None, ports: dict[str, int]) -> int:
    if given is not None:
        return names.port(given)
    return ports.get("http") or next(iter(ports.values()), NO_PORT)


def _lease(given: LeaseRequest | None) -> Lease | None:
    return Lease(seconds(given.ttl, field="lease.ttl", least=LEAST_TTL, most=MOST_TTL)) if given else None


def _removal(given: Length | None) -> float | None:
    return None if given is None else seconds(given, field="deregister_critical_after", least=1.0)


def _checks(given: tuple[CheckRequest, ...], *, has_port: bool) -> tuple[Check, ...]:
    if len(given) > names.MOST_CHECKS:
        raise Invalid(f"{len(given)} checks are too many: at most {names.MOST_CHECKS}", field="checks")
    checks: list[Check] = []
    for number, request in enumerate(given):
        try:
            checks.append(request.check())
        except Invalid as invalid:
            raise invalid.within(f"checks[{number}]") from None
        if not has_port and checks[-1].type in NEED_ADDRESS and not checks[-1].address:
            raise Invalid("needs an address: the instance has no port", field=f"checks[{number}].address")
        if checks[-1].name in {check.name for check in checks[:-1]}:
            raise Invalid(f"two checks are named {checks[-1].name!r}", field=f"checks[{number}].name")
    return tuple(checks)
