"""What fits, what is cut, and that a cut is said."""

from collections import Counter

import dns.flags
import dns.message
import pytest

from tests.harness.dns.name_server import NameServer, added, data, instance


def many(count: int, **fields: object) -> NameServer:
    return NameServer(
        *(instance(f"w{number}", host=f"10.1.{number // 250}.{number % 250 + 1}", **fields) for number in range(count))
    )


@pytest.mark.parametrize(
    ("payload", "most"),
    [(None, 512), (0, 512), (100, 512), (512, 512), (900, 900), (1232, 1232), (4096, 1232), (65_535, 1232)],
)
@pytest.mark.parametrize("rdtype", ["A", "SRV", "TXT"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_datagram_is_no_longer_than_both_sides_take(payload: int | None, most: int, rdtype: str, times: int) -> None:
    answer = many(100).ask("web.service.consul", rdtype, payload=payload, times=times)
    size = len(answer.to_wire()) if answer.wire is None else len(answer.wire)
    assert size <= most
    assert answer.flags & dns.flags.TC
    record = {"A": 16, "SRV": 50, "TXT": 140}[rdtype]
    assert size > most - 2 * record - 40, "room was left unused"


def test_an_answer_that_fits_is_not_marked() -> None:
    answer = many(25).ask("web.service.consul", payload=None)
    assert len(data(answer)) == 25
    assert not answer.flags & dns.flags.TC


@pytest.mark.parametrize("rdtype", ["A", "SRV", "TXT"])
def test_over_tcp_nothing_is_cut(rdtype: str) -> None:
    answer = many(500).ask("web.service.consul", rdtype, tcp=True)
    assert len(data(answer)) == 500
    assert not answer.flags & dns.flags.TC


def test_over_tcp_addresses_stand_beyond_the_reach_of_compression() -> None:
    answer = many(500).ask("web.service.consul", "SRV", tcp=True)
    assert len(added(answer)) == 500


def test_what_does_not_even_fit_tcp_is_marked() -> None:
    name_server = NameServer(
        *(instance(f"w{number}", metadata={f"k{key}": "x" * 200 for key in range(4)}) for number in range(90))
    )
    answer = name_server.ask("web.service.consul", "TXT", tcp=True)
    assert answer.flags & dns.flags.TC
    assert 0 < len(data(answer)) < 90


def test_addresses_that_do_not_fit_are_left_out_silently() -> None:
    name_server = many(8)
    answer = name_server.ask("web.service.consul", "SRV", payload=None)
    assert len(data(answer)) == 8
    assert 0 < len(added(answer)) < 8
    assert not answer.flags & dns.flags.TC


def test_a_cut_answer_shows_every_instance_equally_often() -> None:
    name_server = many(60)
    seen = Counter[str]()
    for _ in range(40):
        name_server.now += 1  # each second another part is shown
        name_server.table.expire(name_server.now)
        for _ in range(16):
            seen.update(data(name_server.ask("web.service.consul", payload=None)))
    shown = sum(seen.values()) / 60
    assert len(seen) == 60
    assert min(seen.values()) > shown * 0.7
    assert max(seen.values()) < shown * 1.3


def test_of_many_that_fit_everyone_is_first_in_time() -> None:
    name_server = many(40)
    firsts = set[str]()
    for _ in range(60):
        name_server.now += 1
        name_server.table.expire(name_server.now)
        for _ in range(16):
            answer = name_server.ask("web.service.consul")
            assert len(data(answer)) == 40
            firsts.add(answer.answer[0][0].to_text())
    assert len(firsts) == 40


def test_two_sizes_have_their_own_answers() -> None:
    name_server = many(60)
    for _ in range(3):
        assert name_server.ask("web.service.consul", payload=None).flags & dns.flags.TC
        assert not name_server.ask("web.service.consul", payload=1232).flags & dns.flags.TC


def test_the_servers_size_is_what_it_was_told() -> None:
    name_server = NameServer(*(instance(f"w{number}") for number in range(200)), payload=2048)
    answer = name_server.ask("web.service.consul", payload=4096)
    assert answer.payload == 2048
    assert 1232 < len(answer.wire or b"") <= 2048
