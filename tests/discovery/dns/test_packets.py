"""Packets from unknown clients: what is not a plain question gets a code or silence, never a crash."""

import random
import struct

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.dns.name_server import NameServer, instance

NAME_SERVER = NameServer(instance("w1", host="10.0.0.1", tags=("blue",)), instance("w2", host="db.example.com"))
NAMES = [
    "web.service.consul",
    "blue.web.service.consul",
    "_web._tcp.service.consul",
    "consul",
    "nobody.consul",
    "x.org",
]


def plain(name: str = "web.service.consul", rdtype: str = "A", **options: object) -> bytes:
    return dns.message.make_query(name, rdtype, **options).to_wire()  # type: ignore[arg-type]


def rcode(answer: bytes | None) -> str:
    assert answer is not None
    return dns.rcode.to_text(dns.message.from_wire(answer).rcode())


def with_flags(packet: bytes, flags: int) -> bytes:
    return packet[:2] + struct.pack("!H", flags) + packet[4:]


def with_counts(packet: bytes, *counts: int) -> bytes:
    return packet[:4] + struct.pack("!HHHH", *counts) + packet[12:]


def test_a_response_is_never_answered() -> None:
    assert NAME_SERVER.exchange(with_flags(plain(), 0x8000)) is None
    answer = NAME_SERVER.exchange(plain())
    assert answer is not None
    assert NAME_SERVER.exchange(answer) is None


@pytest.mark.parametrize("size", range(12))
def test_what_is_shorter_than_a_header_is_not_answered(size: int) -> None:
    assert NAME_SERVER.exchange(plain()[:size]) is None


@pytest.mark.parametrize("size", range(12, 36))
def test_a_question_cut_short_is_malformed(size: int) -> None:
    packet = dns.message.make_query("web.service.consul", "A", use_edns=False).to_wire()
    assert len(packet) == 36
    assert rcode(NAME_SERVER.exchange(packet[:size])) == "FORMERR"


@pytest.mark.parametrize(
    "packet",
    [
        with_counts(plain(), 0, 0, 0, 0),
        with_counts(plain(), 2, 0, 0, 0),
        with_counts(plain(), 1, 1, 0, 0),
        with_counts(plain(), 1, 0, 1, 0),
        with_counts(plain(), 1, 0, 0, 1),
        with_flags(plain(), 0x0200),
        plain() + b"\0",
        plain()[:12] + b"\xc0\x0c\x00\x01\x00\x01",
        plain()[:12] + b"\x41" + b"a" * 65 + b"\0\0\1\0\1",
        plain()[:12] + b"\x3f" * 1 + b"a" * 63 + (b"\x3f" + b"b" * 63) * 3 + b"\0\0\1\0\1",
        with_counts(plain(use_edns=0), 1, 0, 0, 2) + b"\0\0\x29\x10\0\0\0\0\0\0\0",
        with_counts(plain(), 1, 0, 0, 1) + b"\0\0\x29\x10\0\0\0\0\0\0\x05\0",
        with_counts(plain(), 1, 0, 0, 1) + b"\0\0\x29\x10\0\0\0\0\0\0\x05\0\x0a\0\x09x",
        with_counts(plain(), 1, 0, 0, 1) + b"\1x\0\0\x29\x10\0\0\0\0\0\0\0",
    ],
    ids=[
        "no question", "two questions", "an answer", "an authority", "fewer additionals than said", "truncated",
        "trailing bytes", "compressed name", "label of an unknown kind", "name too long", "two OPT records",
        "OPT data cut short", "option longer than its record", "OPT with a name",
    ],
)  # fmt: skip
def test_what_is_not_a_plain_question_is_malformed(packet: bytes) -> None:
    answer = NAME_SERVER.exchange(packet)
    assert rcode(answer) == "FORMERR"
    assert len(answer or b"") == 12


@pytest.mark.parametrize("opcode", range(1, 16))
def test_other_operations_are_not_implemented(opcode: int) -> None:
    answer = NAME_SERVER.exchange(with_flags(plain(), opcode << 11))
    assert answer is not None
    assert (answer[3] & 0xF, answer[2] >> 3 & 0xF) == (dns.rcode.NOTIMP, opcode)


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR", "MAILA", "MAILB"])
@pytest.mark.parametrize("tcp", [False, True])
def test_transfers_are_not_implemented(rdtype: str, tcp: bool) -> None:
    assert rcode(NAME_SERVER.exchange(plain("consul", rdtype), tcp=tcp)) == "NOTIMP"


@pytest.mark.parametrize("rdclass", ["CH", "HS", "ANY"])
def test_other_classes_are_refused(rdclass: str) -> None:
    answer = NAME_SERVER.exchange(plain("web.service.consul", "TXT", rdclass=rdclass))
    assert rcode(answer) == "REFUSED"


def test_the_question_comes_back_in_its_own_case() -> None:
    name = "wEb.SeRVicE.coNSul"
    for _ in range(4):
        answer = NAME_SERVER.exchange(plain(name))
        assert answer is not None
        assert b"\x03wEb\x07SeRVicE\x06coNSul\0" in answer


def test_the_id_and_the_wish_for_recursion_come_back() -> None:
    for flags in (0x0000, 0x0100):
        for _ in range(3):
            packet = struct.pack("!H", random.randrange(65_536)) + with_flags(plain(), flags)[2:]
            answer = NAME_SERVER.exchange(packet)
            assert answer is not None
            assert answer[:2] == packet[:2]
            message = dns.message.from_wire(answer)
            assert bool(message.flags & dns.flags.RD) == bool(flags)
            assert message.flags & dns.flags.AA
            assert not message.flags & dns.flags.RA


def test_a_newer_edns_is_refused_with_the_version_spoken_here() -> None:
    message = dns.message.from_wire(NAME_SERVER.exchange(plain(use_edns=1)) or b"")
    assert message.rcode() == dns.rcode.BADVERS
    assert message.edns == 0
    assert not message.answer


def test_options_are_not_echoed() -> None:
    option = dns.edns.GenericOption("65001", b"12345678")
    cookie = dns.edns.CookieOption(b"abcdefgh", b"")
    message = dns.message.from_wire(NAME_SERVER.exchange(plain(use_edns=0, options=[option, cookie])) or b"")
    assert message.rcode() == dns.rcode.NOERROR
    assert message.options == ()


def test_without_edns_no_opt_record_comes_back() -> None:
    assert dns.message.from_wire(NAME_SERVER.exchange(plain(use_edns=False)) or b"").edns == -1


def test_dnssec_ok_comes_back() -> None:
    message = dns.message.from_wire(NAME_SERVER.exchange(plain(want_dnssec=True)) or b"")
    assert message.ednsflags & dns.flags.DO


def acceptable(packet: bytes, answer: bytes | None) -> None:
    """Silence, or a whole message that answers this packet and is no larger than UDP may be."""
    if answer is None:
        assert len(packet) < 12 or packet[2] & 0x80
        return
    assert answer[:2] == packet[:2]
    assert answer[2] & 0x80
    assert len(answer) <= 1232
    message = dns.message.from_wire(answer, one_rr_per_rrset=True)
    assert not message.question or message.rcode() != dns.rcode.FORMERR
    if message.question:
        assert answer[12:].startswith(packet[12:].split(b"\0")[0])


@given(st.binary(max_size=600))
@settings(max_examples=500, deadline=None)
def test_noise_is_answered_with_a_whole_message_or_not_at_all(packet: bytes) -> None:
    acceptable(packet, NAME_SERVER.exchange(packet))


@given(st.binary(max_size=120))
@settings(max_examples=500, deadline=None)
def test_noise_behind_a_questions_header_is_answered_with_a_whole_message(tail: bytes) -> None:
    packet = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + tail
    acceptable(packet, NAME_SERVER.exchange(packet))


@given(st.data())
@settings(max_examples=1000, deadline=None)
def test_a_damaged_question_is_answered_with_a_whole_message_or_not_at_all(data: st.DataObject) -> None:
    name, rdtype = data.draw(st.sampled_from(NAMES)), data.draw(st.sampled_from(["A", "AAAA", "SRV", "TXT", "SOA"]))
    packet = bytearray(plain(name, rdtype, use_edns=data.draw(st.sampled_from([False, 0]))))
    for _ in range(data.draw(st.integers(1, 4))):
        packet[data.draw(st.integers(2, len(packet) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(packet[: data.draw(st.integers(0, len(packet)))]) if data.draw(st.booleans()) else bytes(packet)
    for _ in range(3):  # the third is answered by the table
        acceptable(damaged, NAME_SERVER.exchange(damaged))


@given(
    labels=st.lists(st.binary(min_size=1, max_size=63), max_size=12),
    domain=st.sampled_from([b"\6consul\0", b"\x08internal\0"]),
    rdtype=st.integers(0, 65_535),
)
@settings(max_examples=1000, deadline=None)
def test_any_name_below_the_domain_gets_an_honest_code(labels: list[bytes], domain: bytes, rdtype: int) -> None:
    name = b"".join(bytes([len(label)]) + label for label in labels) + domain
    packet = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + struct.pack("!HH", rdtype, 1)
    answer = NAME_SERVER.exchange(packet)
    assert answer is not None
    message = dns.message.from_wire(answer, one_rr_per_rrset=True)
    assert message.rcode() in (dns.rcode.NXDOMAIN, dns.rcode.NOERROR, dns.rcode.FORMERR, dns.rcode.NOTIMP)


def test_an_answer_to_nothing_is_not_much_larger_than_the_question() -> None:
    # An attacker who forges the sender's address must gain little by asking here.
    for name in ("example.com", "nobody.service.consul"):
        packet = plain(name, use_edns=0)
        answer = NAME_SERVER.exchange(packet)
        assert answer is not None
        assert len(answer) <= len(packet) + 64
