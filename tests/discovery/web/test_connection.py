"""Connections: whatever the shorter ways leave out, a client must not be able to tell, except by the clock."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.frames import Close
from websockets.sync.client import ClientConnection, connect

from discovery import plane
from discovery.web.http1 import connection
from discovery.web.problems import TYPE
from tests.harness.discovery.serving import PATIENT, Door, Raw, echo, get, request
from tests.harness.probes import CERTIFICATE, CERTIFICATE_KEY

LOOKUP = get("/services/web")
UPGRADE = (
    "connection: Upgrade, HTTP2-Settings",
    "upgrade: h2c",
    "http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
)
WEBSOCKET = (
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
)
WAYS_ROUND = 3  # the first time an answer is made, the second time the request is learned, the third time it is known


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grants are remembered until a test says otherwise: an answer that took the long way has a request id more."""
    monkeypatch.setattr(plane, "REMEMBERED", 3600.0)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A server of a region with one instance."""
    with Door(tmp_path, otherwise=echo) as running:
        running.do(running.world.put("web", "a"))
        yield running


def ids(answer: Raw) -> list[str]:
    assert answer.status == 200, answer.whole
    return [instance["id"] for instance in answer.json()]


def assert_problem(answer: Raw, status: int, slug: str) -> None:
    assert answer.status == status, answer.whole
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["type"], answer.json()["status"]) == (TYPE + slug, status)


# Requests known by their bytes


def test_a_request_that_is_known_gets_the_same_bytes_as_on_the_long_way(door: Door) -> None:
    door.ask(get("/services/web", "accept: */*"))  # an answer is at hand; of this request nothing is known
    with door.connect() as line:
        line.send(LOOKUP)
        before = line.answer()
        assert door.knows(LOOKUP)
        line.send(LOOKUP)
        assert line.answer().whole == before.whole


def test_a_known_request_is_answered_with_the_date_of_now(door: Door) -> None:
    was = door.learn(LOOKUP)
    [*_, last] = door.connections
    last.server_state.default_headers = [(b"date", b"Tue, 03 Jan 2040 00:00:00 GMT")]
    now = door.ask(LOOKUP)
    assert now.headers == {**was.headers, "date": "Tue, 03 Jan 2040 00:00:00 GMT"}


def test_after_a_change_a_known_request_gets_the_new_answer(door: Door) -> None:
    with door.connect() as line:
        for number in range(3):
            assert ids(door.learn(LOOKUP)) == ["a", *(f"b{n}" for n in range(number))]
            door.do(door.world.put("web", f"b{number}"))
            assert not door.knows(LOOKUP)
            line.send(LOOKUP)
            assert len(ids(line.answer())) == number + 2


def test_a_service_that_is_gone_is_404_for_a_known_request(door: Door) -> None:
    door.learn(LOOKUP)
    door.do(door.world.remove("web", "a"))
    assert door.ask(LOOKUP).status == 404


def test_a_change_elsewhere_leaves_a_request_known(door: Door) -> None:
    door.learn(LOOKUP)
    door.do(door.world.put("shop", "a"))
    assert door.knows(LOOKUP)


def test_a_request_with_a_token_is_known_until_the_token_is_revoked(tmp_path: Path) -> None:
    with Door(tmp_path, is_open=False) as closed:
        closed.do(closed.world.put("web", "a"))
        secret = closed.world.token("reader", "read")["authorization"]
        shown = get("/services/web", f"authorization: {secret}")
        assert ids(closed.learn(shown)) == ["a"]
        closed.world.entries[0] = msgspec.structs.replace(closed.world.entries[0], revoked_at=closed.world.now)
        closed.world.tokens.reload()
        closed.do(_refreshed(closed))
        assert_problem(closed.ask(shown), 401, "unauthenticated")


async def _refreshed(door: Door) -> None:
    door.world.plane.access.refresh()


def test_nobody_without_a_token_profits_from_what_was_learned_from_one_with_it(tmp_path: Path) -> None:
    with Door(tmp_path, is_open=False) as closed:
        closed.do(closed.world.put("web", "a"))
        secret = closed.world.token("reader", "read")["authorization"]
        closed.learn(get("/services/web", f"authorization: {secret}"))
        for _ in range(WAYS_ROUND):
            assert_problem(closed.ask(LOOKUP), 401, "unauthenticated")
        assert not closed.knows(LOOKUP)


def test_a_foreign_host_is_refused_however_often_it_is_named(door: Door) -> None:
    door.learn(LOOKUP)
    foreign = get("/services/web", host="evil.example")
    for _ in range(WAYS_ROUND):
        assert_problem(door.ask(foreign), 403, "forbidden")
    assert not door.knows(foreign)


def test_what_the_client_has_already_is_304_until_it_changes(door: Door) -> None:
    having = get("/services/web", f"if-none-match: {door.learn(LOOKUP).headers['etag']}")
    first = door.ask(having)
    known = door.learn(having)
    assert (known.status, known.body, known.whole) == (304, b"", first.whole)
    door.do(door.world.put("web", "b"))
    assert ids(door.ask(having)) == ["a", "b"]


def test_a_request_id_is_sent_back_each_time(door: Door) -> None:
    door.learn(LOOKUP)
    for _ in range(WAYS_ROUND):
        assert door.ask(get("/services/web", "x-request-id: seven")).headers["x-request-id"] == "seven"


def test_head_is_answered_without_a_body_each_time(door: Door) -> None:
    length = len(door.learn(LOOKUP).body)
    with door.connect() as line:
        for _ in range(WAYS_ROUND):
            line.send(request("HEAD", "/services/web"))
            assert line.answer("HEAD").headers["content-length"] == str(length)
        line.send(LOOKUP)
        assert ids(line.answer()) == ["a"]


def test_a_personal_answer_is_never_known_by_bytes(door: Door) -> None:
    limited = get("/services/web?limit=1")
    for _ in range(WAYS_ROUND):
        assert ids(door.ask(limited)) == ["a"]
    assert not door.knows(limited)


@pytest.mark.parametrize("header", ["range: bytes=0-1", "expect: 100-continue", "upgrade: h2c", "x-request-id: a"])
def test_what_a_header_may_change_is_never_known_by_bytes(door: Door, header: str) -> None:
    door.learn(LOOKUP)
    told = get("/services/web", header)
    for _ in range(WAYS_ROUND):
        door.ask(told)
    assert not door.knows(told)


def test_two_requests_in_one_packet_are_two_answers_and_are_not_learned_as_one(door: Door) -> None:
    once = door.learn(LOOKUP)
    with door.connect() as line:
        for _ in range(WAYS_ROUND):
            line.packets(LOOKUP + LOOKUP)
            assert [line.answer().whole, line.answer().whole] == [once.whole, once.whole]
    assert not door.knows(LOOKUP + LOOKUP)


def test_a_known_request_behind_one_that_waits_is_answered_after_it(door: Door) -> None:
    known = door.learn(LOOKUP)
    index = known.headers["meridian-index"]
    with door.connect() as line:
        line.packets(get(f"/services/web?index={index}&wait=5m"))
        door.do(door.world.parked(1))
        line.packets(LOOKUP)
        door.do(door.world.put("web", "b"))
        waited, after = line.answer(), line.answer()
    assert ids(waited) == ids(after) == ["a", "b"]


@pytest.mark.parametrize("cut", range(1, len(LOOKUP)))
def test_a_known_request_in_two_packets_gets_the_same_answer(shared: Door, cut: int) -> None:
    known = shared.learn(LOOKUP)
    with shared.connect() as line:
        line.packets(LOOKUP[:cut], LOOKUP[cut:])
        assert line.answer().whole == known.whole


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server for tests that only ask."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plane, "REMEMBERED", 3600.0)
        with Door(tmp_path_factory.mktemp("shared"), otherwise=echo) as running:
            running.do(running.world.put("web", "a"))
            yield running


# No confusion: what is a body for one must not be a request for the other


def test_a_body_with_the_bytes_of_a_known_request_is_a_body(door: Door) -> None:
    door.learn(LOOKUP)
    with door.connect() as line:
        line.packets(request("PUT", "/echo", f"content-length: {len(LOOKUP)}"), LOOKUP)
        told = line.answer().json()
        assert (told["method"], told["path"], told["body"]) == ("PUT", "/echo", LOOKUP.decode())
        line.send(request("GET", "/echo"))
        assert line.answer().json()["method"] == "GET"


def test_the_body_of_a_get_is_no_request(door: Door) -> None:
    door.learn(LOOKUP)
    with door.connect() as line:
        line.packets(get("/services/web", f"content-length: {len(LOOKUP)}"), LOOKUP, get("/echo", "connection: close"))
        assert ids(line.answer()) == ["a"]
        assert line.answer().json()["path"] == "/echo"
        assert line.rest() == b""


def test_a_chunk_with_the_bytes_of_a_known_request_is_a_chunk(door: Door) -> None:
    door.learn(LOOKUP)
    with door.connect() as line:
        head = request("PUT", "/echo", "transfer-encoding: chunked")
        line.packets(head + b"%x\r\n" % len(LOOKUP), LOOKUP, b"\r\n0\r\n\r\n")
        assert line.answer().json()["body"] == LOOKUP.decode()


def test_what_comes_after_the_last_chunk_is_no_header(door: Door) -> None:
    with door.connect() as line:
        head = request("PUT", "/echo", "transfer-encoding: chunked", "x-first: 1")
        line.packets(head + b"3\r\nabc\r\n0\r\n", b"x-last: 1\r\nexpect: 100-continue\r\n\r\n", get("/echo"))
        told = line.answer().json()
        assert told["body"] == "abc"
        assert "x-first" in told["headers"]
        assert not {"x-last", "expect"} & set(told["headers"])
        assert line.answer().json()["method"] == "GET"


def test_half_a_head_followed_by_a_known_request_is_one_head(door: Door) -> None:
    door.learn(LOOKUP)
    with door.connect() as line:
        # What looks like the first line of a request is a header without a name here.
        line.packets(b"GET /echo HTTP/1.1\r\nhost: localhost\r\nx: ", LOOKUP)
        assert line.answer().json()["path"] == "/echo"


@pytest.mark.parametrize(
    "framing",
    [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked, identity",
        "content-length: +5",
        "content-length: 5, 5",
        "content-length : 5",
    ],
)
def test_a_body_whose_end_is_a_matter_of_opinion_is_refused(door: Door, framing: str) -> None:
    door.learn(LOOKUP)
    with door.connect() as line:
        line.packets(request("PUT", "/echo", framing))
        assert_problem(line.answer(), 400, "malformed")
        assert line.rest() == b""


# Versions, and other protocols that are offered


def test_http_1_0_is_answered_and_the_connection_ends(door: Door) -> None:
    door.learn(LOOKUP)
    old = LOOKUP.replace(b"HTTP/1.1", b"HTTP/1.0")
    for _ in range(WAYS_ROUND):
        with door.connect() as line:
            line.send(old)
            answer = line.answer()
            assert (ids(answer), answer.headers["connection"]) == (["a"], "close")
            assert line.rest() == b""


def test_connection_close_is_kept(door: Door) -> None:
    for _ in range(WAYS_ROUND):
        with door.connect() as line:
            line.send(get("/services/web", "connection: close"))
            assert line.answer().headers["connection"] == "close"
            assert line.rest() == b""


RENEWAL = request("PUT", "/services/web/a/renew")  # of an instance without a lease: it is answered at once


def old(target: str, method: str = "GET") -> bytes:
    """A request of HTTP/1.0 that would like the connection to go on, as it does not."""
    return request(method, target, "connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")


@pytest.mark.parametrize(
    "last", [request("PUT", "/services/web/a/renew", "connection: close"), old("/services/web/a/renew", "PUT")]
)
def test_what_stands_behind_the_last_request_in_the_same_packet_is_not_done(door: Door, last: bytes) -> None:
    with door.connect() as line:
        line.packets(last + RENEWAL)
        answer = line.answer()
        assert (answer.status, answer.headers["connection"]) == (204, "close")
        assert line.rest() == b""
    assert door.world.plane.renewed == 1


@pytest.mark.parametrize("behind", [b"\0\0\0", LOOKUP[:20]])
def test_what_stands_behind_the_last_request_does_not_stand_in_the_way_of_its_answer(
    door: Door, monkeypatch: pytest.MonkeyPatch, behind: bytes
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    index = door.learn(LOOKUP).headers["meridian-index"]
    with door.connect() as line:
        line.packets(old(f"/services/web?index={index}&wait=5m"), behind)
        door.do(door.world.parked(1))
        time.sleep(4 * connection.PATIENCE)
        door.do(door.world.put("web", "b"))
        assert ids(line.answer()) == ["a", "b"]
        assert line.rest() == b""


def test_keep_alive_in_so_many_words_is_known_too(door: Door) -> None:
    assert ids(door.learn(get("/services/web", "connection: Keep-Alive"))) == ["a"]


def test_an_offer_of_http_2_is_answered_in_http_1_and_the_connection_goes_on(door: Door) -> None:
    with door.connect() as line:
        for _ in range(WAYS_ROUND):
            line.packets(get("/services/web", *UPGRADE))
            assert ids(line.answer()) == ["a"]
        line.send(LOOKUP)
        assert ids(line.answer()) == ["a"]


def test_an_offer_of_http_2_with_a_body_loses_none_of_it(door: Door) -> None:
    with door.connect() as line:
        for parts in ((b'{"host": "10.0.1.5"}',), (b'{"host": ', b'"10.0.1.5"}')):
            size = len(b"".join(parts))
            line.packets(request("PUT", "/echo", *UPGRADE, f"content-length: {size}"), *parts)
            assert line.answer().json()["body"] == '{"host": "10.0.1.5"}'
        line.packets(request("PUT", "/echo", *UPGRADE, body=b"in one packet"))
        assert line.answer().json()["body"] == "in one packet"
        line.send(LOOKUP)
        assert ids(line.answer()) == ["a"]


def test_what_stands_behind_an_offer_of_http_2_in_the_same_packet_is_answered(door: Door) -> None:
    with door.connect() as line:
        line.packets(get("/services/web", *UPGRADE) + get("/echo", *UPGRADE) + get("/echo"))
        assert ids(line.answer()) == ["a"]
        assert [line.answer().json()["path"], line.answer().json()["path"]] == ["/echo", "/echo"]


def test_a_client_that_asks_whether_to_go_on_is_told_to(door: Door) -> None:
    with door.connect() as line:
        line.send(request("PUT", "/echo", "expect: 100-continue", "content-length: 4"))
        assert line.answer().status == 100
        line.send(b"body")
        assert line.answer().json()["body"] == "body"


# Limits


def test_a_head_without_end_is_refused(door: Door) -> None:
    with door.connect() as line:
        line.packets(b"GET /services/web HTTP/1.1\r\n" + b"x: y\r\n" * 10_000, b"z: " + b"z" * 8_000)
        assert_problem(line.answer(), 431, "large-head")
        assert line.rest() == b""


def test_half_a_head_behind_a_large_body_is_a_small_head(door: Door) -> None:
    body = b"x" * (connection.LARGEST_HEAD + 1)
    with door.connect() as line:
        head, rest = LOOKUP[:9], LOOKUP[9:]
        line.packets(request("PUT", "/echo", body=body) + head, rest)
        assert line.answer().json()["body"] == body.decode()
        assert ids(line.answer()) == ["a"]


def test_a_head_that_is_just_small_enough_is_read_in_many_packets(door: Door) -> None:
    filling = [b"x-%d: " % number + b"y" * 6_000 + b"\r\n" for number in range(10)]
    with door.connect() as line:
        line.packets(b"GET /services/web HTTP/1.1\r\nhost: localhost\r\n", *filling, b"\r\n")
        assert ids(line.answer()) == ["a"]


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"\0" * 40, b"GET\r\n\r\n", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"],
)
def test_what_is_not_http_is_told_so(door: Door, garbage: bytes) -> None:
    with door.connect() as line:
        line.send(garbage)
        assert_problem(line.answer(), 400, "malformed")
        assert line.rest() == b""


@pytest.mark.parametrize(
    "first",
    [
        b"GET http://a HTTP/1.1",
        b"GET http://a:99999/ HTTP/1.1",
        b"CONNECT host:443 HTTP/1.1",
        b"CONNECT / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket",
    ],
)
def test_a_target_that_means_nothing_here_is_told_so(door: Door, first: bytes) -> None:
    with door.connect() as line:
        line.send(first + b"\r\nhost: localhost\r\n\r\n")
        assert_problem(line.answer(), 400, "malformed")
        assert line.rest() == b""


def test_garbage_behind_a_request_does_not_stand_in_the_way_of_its_answer(door: Door) -> None:
    index = door.learn(LOOKUP).headers["meridian-index"]
    with door.connect() as line:
        line.packets(get(f"/services/web?index={index}&wait=5m"))
        door.do(door.world.parked(1))
        line.packets(b"\0\0\0")
        assert line.rest() == b""  # an answer to the garbage would be taken for that to the request
        door.do(door.world.parked(0))


def test_half_a_head_is_waited_for_only_so_long(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with door.connect() as line:
        line.send(LOOKUP[:20])
        assert_problem(line.answer(), 408, "too-slow")
        assert line.rest() == b""


def test_half_a_head_after_a_known_request_is_waited_for_only_so_long(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.learn(LOOKUP)
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with door.connect() as line:
        line.packets(LOOKUP, LOOKUP[:20])
        assert ids(line.answer()) == ["a"]
        assert_problem(line.answer(), 408, "too-slow")


def test_half_a_head_behind_requests_that_wait_is_waited_for_only_so_long(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = door.learn(LOOKUP).headers["meridian-index"]
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with door.connect() as line:
        line.packets(get(f"/services/web?index={index}&wait=5m"))
        door.do(door.world.parked(1))
        line.packets(get("/echo") + LOOKUP[:20])
        assert door.connections[-1].flow.read_paused
        time.sleep(4 * connection.PATIENCE)
        door.do(door.world.put("web", "b"))
        assert ids(line.answer()) == ["a", "b"]
        assert line.answer().json()["path"] == "/echo"
        assert_problem(line.answer(), 408, "too-slow")
        assert line.rest() == b""


def test_half_a_body_is_waited_for_only_so_long(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with door.connect() as line:
        line.send(request("PUT", "/echo", "content-length: 100") + b"half")
        assert line.rest() == b""  # whoever reads the body has the word, and is told that the client is gone


def test_a_client_that_says_nothing_is_let_go(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with door.connect() as line:
        assert line.rest() == b""


@pytest.mark.parametrize("asked", [LOOKUP, get("/echo")])
def test_an_idle_connection_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bytes) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with Door(tmp_path, idle=0.05, otherwise=echo) as door, door.connect() as line:
        door.do(door.world.put("web", "a"))
        for _ in range(WAYS_ROUND):
            line.send(asked)
            assert line.answer().status == 200
        assert line.rest() == b""


def test_a_connection_that_waits_for_its_answer_is_not_idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with Door(tmp_path, idle=0.05) as door, door.connect() as line:
        index = door.do(door.world.put("web", "a")).index
        line.send(get(f"/services/web?index={index}&wait=400ms"))  # many times as long as an idle one may last
        assert ids(line.answer()) == ["a"]


def test_a_client_that_does_not_read_its_answers_is_read_from_no_further(door: Door) -> None:
    for number in range(100):
        door.do(door.world.put("web", f"instance-{number}", metadata={"filling": "x" * 200}))
    answer = door.learn(LOOKUP)
    assert 20_000 < len(answer.body) < 64 * 1024
    with door.connect(receive_buffer=4096) as line:
        line.packets(LOOKUP)
        served, asked = door.connections[-1], 1
        while not served.flow.read_paused:
            line.packets(LOOKUP)
            asked += 1
        assert door.do(_held(served)) < 4 * len(answer.whole)
        assert [line.answer().whole == answer.whole for _ in range(asked)] == [True] * asked


@pytest.mark.parametrize("asked", [request("PUT", "/services/web/a", body=b"{"), RENEWAL])
def test_a_client_that_writes_and_does_not_read_is_read_from_no_further(door: Door, asked: bytes) -> None:
    status = door.ask(asked).status
    number, together = 0, 25  # few enough not to be the last that are answered
    with door.connect(receive_buffer=4096) as line:
        while not number or not door.connections[-1].flow.read_paused:
            assert number < 100_000, "it is read from without end"
            line.packets(asked * together)
            number += together
        assert door.do(_held(door.connections[-1])) < 128 * 1024
        assert [line.answer().status for _ in range(number)] == [status] * number


def test_a_client_that_does_not_read_is_paused_within_the_turn_of_the_loop_too(door: Door) -> None:
    with door.connect(receive_buffer=4096) as line:
        line.packets(LOOKUP)
        assert door.do(_held_after_a_turn(door.connections[-1], RENEWAL * 50)) < 128 * 1024


async def _held_after_a_turn(served: connection.Connection, packet: bytes) -> int:
    """Bytes of answers that are kept once reading is paused, if all packets up to that come in one turn of the loop."""
    for _ in range(2_000):
        served.data_received(packet)
        if served.flow.read_paused:
            break
    assert served.flow.read_paused
    return await _held(served)


def test_of_requests_without_end_only_so_many_are_kept_and_answered(door: Door) -> None:
    index = door.learn(LOOKUP).headers["meridian-index"]
    with door.connect() as line:
        line.packets(get(f"/services/web?index={index}&wait=5m") + get("/echo") * connection.MOST_WAITING * 3)
        door.do(door.world.parked(1))
        assert len(door.connections[-1].pipeline) == connection.MOST_WAITING
        door.do(door.world.put("web", "b"))
        assert ids(line.answer()) == ["a", "b"]
        *others, last = [line.answer() for _ in range(connection.MOST_WAITING)]
        assert not any("connection" in answer.headers for answer in others)
        assert last.headers["connection"] == "close"
        assert line.rest() == b""


def test_a_client_that_does_not_read_keeps_nobody_else_waiting(door: Door) -> None:
    for number in range(100):
        door.do(door.world.put("web", f"instance-{number}", metadata={"filling": "x" * 200}))
    index = door.learn(LOOKUP).headers["meridian-index"]
    waiting = get(f"/services/web?index={index}&wait=5m")
    with ExitStack() as stack:
        deaf = stack.enter_context(door.connect(receive_buffer=4096))
        deaf.packets(LOOKUP)
        served = door.connections[-1]
        while not door.do(_is_full(served)):
            deaf.packets(LOOKUP)
        deaf.packets(waiting)
        door.do(door.world.parked(1))
        patient = stack.enter_context(door.connect())
        patient.packets(waiting)
        door.do(door.world.parked(2))
        door.do(door.world.put("web", "news"))
        assert "news" in ids(patient.answer())


async def _is_full(served: connection.Connection) -> bool:
    await asyncio.sleep(0)
    return served.flow.write_paused


async def _held(served: connection.Connection) -> int:
    """Bytes of answers that the server keeps for a client."""
    return served._corked.inner.get_write_buffer_size()


@pytest.mark.parametrize("behind", [b"", LOOKUP, LOOKUP + get("/echo")])
@pytest.mark.parametrize("waiting", ["?index={index}&wait=5m", "/watch"])
def test_a_client_that_vanishes_takes_its_waiting_request_along(door: Door, waiting: str, behind: bytes) -> None:
    index = door.learn(LOOKUP).headers["meridian-index"]
    with door.connect() as line:
        line.packets(get("/services/web" + waiting.format(index=index)) + behind)
        door.do(door.world.parked(1))
        line.abort()
        door.do(door.world.parked(0))


# Other ways in


def test_over_tls_a_known_request_gets_the_same_answer(tmp_path: Path) -> None:
    with (
        Door(tmp_path, certificate=(CERTIFICATE, CERTIFICATE_KEY), otherwise=echo) as door,
        door.connect(tls=True) as line,
    ):
        door.do(door.world.put("web", "a"))
        answers = []
        for _ in range(WAYS_ROUND):
            line.send(LOOKUP)
            answers.append(line.answer())
        assert door.knows(LOOKUP)
        assert answers[1].whole == answers[2].whole
        line.send(request("PUT", "/echo", body=b"x" * 300_000))
        assert len(line.answer().json()["body"]) == 300_000
        line.send(get("/echo", *WEBSOCKET))
        assert line.answer("HEAD").status == 101


def test_a_websocket_is_opened_and_carries_messages_of_any_size(door: Door) -> None:
    with talk(door) as there:
        for message in ("short", "x" * 3_000_000, b"\0" * 70_000):
            there.send(message)
            assert there.recv(PATIENT) == message


def test_a_websocket_is_opened_on_a_connection_that_has_asked_before(door: Door) -> None:
    known = door.learn(LOOKUP)
    with door.connect() as line:
        line.packets(LOOKUP, get("/echo", *WEBSOCKET))
        assert line.answer().whole == known.whole
        assert line.answer("HEAD").status == 101


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("framing", "body"),
    [("content-length: 5", b"hello"), ("transfer-encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")],
)
def test_a_websocket_that_is_asked_for_with_a_body_is_answered_in_http(
    door: Door, method: str, framing: str, body: bytes
) -> None:
    with door.connect() as line:
        line.packets(request(method, "/echo", *WEBSOCKET, framing) + body)
        assert line.answer().json()["body"] == "hello"
        line.send(LOOKUP)
        assert ids(line.answer()) == ["a"]


@pytest.mark.parametrize("filling", [[f"x-{number}: y" for number in range(130)], ["x: " + "y" * 9_000]])
def test_a_websocket_that_is_asked_for_with_a_large_head_is_refused(door: Door, filling: list[str]) -> None:
    with door.connect() as line:
        line.send(get("/echo", *WEBSOCKET, *filling))
        assert line.answer().status == 431
        assert line.rest() == b""


def test_a_websocket_that_is_asked_for_behind_a_request_that_waits_is_answered_after_it_in_http(door: Door) -> None:
    index = door.learn(LOOKUP).headers["meridian-index"]
    with door.connect() as line:
        line.packets(get(f"/services/web?index={index}&wait=5m"))
        door.do(door.world.parked(1))
        line.packets(get("/echo", *WEBSOCKET))
        door.do(door.world.put("web", "b"))
        assert ids(line.answer()) == ["a", "b"]
        assert line.answer().json()["path"] == "/echo"


def test_a_websocket_may_be_silent_for_as_long_as_it_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.05)
    with Door(tmp_path, idle=0.05, otherwise=echo) as door, talk(door) as there:
        with pytest.raises(TimeoutError):
            there.recv(0.4)  # many times as long as an idle connection may last
        there.send("still here")
        assert there.recv(PATIENT) == "still here"


def test_a_websocket_that_the_application_ends_says_why(door: Door) -> None:
    with talk(door) as there:
        there.send("end this")
        with pytest.raises(ConnectionClosedError) as ended:
            there.recv(PATIENT)
    assert ended.value.rcvd == Close(4003, "as you wish")


def test_a_websocket_hears_that_the_server_ends(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with Door(tmp_path, otherwise=echo) as door:
            there = stack.enter_context(talk(door))
        with pytest.raises(ConnectionClosed) as ended:
            there.recv(PATIENT)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1012  # the server is restarted


def talk(door: Door) -> ClientConnection:
    """A WebSocket to the echo."""
    return connect(f"ws://127.0.0.1:{door.port}/echo", max_size=None, close_timeout=PATIENT)


# Any split gives the same answers

MESSAGES = (
    LOOKUP,
    get("/services/web", "x-request-id: one"),
    get("/services/nobody", "x-request-id: two"),
    request("PUT", "/echo", body=LOOKUP),
    request("PUT", "/echo", "transfer-encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(LOOKUP), LOOKUP),
    request("HEAD", "/services/web", "x-request-id: three"),
    request("PUT", "/services/web/a", "x-request-id: four", body=b"{"),
    request("PUT", "/services/web/a/renew?ttl=1", "x-request-id: five"),
    get("/services/web", *UPGRADE),
    request("PUT", "/echo", *UPGRADE, body=LOOKUP),
)
LAST = get("/echo", "connection: close")


@st.composite
def packets(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """A sequence of requests, and a way to cut it into packets: anywhere, but between two requests above all."""
    messages = [*draw(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=5)), LAST]
    whole = b"".join(messages)
    ends = [sum(map(len, messages[:number])) for number in range(1, len(messages))]
    cuts = draw(st.sets(st.sampled_from(ends) | st.integers(1, len(whole) - 1), max_size=6))
    places = [0, *sorted(cuts), len(whole)]
    return messages, [whole[start:end] for start, end in pairwise(places)]


@given(packets())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_requests_are_cut_into_packets_they_get_the_same_answers(
    shared: Door, cut: tuple[list[bytes], list[bytes]]
) -> None:
    messages, parts = cut
    shared.learn(LOOKUP)
    expected = [_told(shared.ask(message, _method(message))) for message in messages]
    with shared.connect() as line:
        line.packets(*parts)
        assert [_told(line.answer(_method(message))) for message in messages] == expected
        assert line.rest() == b""


def _told(answer: Raw) -> tuple[int, dict[str, str], bytes]:
    """An answer without the order of its headers, which says nothing."""
    return answer.status, answer.headers, answer.body


def _method(message: bytes) -> str:
    return message.partition(b" ")[0].decode()
