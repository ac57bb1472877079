"""Answer as: what a client in a region is told right now, over HTTP and over DNS.

Nothing here decides anything: the question is read by the HTTP dialect and put to its answer, and packed and answered
as the DNS dialect does it, with the chosen region as home. What this process knows of another region may be older than
what that region knows of itself, and distances are those from here.
"""

import re
import shlex
from collections.abc import Iterable
from urllib.parse import quote, urlencode

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import msgspec
from dns.rdatatype import RdataType

from catalog.errors import CatalogError, Invalid
from catalog.query import Query
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.view import View
from discovery.answers.cache import Encoded
from discovery.dns import message
from discovery.dns.message import Prepared
from discovery.dns.names import route
from discovery.dns.question import read
from discovery.dns.reads import Finding, find
from discovery.dns.responder import prepare
from discovery.dns.shapes import Naming
from discovery.dns.zone import LARGEST, Zone
from discovery.http import parameters
from discovery.http.dialect import DIALECT
from discovery.web.problems import problem

SHOWN = 10  # instances or records of an answer that are written out
CLIENT = "127.0.0.1"  # with a limit each client has a share of its own: this is the one of a client here
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
TYPES = (RdataType.A, RdataType.SRV)
HEADERS = ("content-type", "meridian-region", "meridian-regions", "meridian-index", "meridian-freshness")


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, in the words in which a person filled them in; empty ones are not asked for."""

    region: str
    namespace: str
    service: str
    zone: str = ""
    tag: str = ""
    version: str = ""
    limit: str = ""

    @property
    def target(self) -> str:
        """Path and query string of the request."""
        namespace = "" if self.namespace == DEFAULT_NAMESPACE else self.namespace
        given = {
            "namespace": namespace, "tag": self.tag, "version": self.version, "zone": self.zone, "limit": self.limit,
        }  # fmt: skip
        words = urlencode({name: value for name, value in given.items() if value})
        return f"/services/{quote(self.service, safe='')}" + (f"?{words}" if words else "")

    @property
    def query(self) -> Query:
        """The one query that this comes to. Raises Invalid."""
        words = self.target.partition("?")[2].encode()
        return parameters.lookup(words, region=self.region, service=self.service, client=CLIENT).query


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is what is sent; `text` the beginning of it, made easy to read, without the last `hidden` instances."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    hidden: int = 0
    returned: int = 0


class DnsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One question's answer as `dig` shows it. `records` counts all of the answer's, of which `hidden` are not shown.

    `truncated` says that it does not fit a datagram, so that clients ask again over TCP; `one_of` that each time
    another one of the records is sent alone. With a `problem` the question cannot be asked at all.
    """

    type: str
    name: str = ""
    rcode: str = ""
    lines: tuple[str, ...] = ()
    records: int = 0
    hidden: int = 0
    truncated: bool = False
    one_of: bool = False
    problem: str = ""

    @property
    def text(self) -> str:
        """The lines as they stand in a terminal."""
        return "\n".join(self.lines)


def by_http(view: View, asking: Asking, now: float) -> HttpAnswer:
    """What `GET` of the target is answered with in that region."""
    try:
        query = asking.query
    except CatalogError as error:
        found = problem(error)
        body = msgspec.json.encode(found)
        return HttpAnswer(status=found.status, body=body, text=_pretty(body))
    encoded = Encoded(DIALECT.lookup(query).render(view, now), DIALECT)
    headers = {name.decode(): value.decode() for name, value in encoded.start["headers"]}
    instances = msgspec.json.decode(encoded.body) if encoded.status == 200 else []
    shown = msgspec.json.encode(instances[:SHOWN]) if encoded.status == 200 else encoded.body
    return HttpAnswer(
        status=encoded.status,
        body=encoded.body,
        headers=tuple((name, headers[name]) for name in HEADERS if name in headers),
        text=_pretty(shown),
        hidden=max(0, len(instances) - SHOWN),
        returned=len(instances),
    )


def by_dns(view: View, asking: Asking, zone: Zone, now: float) -> tuple[DnsAnswer, ...]:
    """What a resolver in the zone's region is told, for each type of record that a client may ask for."""
    try:
        name = dns_name(asking, zone)
    except Invalid as error:
        return (DnsAnswer(type="A", problem=str(error)),)
    packets = [dns.message.make_query(name, type, use_edns=0, payload=zone.payload, id=0).to_wire() for type in TYPES]
    split = zone.split(read(packets[0]).labels)
    if split is None:
        return (DnsAnswer(type="A", problem="the name lies outside the domains that DNS answers for"),)
    found = find(view, route(split[0]), local=zone.region, now=now)
    return tuple(_answer(packet, found, zone, name) for packet in packets)


def dns_name(asking: Asking, zone: Zone) -> dns.name.Name:
    """The name to ask DNS for. Raises Invalid when a tag cannot be part of one."""
    namespace = () if asking.namespace == DEFAULT_NAMESPACE else (asking.namespace, "ns")
    labels = [*(asking.tag.split(".") if asking.tag else ()), asking.service, "service", *namespace]
    labels += zone.domains[0].rstrip(".").split(".")
    try:
        return dns.name.Name([*(label.encode("ascii") for label in labels), b""])
    except (UnicodeEncodeError, dns.exception.DNSException) as error:
        raise Invalid(f"DNS cannot be asked for this: no name can hold it ({error})", field="tag") from None


def left_out(asking: Asking) -> str:
    """What of the question DNS has no words for."""
    words = [word for word in ("zone", "version", "limit") if getattr(asking, word)]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def curl(asking: Asking, base: str, *, token: bool) -> str:
    """The command that asks the region's server the same."""
    shown = '-H "Authorization: Bearer $TOKEN" ' if token else ""
    return f"curl {shown}{shlex.quote(base + asking.target)}"


def dig(answer: DnsAnswer, server: str, port: int) -> str:
    """The command that asks the region's DNS the same."""
    return f"dig @{server} -p {port} {shlex.quote(answer.name)} {answer.type}"


def _answer(packet: bytes, found: Finding, zone: Zone, name: dns.name.Name) -> DnsAnswer:
    question = read(packet)
    split = zone.split(question.labels)
    domain = split[1] if split else ()
    prepared = prepare(found, question, zone, Naming.of(question.name, domain))
    _, truncated = message.body(question, prepared, zone.payload, zone.payload)
    # Which records come first is drawn by lot each time. Here they stay where they are, or nobody could read them.
    first = msgspec.structs.replace(prepared, answers=prepared.answers[: 1 if prepared.one_of else SHOWN])
    body, _ = message.body(question, first, zone.payload, LARGEST)
    return DnsAnswer(
        type=RdataType(question.rdtype).name,
        name=name.to_text(),
        rcode=dns.rcode.to_text(prepared.rcode),
        lines=tuple(_lines(dns.message.from_wire(packet[:2] + body), prepared)),
        records=len(prepared.answers),
        hidden=len(prepared.answers) - len(first.answers),
        truncated=truncated,
        one_of=prepared.one_of and len(prepared.answers) > 1,
    )


def _lines(sent: dns.message.Message, prepared: Prepared) -> Iterable[str]:
    """The sections of a message as `dig` writes them, each in an order that does not change by itself."""
    for title, section in (("ANSWER", sent.answer), ("AUTHORITY", sent.authority), ("ADDITIONAL", sent.additional)):
        lines = sorted(line for rrset in section for line in rrset.to_text().splitlines())
        if lines:
            yield f";; {title} SECTION:"
            yield from lines
    if prepared.note:
        yield f"; EDE: {prepared.note[0]:d}: ({prepared.note[1]})"


def _pretty(body: bytes) -> str:
    """JSON for people. What would turn the direction of the text around is written as an escape, as JSON may."""
    return TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", msgspec.json.format(body, indent=2).decode())
