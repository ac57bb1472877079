"""A packet read as a question.

Every byte here comes from a stranger, usually under a forged address. The reader takes exactly what a plain query
is (one question, at most one OPT record) and nothing else, and it never answers a response: two servers that do
can be made to talk to each other for ever.
"""

import struct
from dataclasses import dataclass

from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from discovery.dns.zone import Labels

HEADER = struct.Struct("!HHHHHH")  # id, flags, and the counts of questions, answers, authorities, additionals
RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of the data
QR, OPCODE, TC, RD = 0x8000, 0x7800, 0x0200, 0x0100
LONGEST_NAME = 255  # RFC 1035 §2.3.4
POINTER = 0xC0
TRANSFERS = frozenset({RdataType.AXFR, RdataType.IXFR, RdataType.MAILA, RdataType.MAILB})
DNSSEC_OK = 0x8000  # in the OPT record's flags, RFC 3225


class Ignored(Exception):
    """The packet gets no answer at all: it is too short for one, or is itself a response."""


class Rejected(Exception):
    """The packet is answered with a bare code."""

    def __init__(self, rcode: Rcode) -> None:
        super().__init__(rcode.name)
        self.rcode = rcode


@dataclass(frozen=True, slots=True)
class Edns:
    """What the OPT record said, RFC 6891: the largest UDP message the asker takes, in bytes, and two flags."""

    payload: int
    version: int
    dnssec_ok: bool


@dataclass(frozen=True, slots=True)
class Question:
    """`name` is the wire form with the case as sent, which the answer must echo; `labels` are folded."""

    name: bytes
    labels: Labels
    rdtype: int
    rdclass: int
    recursion_desired: bool
    edns: Edns | None


def read(packet: bytes) -> Question:
    """The question that a packet asks. Raises Ignored or Rejected."""
    if len(packet) < HEADER.size:
        raise Ignored
    _, flags, questions, answers, authorities, additionals = HEADER.unpack_from(packet)
    if flags & QR:
        raise Ignored
    if flags & OPCODE:
        raise Rejected(Rcode.NOTIMP)
    if questions != 1 or flags & TC:
        raise Rejected(Rcode.FORMERR)
    name, labels, end = _name(packet)
    if len(packet) < end + 4:
        raise Rejected(Rcode.FORMERR)
    rdtype, rdclass = struct.unpack_from("!HH", packet, end)
    if rdtype in TRANSFERS:  # before the counts: IXFR carries an authority record
        raise Rejected(Rcode.NOTIMP)
    if answers or authorities or rdtype in (0, RdataType.OPT) or rdclass == RdataClass.NONE:
        raise Rejected(Rcode.FORMERR)
    edns = _edns(packet, end + 4, additionals)
    return Question(name, labels, rdtype, rdclass, bool(flags & RD), edns)


def _name(packet: bytes) -> tuple[bytes, Labels, int]:
    """The question's name. A first name has nothing before it to point to, so compression is an error."""
    labels, at = [], HEADER.size
    while True:
        if at >= len(packet):
            raise Rejected(Rcode.FORMERR)
        length = packet[at]
        if length == 0:
            break
        if length >= 0x40 or at + 1 + length >= len(packet):
            raise Rejected(Rcode.FORMERR)
        # Latin-1 keeps each byte one character, and bytes.lower folds ASCII alone, as RFC 4343 has it.
        labels.append(packet[at + 1 : at + 1 + length].lower().decode("latin-1"))
        at += 1 + length
    name = packet[HEADER.size : at + 1]
    if len(name) > LONGEST_NAME:
        raise Rejected(Rcode.FORMERR)
    return name, tuple(labels), at + 1


def _edns(packet: bytes, at: int, records: int) -> Edns | None:
    """What follows the question: records that must be whole and fill the packet, among them at most one OPT."""
    edns: Edns | None = None
    for _ in range(records):
        start, at = at, _past_name(packet, at)
        if len(packet) < at + RECORD.size:
            raise Rejected(Rcode.FORMERR)
        rdtype, rdclass, ttl, length = RECORD.unpack_from(packet, at)
        at += RECORD.size + length
        if rdtype == RdataType.OPT:
            if edns is not None or packet[start] != 0:
                raise Rejected(Rcode.FORMERR)
            _check_options(packet[at - length : at], length)
            edns = Edns(rdclass, (ttl >> 16) & 0xFF, bool(ttl & DNSSEC_OK))
    if at != len(packet):
        raise Rejected(Rcode.FORMERR)
    return edns


def _check_options(data: bytes, length: int) -> None:
    """Options are not looked at, but they must be whole."""
    at = 0
    while at + 4 <= len(data):
        at += 4 + int.from_bytes(data[at + 2 : at + 4], "big")
    if at != length:
        raise Rejected(Rcode.FORMERR)


def _past_name(packet: bytes, at: int) -> int:
    while at < len(packet):
        length = packet[at]
        if length == 0:
            return at + 1
        if length >= POINTER:
            return at + 2
        if length >= 0x40:
            break
        at += 1 + length
    raise Rejected(Rcode.FORMERR)
