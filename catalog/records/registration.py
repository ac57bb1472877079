"""A registration: what a caller says about an instance, and how it becomes a record.

Everything but `host` and a port is optional, unknown fields are refused by name, and every complaint names its field.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from catalog.errors import Invalid
from catalog.records import names
from catalog.records.check import Check, CheckType, Verdict, validated
from catalog.records.duration import seconds
from catalog.records.instance import DEFAULT_NAMESPACE, Instance, settled
from catalog.records.lease import LEAST_TTL, MOST_TTL, Lease
from catalog.records.status import Status

LARGEST_BODY = 64 * 1024  # bytes of one registration

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
    """A registration: `host`, and `port` or `ports`; the rest is optional."""

    host: str
    port: Annotated[int | None, Meta(description="if not given, `ports.http`, else the first of `ports`")] = None
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
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise complaint(error) from None


def from_mapping(given: Any) -> Registration:
    """Read a registration that was parsed already; raises Invalid naming the field."""
    try:
        return msgspec.convert(given, Registration)
    except msgspec.ValidationError as error:
        raise complaint(error) from None


def complaint(error: Exception) -> Invalid:
    """A decoder's complaint as Invalid: its path becomes the field, its text the message."""
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    if "field `" in message:  # a missing or an unknown field is named in the text alone
        name = message.split("field `", 1)[1].rstrip("`")
        field = f"{field}.{name}" if field else name
    return Invalid(message, field=field)


def to_instance(
    given: Registration, *, region: str, service: str, id: str, now: float, namespace: str = DEFAULT_NAMESPACE
) -> Instance:
    """The record that `given` asks for, as if it had never been registered before; raises Invalid naming the field."""
    ports = names.ports(given.ports)
    checks = _checks(given.checks)
    instance = Instance(
        region=region,
        namespace=names.label(namespace, field="namespace"),
        service=names.label(service, field="service"),
        id=names.instance_id(id),
        host=names.host(given.host),
        port=_main_port(given.port, ports),
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
        port=instance.port,
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

    A check that did not change keeps its verdict, so that registering again does not wash a sick instance clean.
    A registration is a renewal, so an expired lease is live again.
    """
    known = list(zip(previous.checks, previous.verdicts, strict=True))
    kept = tuple(
        next((verdict for check_before, verdict in known if check_before == check), fresh)
        for check, fresh in zip(instance.checks, instance.verdicts, strict=True)
    )
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


def _main_port(given: int | None, ports: dict[str, int]) -> int:
    if given is not None:
        return names.port(given)
    if not ports:
        raise Invalid("an instance needs a port: give `port`, or `ports` with names", field="port")
    return ports.get("http") or next(iter(ports.values()))


def _lease(given: LeaseRequest | None) -> Lease | None:
    return Lease(seconds(given.ttl, field="lease.ttl", least=LEAST_TTL, most=MOST_TTL)) if given else None


def _removal(given: Length | None) -> float | None:
    return None if given is None else seconds(given, field="deregister_critical_after", least=1.0)


def _checks(given: tuple[CheckRequest, ...]) -> tuple[Check, ...]:
    if len(given) > names.MOST_CHECKS:
        raise Invalid(f"{len(given)} checks are too many: at most {names.MOST_CHECKS}", field="checks")
    checks: list[Check] = []
    for number, request in enumerate(given):
        try:
            checks.append(request.check())
        except Invalid as invalid:
            raise invalid.within(f"checks[{number}]") from None
        if checks[-1].name in {check.name for check in checks[:-1]}:
            raise Invalid(f"two checks are named {checks[-1].name!r}", field=f"checks[{number}].name")
    return tuple(checks)
