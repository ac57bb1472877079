"""Shapes: what was found, as resource records.

Records are made as bytes here and only put together in `message`. Each stands anywhere in a message: its owner is a
pointer to the question's name, which every message has at byte 12.
"""

import ipaddress
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from catalog.query import Decision, Part
from discovery.dns.names import Fixed
from discovery.dns.reads import Finding
from discovery.dns.zone import Labels, Zone, wire

QUESTION_AT = 12  # the length of the header, RFC 1035 §4.1.1
OWNER = struct.pack("!H", 0xC000 | QUESTION_AT)
FIXED = struct.Struct("!HHIH")  # type, class, TTL, length of the data
PRIORITY = 1  # of every SRV record: all that may take traffic are alternatives, and weights tell them apart
LONGEST_STRING = 255  # of one character-string, RFC 1035 §3.3
REFRESH, RETRY, EXPIRE = 3600, 600, 86_400  # in the SOA for form's sake: there are no secondaries
QUOTED = re.compile(r"[`=]|^[ \t]+|[ \t]+$")
HINFO = b"\x07RFC8482\x00"


class Record(NamedTuple):
    """A record's bytes, and what to add about the name in its data: `extra` is a record without its owner, and the
    owner stands `at` bytes into this one."""

    wire: bytes
    extra: bytes = b""
    at: int = 0


class Naming(NamedTuple):
    """How to write names in an answer: the domain that was asked, and where it begins in the message."""

    domain: Labels
    pointer: bytes

    @classmethod
    def of(cls, name: bytes, domain: Labels) -> "Naming":
        """For a question whose wire form is `name`."""
        return cls(domain, struct.pack("!H", 0xC000 | QUESTION_AT + len(name) - len(wire(domain))))


def tail(rdtype: int, ttl: int, data: bytes) -> bytes:
    """A record without its owner."""
    return FIXED.pack(rdtype, RdataClass.IN, ttl, len(data)) + data


def records(found: Finding, rdtype: int, zone: Zone, naming: Naming) -> tuple[Record, ...]:
    """The answers of one type; empty when the name has none of it."""
    if rdtype == RdataType.ANY:
        # One small record instead of everything there is, RFC 8482 §4.2.
        return (Record(OWNER + tail(RdataType.HINFO, zone.ttl, HINFO)),) if found.exists else ()
    if rdtype in (RdataType.A, RdataType.AAAA):
        return _addresses(found, rdtype, zone)
    shape = SHAPES.get(rdtype)
    return shape(found, zone, naming) if shape else ()


def soa(found: Finding, zone: Zone, naming: Naming, ttl: int) -> bytes:
    """The domain's SOA record without its owner. Its serial is the index of the region's log."""
    names = b"\x02ns" + naming.pointer + b"\x0ahostmaster" + naming.pointer
    numbers = struct.pack("!IIIII", max(1, found.index % 2**32), REFRESH, RETRY, EXPIRE, zone.negative_ttl)
    return tail(RdataType.SOA, ttl, names + numbers)


def one_of(answers: tuple[Record, ...], rdtype: int) -> bool:
    """Whether only one of the records may be sent at a time: a name has at most one CNAME, RFC 1034 §3.6.2."""
    return rdtype in (RdataType.A, RdataType.AAAA) and answers[0].wire[2:4] == struct.pack("!H", RdataType.CNAME)


def address_tail(host: str, ttl: int) -> bytes:
    """An A or AAAA record without its owner; nothing when `host` is a name."""
    address = _address(host)
    if address is None:
        return b""
    return tail(RdataType.A if address.version == 4 else RdataType.AAAA, ttl, address.packed)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _addresses(found: Finding, rdtype: int, zone: Zone) -> tuple[Record, ...]:
    """One record for each address of the type, however many instances share it.

    Instances known by a host name give a CNAME, but only when all are: beside a CNAME nothing else may stand.
    """
    if found.fixed is Fixed.NAMESERVER:
        hosts = list(zone.addresses)
    elif found.address:
        hosts = [found.address]
    else:
        hosts = list(dict.fromkeys(decision.instance.host for decision in found.decisions))
    tails = [address_tail(host, zone.ttl) for host in hosts]
    if hosts and not any(tails):
        tails = [tail(RdataType.CNAME, zone.ttl, wire(tuple(host.split(".")))) for host in hosts]
        return tuple(Record(OWNER + cname) for cname in tails)
    wanted = struct.pack("!H", rdtype)
    return tuple(Record(OWNER + tail) for tail in tails if tail[:2] == wanted)


def _services(found: Finding, zone: Zone, naming: Naming) -> tuple[Record, ...]:
    """One record for each place: ids that share an address and a port are one target. Without a port there is none."""
    places = {
        (decision.instance.host, decision.port): decision for decision in reversed(found.decisions) if decision.port
    }
    return tuple(_srv(decision, zone, naming) for decision in reversed(places.values()))


def _srv(decision: Decision, zone: Zone, naming: Naming) -> Record:
    host = decision.instance.host
    address = _address(host)
    if address is None:
        target: Labels = tuple(host.split("."))
    else:
        target = (address.packed.hex(), "addr", decision.region, *naming.domain)
    # The target is written out: RFC 2782 forbids compressing it.
    data = struct.pack("!HHH", PRIORITY, decision.weight, decision.port) + wire(target)
    start = len(OWNER) + FIXED.size + 6
    return Record(OWNER + tail(RdataType.SRV, zone.ttl, data), address_tail(host, zone.ttl), start)


def _texts(found: Finding, zone: Zone, naming: Naming) -> tuple[Record, ...]:
    if found.of_freshness:
        return tuple(Record(OWNER + tail(RdataType.TXT, zone.ttl, fresh(part))) for part in found.parts)
    return tuple(Record(OWNER + tail(RdataType.TXT, zone.ttl, text(decision, found))) for decision in found.decisions)


def text(decision: Decision, found: Finding) -> bytes:
    """An instance as the strings of one TXT record: what it is, then its metadata, each `key=value` (RFC 1464).

    Empty values are left out, and so are pairs that are longer than a string may be: HTTP has them.
    """
    instance = decision.instance
    pairs = [
        ("id", instance.id),
        ("host", instance.host),
        ("port", str(decision.port)),
        ("version", instance.version),
        ("zone", instance.zone),
        ("region", decision.region),
        ("status", decision.status.value),
        ("weight", str(decision.weight)),
        ("tags", ",".join(instance.tags)),
        ("freshness", found.freshness_of(decision.region).state.value),
        *((_attribute(key), value) for key, value in instance.metadata.items()),
    ]
    strings = (f"{key}={value}".encode() for key, value in pairs if value)
    return b"".join(bytes([len(string)]) + string for string in strings if len(string) <= LONGEST_STRING)


def fresh(part: Part) -> bytes:
    """How fresh one region's part in an answer is, as the strings of a TXT record; what is empty is left out."""
    since = part.freshness.since
    pairs = [
        ("region", part.region),
        ("freshness", part.freshness.state.value),
        ("since", "" if since is None else f"{datetime.fromtimestamp(since, UTC):%Y-%m-%dT%H:%M:%SZ}"),
        ("index", str(part.index)),
        ("used", "yes" if part.used else "no"),
        ("step", part.step[: LONGEST_STRING - len("step=")]),
    ]
    strings = (f"{key}={value}".encode() for key, value in pairs if value)
    return b"".join(bytes([len(string)]) + string for string in strings if len(string) <= LONGEST_STRING)


def _attribute(key: str) -> str:
    """An attribute's name with RFC 1464's quotes: a grave accent before what would end the name or be trimmed."""
    return QUOTED.sub(lambda found: "".join(f"`{character}" for character in found[0]), key)


def _nameservers(found: Finding, zone: Zone, naming: Naming) -> tuple[Record, ...]:
    if found.fixed is not Fixed.APEX:
        return ()
    glue = next((address_tail(address, zone.ttl) for address in zone.addresses), b"")
    data = b"\x02ns" + naming.pointer
    return (Record(OWNER + tail(RdataType.NS, zone.ttl, data), glue, len(OWNER) + FIXED.size),)


def _authority(found: Finding, zone: Zone, naming: Naming) -> tuple[Record, ...]:
    if found.fixed is not Fixed.APEX:
        return ()
    return (Record(OWNER + soa(found, zone, naming, zone.ttl)),)


SHAPES: dict[int, Callable[[Finding, Zone, Naming], tuple[Record, ...]]] = {
    RdataType.SRV: _services,
    RdataType.TXT: _texts,
    RdataType.NS: _nameservers,
    RdataType.SOA: _authority,
}
