"""A check: one judgement of an instance, and the thresholds that turn outcomes into a status.

A check is either reported (`ttl`) or probed (`http`, `tcp`, `grpc`, `dns`). This file knows what a check is and how
outcomes add up; who probes, and how, is none of its business.
"""

from enum import StrEnum

import msgspec

from catalog.errors import Invalid
from catalog.records import http, names
from catalog.records.status import Status

LONGEST_OUTPUT = 1024  # of a probe's output, kept with the transition it explains
LEAST_INTERVAL, LEAST_TIMEOUT = 1.0, 0.05


class CheckType(StrEnum):
    """Who judges: the instance itself (`ttl`) or a worker that probes it."""

    TTL = "ttl"
    HTTP = "http"
    TCP = "tcp"
    GRPC = "grpc"
    DNS = "dns"


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What to ask, how often, and how many answers in a row change the verdict. Times are seconds."""

    name: str
    type: CheckType
    url: str = ""  # http
    method: str = "GET"  # http
    headers: dict[str, str] = {}  # http
    expect_status: tuple[int, ...] = ()  # http; empty means any 2xx
    expect_body: str = ""  # http: a part of the body
    address: str = ""  # tcp, grpc, dns: host:port; empty means the instance's own
    service: str = ""  # grpc: the service named to the standard health protocol
    tls: bool = False  # grpc
    query: str = ""  # dns: the name asked for
    record: str = "A"  # dns
    expect_answer: str = ""  # dns: a record's text that must be among the answers
    ttl: float = 0.0  # ttl: how long a report counts
    interval: float = 10.0
    timeout: float = 2.0
    success_before_passing: int = 1
    failures_before_critical: int = 3
    status: Status = Status.UNKNOWN  # the verdict before the first outcome


FIELDS_BY_TYPE = {
    CheckType.TTL: frozenset({"ttl"}),
    CheckType.HTTP: frozenset({"url", "method", "headers", "expect_status", "expect_body"}),
    CheckType.TCP: frozenset({"address"}),
    CheckType.GRPC: frozenset({"address", "service", "tls"}),
    CheckType.DNS: frozenset({"address", "query", "record", "expect_answer"}),
}
COMMON_FIELDS = frozenset(
    {"name", "type", "interval", "timeout", "success_before_passing", "failures_before_critical", "status"}
)
REQUIRED_BY_TYPE = {CheckType.TTL: "ttl", CheckType.HTTP: "url", CheckType.DNS: "query"}
METHODS = ("GET", "HEAD", "POST", "PUT", "OPTIONS")
RECORDS = ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT")


def validated(check: Check) -> Check:
    """The same check when it keeps every rule; raises Invalid naming the field that does not."""
    names.word(check.name, field="name")
    _validate_target(check)
    _validate_timing(check)
    return check


def _validate_target(check: Check) -> None:
    for field, default in _FOREIGN_DEFAULTS[check.type]:
        if getattr(check, field) != default:
            raise Invalid(f"a {check.type} check has no {field}", field=field)
    needed = REQUIRED_BY_TYPE.get(check.type)
    if needed and not getattr(check, needed):
        raise Invalid(f"a {check.type} check needs {needed}", field=needed)
    if check.url:
        http.url(check.url)
    http.headers(check.headers)
    http.statuses(check.expect_status)
    if check.query:
        names.dns_name(check.query, field="query")
    if names.CONTROL.search(check.service):
        raise Invalid("holds a control character", field="service")
    if check.method not in METHODS:
        raise Invalid(f"{check.method[:20]!r} is not one of {', '.join(METHODS)}", field="method")
    if check.record not in RECORDS:
        raise Invalid(f"{check.record[:20]!r} is not one of {', '.join(RECORDS)}", field="record")
    if check.address:
        split_address(check.address)


def _validate_timing(check: Check) -> None:
    if check.type is CheckType.TTL:
        if check.ttl < LEAST_INTERVAL:
            raise Invalid(f"must be at least {LEAST_INTERVAL:g}s", field="ttl")
        return
    if check.interval < LEAST_INTERVAL:
        raise Invalid(f"must be at least {LEAST_INTERVAL:g}s", field="interval")
    if not LEAST_TIMEOUT <= check.timeout <= 60.0:
        raise Invalid("must be between 50ms and 60s", field="timeout")
    for field in ("success_before_passing", "failures_before_critical"):
        if not 1 <= getattr(check, field) <= 100:
            raise Invalid("must be between 1 and 100", field=field)


def split_address(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port` as a pair; raises Invalid when it is neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or (":" in host and not host.startswith("[")):
        raise Invalid(f"{address[:80]!r} is not host:port; an IPv6 address stands in brackets", field="address")
    return names.host(host, field="address"), names.port(int(port[:6]), field="address")


_DEFAULTS = {
    field.name: field.default_factory()
    if field.default is msgspec.NODEFAULT and callable(field.default_factory)
    else field.default
    for field in msgspec.structs.fields(Check)
}
_FOREIGN_DEFAULTS = {
    type: [
        (field, _DEFAULTS[field])
        for field in sorted(set(Check.__struct_fields__) - COMMON_FIELDS - FIELDS_BY_TYPE[type])
    ]
    for type in CheckType
}


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a check last decided: kept in the instance's record, changed only by a transition."""

    check: str
    status: Status
    output: str = ""
    since: float = 0.0


class Tally(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Outcomes in a row since the last transition, and the verdict they add up to."""

    status: Status
    successes: int = 0
    failures: int = 0


def count(tally: Tally, outcome: Status, check: Check) -> Tally:
    """The tally after one more outcome.

    Warning counts as a success, as in Consul. The very first outcome of a check without a verdict acts at once:
    there is nothing to be loyal to yet.
    """
    if outcome is Status.CRITICAL:
        failures = tally.failures + 1
        turned = tally.status is Status.UNKNOWN or failures >= check.failures_before_critical
        return Tally(Status.CRITICAL if turned else tally.status, 0, failures)
    successes = tally.successes + 1
    settled = tally.status is not Status.CRITICAL or successes >= check.success_before_passing
    return Tally(outcome if settled else tally.status, successes, 0)
