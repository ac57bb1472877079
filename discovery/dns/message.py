"""Messages: records put together as bytes that fit.

Records are encoded once (`Prepared`); a message only joins them in some order. So a name's answers can be had in many
orders and for every size that askers offer without encoding anything twice.
"""

import random
import struct
from collections.abc import Sequence

import msgspec
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from discovery.dns.question import DNSSEC_OK, HEADER, QR, RD, TC, Edns, Question
from discovery.dns.reads import Dependency
from discovery.dns.shapes import Record

AA = 0x0400
EXTENDED_ERROR = 15  # the option's code, RFC 8914
POINTER_REACH = 0x4000  # a pointer has 14 bits
MOST_ORDERS = 16  # kept of one answer: enough to spread load, few enough to make quickly


class Prepared(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer to (name, type) before it is put in an order. `authority` is the SOA record of a negative one.

    `one_of` says that the answers are alternatives, one at a time. `note` is an extended error (RFC 8914).
    `kept` is false for what must be found out again each time.
    """

    rcode: Rcode
    answers: tuple[Record, ...] = ()
    authority: bytes = b""
    authoritative: bool = True
    one_of: bool = False
    note: tuple[int, str] | None = None
    depends: frozenset[Dependency] = frozenset()
    valid_until: float | None = None
    kept: bool = True


def bare(packet: bytes, rcode: Rcode) -> bytes:
    """A header that says what was wrong with a packet that could not be read."""
    ident, flags, *_ = HEADER.unpack_from(packet)
    # The opcode goes back as it came, RFC 1035 §4.1.1.
    return HEADER.pack(ident, QR | (flags & 0x7800) | (flags & RD) | rcode, 0, 0, 0, 0)


def bodies(question: Question, prepared: Prepared, payload: int, room: int) -> list[bytes]:
    """The same answer in several orders, for answering many equal packets one after the other.

    Every record stands first equally often when there are at most MOST_ORDERS; of more, each order starts at another
    place in one shuffled circle, so that what a truncated answer shows is spread evenly.
    """
    count = len(prepared.answers)
    circle = random.sample(range(count), count)
    orders = max(1, min(count, MOST_ORDERS))
    starts = (number * count // orders for number in range(orders))
    return [_body(question, prepared, circle[start:] + circle[:start], payload, room)[0] for start in starts]


def body(question: Question, prepared: Prepared, payload: int, room: int) -> tuple[bytes, bool]:
    """One message without its id, and whether it is cut short.

    `payload` is what this server takes and says so, `room` how long the message may be with its id, in bytes.
    """
    count = len(prepared.answers)
    return _body(question, prepared, random.sample(range(count), count), payload, room)


def _body(question: Question, prepared: Prepared, order: Sequence[int], payload: int, room: int) -> tuple[bytes, bool]:
    opt = _opt(question.edns, prepared, payload) if question.edns else b""
    ask = question.name + struct.pack("!HH", question.rdtype, question.rdclass)
    chosen, placed, size = [], [], HEADER.size + len(ask)
    left = room - len(opt)
    for number in order[:1] if prepared.one_of else order:
        record = prepared.answers[number]
        if size + len(record.wire) > left:
            break
        chosen.append(record)
        placed.append(size)
        size += len(record.wire)
    truncated = len(chosen) < (1 if prepared.one_of else len(prepared.answers))
    # What is added about the targets is a courtesy: it is left out when it does not fit, and TC says nothing of it.
    extras = [] if truncated else _extras(chosen, placed, left - size - len(prepared.authority))
    header = struct.pack(
        "!HHHHH",
        QR
        | (AA if prepared.authoritative else 0)
        | (TC if truncated else 0)
        | (RD if question.recursion_desired else 0)
        | (prepared.rcode & 0xF),
        1,
        len(chosen),
        1 if prepared.authority else 0,
        len(extras) + (1 if opt else 0),
    )
    records = b"".join(record.wire for record in chosen)
    return header + ask + records + prepared.authority + b"".join(extras) + opt, truncated


def _extras(chosen: list[Record], placed: list[int], left: int) -> list[bytes]:
    """Records about the names in the answers' data, each once, as many as fit in `left` bytes."""
    extras, seen = [], set[bytes]()
    for record, start in zip(chosen, placed, strict=True):
        if not record.extra or record.extra in seen:
            continue
        at = start + record.at
        owner = struct.pack("!H", 0xC000 | at) if at < POINTER_REACH else record.wire[record.at :]
        left -= len(owner) + len(record.extra)
        if left < 0:
            break
        seen.add(record.extra)
        extras.append(owner + record.extra)
    return extras


def _opt(edns: Edns, prepared: Prepared, payload: int) -> bytes:
    """This server's OPT record: its own size, version 0, and none of the asker's options."""
    data = b""
    if prepared.note:
        code, text = prepared.note
        words = struct.pack("!H", code) + text.encode()
        data = struct.pack("!HH", EXTENDED_ERROR, len(words)) + words
    flags = (prepared.rcode >> 4) << 24 | (DNSSEC_OK if edns.dnssec_ok else 0)
    return b"\0" + struct.pack("!HHIH", RdataType.OPT, payload, flags, len(data)) + data
