"""Answer as: what a client in a region is answered right now, in each dialect over HTTP and over DNS.

Nothing here decides anything: the query is answered and rendered as the dialect does it, with the chosen region as
home. What this process knows of another region may be older than what that region knows of itself, and distances are
those from here.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any
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
from discovery.dns.dialect import WORDLESS
from discovery.dns.message import Prepared
from discovery.dns.names import name_of, route
from discovery.dns.question import read
from discovery.dns.reads import Finding, find
from discovery.dns.responder import prepare
from discovery.dns.shapes import Naming
from discovery.dns.zone import LARGEST, Zone
from discovery.http import parameters
from discovery.web.dialect import Dialect, Example, HttpDialect

LONGEST_SHOWN = 10_000  # bytes of a body that is not JSON
SHOWN = 10  # instances or records of an answer that are written out
CLIENT = "127.0.0.1"  # with a limit each client has a share of its own: this is the one of a client here
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
TYPES = (RdataType.A, RdataType.SRV)
DULL_HEADERS = frozenset({b"content-length", b"etag"})


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
        """Path and query string in the native dialect, whose parameters a person fills in."""
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
    """`body` is what is sent; `text` the beginning of it, made easy to read, without the last `hidden` instances.

    `returned` counts the instances where the body is a list of them.
    """

    title: str
    curl: str
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""
    hidden: int = 0
    returned: int | None = None
    left_out: str = ""


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


def over_http(
    dialects: Iterable[Dialect], view: View, asking: Asking, now: float, *, base: str, token: bool
) -> list[HttpAnswer]:
    """What each dialect over HTTP answers in that region; `base` and `token` are for the commands that ask the same."""
    asked = [dialect for dialect in dialects if isinstance(dialect, HttpDialect)]
    return [by_http(dialect, view, asking, now, base=base, token=token) for dialect in asked]


def by_http(
    dialect: HttpDialect, view: View, asking: Asking, now: float, *, base: str = "", token: bool = False
) -> HttpAnswer:
    """What the dialect answers. A question that breaks a rule is asked in the words that were filled in."""
    try:
        query = asking.query
    except CatalogError as error:
        reply = dialect.error(error)
        command = curl(dialect, Example(f"GET {asking.target}"), base, token=token)
        return HttpAnswer(
            title=dialect.title, curl=command, status=reply.status, body=reply.body, text=_readable(reply.body)
        )
    example = dialect.example(query)
    encoded = Encoded(dialect.lookup(query).render(view, now), dialect)
    listed = _list_in(encoded.body)
    shown = encoded.body if listed is None else msgspec.json.encode(listed[:SHOWN])
    return HttpAnswer(
        title=dialect.title,
        curl=curl(dialect, example, base, token=token),
        status=encoded.status,
        body=encoded.body,
        headers=tuple(
            (name.decode(), value.decode()) for name, value in encoded.start["headers"] if name not in DULL_HEADERS
        ),
        text=_readable(shown),
        hidden=max(0, len(listed or ()) - SHOWN),
        returned=None if listed is None else len(listed),
        left_out=_joined(example.left_out),
    )


def by_dns(view: View, asking: Asking, zone: Zone, now: float) -> tuple[DnsAnswer, ...]:
    """The answers to a resolver in the zone's region, for each type of record that a client may ask for."""
    try:
        name = name_of(asking.service, zone.domains[0], tag=asking.tag, namespace=asking.namespace)
    except Invalid as error:
        return (DnsAnswer(type="A", problem=str(error)),)
    packets = [dns.message.make_query(name, type, use_edns=0, payload=zone.payload, id=0).to_wire() for type in TYPES]
    split = zone.split(read(packets[0]).labels)
    if split is None:
        return (DnsAnswer(type="A", problem="the name lies outside the domains that DNS answers for"),)
    found = find(view, route(split[0]), local=zone.region, now=now)
    return tuple(_answer(packet, found, zone, name) for packet in packets)


def left_out(asking: Asking) -> str:
    """What of the question DNS has no words for."""
    return _joined([word for word in WORDLESS if getattr(asking, word, "")])


def curl(dialect: HttpDialect, example: Example, base: str, *, token: bool) -> str:
    """The command that asks the region's server the same."""
    method, _, target = example.line.partition(" ")
    words = ["curl"] if method == "GET" else ["curl", "-X", method]
    if token:
        words += ["-H", f'"{dialect.token_header}"']
    for header in example.headers:
        words += ["-H", shlex.quote(header)]
    if example.body:
        words += ["-d", shlex.quote(example.body)]
    return " ".join([*words, shlex.quote(base + target)])


def dig(answer: DnsAnswer, server: str, port: int) -> str:
    """The command that asks the region's DNS the same."""
    return f"dig @{server} -p {port} {shlex.quote(answer.name)} {answer.type}"


def _answer(packet: bytes, found: Finding, zone: Zone, name: dns.name.Name) -> DnsAnswer:
    question = read(packet)
    split = zone.split(question.labels)
    domain = split[1] if split else ()
    prepared = prepare(found, question, zone, Naming.of(question.name, domain))
    _, truncated = message.body(question, prepared, zone.payload, zone.payload)
    # Which records come first is drawn by lot each time. Here they stay where they are, to be readable.
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


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _list_in(body: bytes) -> list[Any] | None:
    """The list that a body is, when it is JSON's."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if isinstance(found, list) else None


def _readable(body: bytes) -> str:
    """A body for people. What would turn the direction of the text around is written as an escape, as JSON may."""
    try:
        body = msgspec.json.format(body, indent=2)
    except msgspec.DecodeError:  # it is not JSON
        body = body[:LONGEST_SHOWN]
    return TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", body.decode(errors="replace"))
