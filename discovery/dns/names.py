"""The names: what stands before the domain, read as a query. README.md has them as a table.

Reading a name needs nothing but the name. Whether it exists is for `reads` to find out.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.name

from catalog.errors import Invalid
from catalog.records.instance import DEFAULT_NAMESPACE
from discovery.dns.zone import Labels

SERVICE, ADDRESS, NAMESERVER, NAMESPACE, REGION = "service", "addr", "ns", "ns", "dc"
FRESHNESS = "_freshness"
PROTOCOLS = ("_tcp", "_udp")  # say nothing about which port: an instance has one main port


class Fixed(StrEnum):
    """Names that are the same whatever is registered."""

    APEX = "apex"
    NAMESERVER = "nameserver"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look; the suffix `[<namespace>.ns.][<region>[.dc]]` of a name. An empty region is this one."""

    region: str = ""
    namespace: str = DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True)
class Inner:
    """A name that only has names below it. It exists when its region does, and holds no records."""

    place: Place


@dataclass(frozen=True, slots=True)
class Host:
    """`<hex>.addr`: an address written as a name, as the targets of SRV records need one."""

    address: str
    place: Place


@dataclass(frozen=True, slots=True)
class Service:
    """A service, narrowed by a tag, or by `second`: RFC 2782's second label, which names a port or else a tag.

    `is_short` marks `name.<domain>`, where a region's name may stand as well. `of_freshness` asks how fresh the answer
    would be instead of for the answer.
    """

    name: str
    place: Place
    tag: str = ""
    second: str = ""
    is_short: bool = False
    of_freshness: bool = False


Route = Fixed | Inner | Host | Service


def route(labels: Labels) -> Route:
    """What a name without its domain asks for."""
    if not labels:
        return Fixed.APEX
    if labels == (NAMESERVER,):
        return Fixed.NAMESERVER
    for at in range(len(labels) - 1, -1, -1):
        if labels[at] in KEYWORDS:
            place = _place(labels[at + 1 :])
            return KEYWORDS[labels[at]](labels[:at], place) if place else Fixed.NOTHING
    return _short(labels)


def _short(labels: Labels) -> Route:
    if labels == (REGION,):
        return Inner(Place())
    if len(labels) == 1 and not labels[0].startswith("_"):
        return Service(labels[0], Place(), is_short=True)
    if all(label.startswith("_") for label in labels):
        return _service(labels, Place())
    place = _place(labels)
    return Inner(place) if place else Fixed.NOTHING


def _place(labels: Labels) -> Place | None:
    namespace, region = DEFAULT_NAMESPACE, ""
    if len(labels) >= 2 and labels[1] == NAMESPACE:
        namespace, labels = labels[0], labels[2:]
    if labels:
        region, labels = labels[0], labels[1:]
    return Place(region, namespace) if labels in ((), (REGION,)) else None


def _service(labels: Labels, place: Place) -> Route:
    if not labels or (len(labels) == 1 and labels[0].startswith("_")):
        return Inner(place)
    if len(labels) == 2 and labels[0].startswith("_") and labels[1].startswith("_"):
        second = "" if labels[1] in PROTOCOLS else labels[1][1:]
        return Service(labels[0][1:], place, second=second)
    if labels[0] == FRESHNESS and len(labels) == 2:
        return Service(labels[1], place, of_freshness=True)
    # Tags may have dots in them: all that stands before the service's name is one tag.
    return Service(labels[-1], place, tag=".".join(labels[:-1]))


def _host(labels: Labels, place: Place) -> Route:
    if not labels:
        return Inner(place)
    try:
        packed = bytes.fromhex(labels[0])
        if len(labels) != 1 or len(labels[0]) != 2 * len(packed):
            return Fixed.NOTHING
        return Host(ipaddress.ip_address(packed).compressed, place)
    except ValueError:
        return Fixed.NOTHING


KEYWORDS = {SERVICE: _service, ADDRESS: _host}


def name_of(service: str, domain: str, *, tag: str = "", namespace: str = DEFAULT_NAMESPACE) -> dns.name.Name:
    """The name to ask for, the other way round. Raises Invalid when a tag cannot be part of one."""
    suffix = () if namespace == DEFAULT_NAMESPACE else (namespace, NAMESPACE)
    labels = [*(tag.split(".") if tag else ()), service, SERVICE, *suffix, *domain.rstrip(".").split(".")]
    try:
        return dns.name.Name([*(label.encode("ascii") for label in labels), b""])
    except (UnicodeEncodeError, dns.exception.DNSException) as error:
        raise Invalid(f"DNS cannot be asked for this: no name can hold it ({error})", field="tag") from None
