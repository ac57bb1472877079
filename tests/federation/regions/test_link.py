"""A link between two regions can be slow, thin, cut, half cut and hung, and is whole again when healed."""

import contextlib
import hashlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.harness.federation.link import Link
from tests.harness.waiting import eventually

PATIENCE = 5.0  # seconds that a test waits for what must come
SILENCE = 0.3  # seconds without a byte that count as nothing coming


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets; at the end of the stream it says so."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the tests break connections off on purpose
            while data := self.request.recv(65536):
                self.request.sendall(data)
            self.request.sendall(b"<end>")


class EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of an echo server."""
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(PATIENCE)


@pytest.fixture
def link(echo: int) -> Iterator[Link]:
    with Link(echo) as link:
        yield link


def connect(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=PATIENCE)


def receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(min(65536, size - len(data)))):
        data += more
    return data


def echoed(connection: socket.socket, data: bytes) -> float:
    """Send, expect the same back, and return how many seconds it took."""
    began = time.monotonic()
    connection.sendall(data)
    assert receive(connection, len(data)) == data
    return time.monotonic() - began


def is_silent(connection: socket.socket) -> bool:
    """True when nothing comes, not even the end."""
    connection.settimeout(SILENCE)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(PATIENCE)
    return False


def is_whole(link: Link) -> bool:
    """True when a new connection through the link carries bytes both ways."""
    with connect(link) as connection:
        return echoed(connection, b"hello") < PATIENCE


def test_bytes_pass_both_ways_and_are_counted(link: Link) -> None:
    data = bytes(range(256)) * 4096
    with connect(link) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        received = receive(connection, len(data))
        sender.join(PATIENCE)
        assert (link.bytes_sent, link.bytes_received) == (len(data), len(data))
    assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()


def test_the_end_of_one_direction_leaves_the_other_open(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"before")
        connection.shutdown(socket.SHUT_WR)
        assert receive(connection, 100) == b"<end>"


def test_connections_that_end_are_let_go(link: Link) -> None:
    assert is_whole(link)
    eventually(lambda: link.connections == 0, what="the connection is let go")


def test_delay_holds_bytes_back_each_way(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"warm")
        link.delay(0.1)
        assert 0.2 <= echoed(connection, b"ping") < 2.0


def test_delay_can_be_taken_away_from_an_open_connection(link: Link) -> None:
    link.delay(0.2)
    with connect(link) as connection:
        assert echoed(connection, b"slow") >= 0.4
        link.delay(0)
        assert echoed(connection, b"fast") < 0.4


def test_a_new_connection_pays_a_round_trip_before_its_first_byte(link: Link) -> None:
    link.delay(0.1)
    began = time.monotonic()
    with connect(link) as connection:
        echoed(connection, b"first")
    assert time.monotonic() - began >= 0.4


def test_delay_does_not_cost_throughput(link: Link) -> None:
    link.delay(0.05)
    with connect(link) as connection:
        echoed(connection, b"warm")
        began = time.monotonic()
        for number in range(100):
            connection.sendall(b"%03d" % number)
            time.sleep(0.001)
        assert receive(connection, 300) == b"".join(b"%03d" % number for number in range(100))
    assert time.monotonic() - began < 100 * 0.05


def test_jitter_varies_the_delay_and_keeps_the_order(link: Link) -> None:
    link.delay(0.03, jitter=0.03)
    with connect(link) as connection:
        times = [echoed(connection, b"%02d" % number) for number in range(20)]
        for number in range(50):
            connection.sendall(b"%02d" % number)
        assert receive(connection, 100) == b"".join(b"%02d" % number for number in range(50))
    assert max(times) - min(times) > 0.01


def test_a_limit_holds_for_all_connections_together(link: Link) -> None:
    link.limit(100_000)
    with connect(link) as one, connect(link) as other:
        began = time.monotonic()
        one.sendall(b"x" * 20_000)
        other.sendall(b"y" * 20_000)
        assert receive(one, 20_000) == b"x" * 20_000
        assert receive(other, 20_000) == b"y" * 20_000
        assert time.monotonic() - began >= 0.4


def test_a_limit_can_be_lifted_while_bytes_are_on_their_way(link: Link) -> None:
    link.limit(10_000)
    with connect(link) as connection:
        connection.sendall(b"x" * 100_000)
        began = time.monotonic()
        receive(connection, 1_000)
        link.limit(None)
        receive(connection, 99_000)
        assert time.monotonic() - began < 5.0


def test_a_cut_resets_open_connections(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"hello")
        link.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_cut_resets_the_target_s_side_too(link: Link) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        link.target = listener.getsockname()[1]
        with connect(link), listener.accept()[0] as far:
            far.settimeout(PATIENCE)
            link.cut()
            with pytest.raises(ConnectionResetError):
                far.recv(1)


def test_a_cut_refuses_new_connections(link: Link) -> None:
    link.cut()
    with pytest.raises(ConnectionRefusedError):
        connect(link)


def test_a_cut_link_heals_on_the_same_port(link: Link) -> None:
    port = link.port
    for _ in range(3):
        link.cut()
        link.heal()
    assert link.port == port
    assert is_whole(link)


def test_healing_a_whole_link_changes_nothing(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"before")
        link.heal()
        echoed(connection, b"after")


def test_what_is_sent_into_a_one_way_cut_is_lost(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"hello")
        link.cut_one_way("out")
        connection.sendall(b"lost")
        assert is_silent(connection)
    assert link.bytes_sent == len(b"hello")


def test_a_one_way_cut_leaves_the_other_way_alone(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"hello")
        link.cut_one_way("in")
        connection.sendall(b"heard")
        eventually(lambda: link.bytes_sent == len(b"helloheard"), what="the target hears it")
        assert is_silent(connection)
    assert link.bytes_received == len(b"hello")


def test_a_connection_with_a_hole_is_reset_when_the_link_heals(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"hello")
        link.cut_one_way("out")
        connection.sendall(b"lost")
        assert is_silent(connection)
        link.heal()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert is_whole(link)


def test_a_connection_that_lost_nothing_survives_a_one_way_cut(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"before")
        link.cut_one_way("out")
        link.heal()
        echoed(connection, b"after")


def test_a_hang_forwards_nothing_and_closes_nothing(link: Link) -> None:
    with connect(link) as connection:
        echoed(connection, b"hello")
        link.hang()
        connection.sendall(b"held")
        assert is_silent(connection)
    assert link.bytes_sent == len(b"hello")


def test_a_hung_link_does_not_tell_that_one_side_is_gone(link: Link) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        link.target = listener.getsockname()[1]
        with connect(link) as connection:
            far = listener.accept()[0]
            link.hang()
            far.close()
            assert is_silent(connection)


def test_new_connections_through_a_hung_link_hang(link: Link) -> None:
    link.hang()
    with connect(link) as connection:
        connection.sendall(b"held")
        assert is_silent(connection)


def test_what_a_hang_held_back_flows_on_after_it(link: Link) -> None:
    with connect(link) as connection:
        link.hang()
        connection.sendall(b"held")
        assert is_silent(connection)
        link.heal()
        assert receive(connection, 4) == b"held"


def test_a_target_that_refuses_resets_who_connects(link: Link) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        link.target = listener.getsockname()[1]
    # The reset may even come before the kernel has told the client that it is connected.
    with pytest.raises(ConnectionResetError), connect(link) as connection:
        connection.recv(1)


@pytest.mark.parametrize("fault", ["none", "hang", "cut", "swallow"])
def test_a_link_ends_with_its_block_whatever_its_state(echo: int, fault: str) -> None:
    before = threading.active_count()
    with Link(echo) as link, connect(link) as connection:
        connection.sendall(b"hello")
        {"none": link.heal, "hang": link.hang, "cut": link.cut, "swallow": lambda: link.cut_one_way("in")}[fault]()
    with pytest.raises(ConnectionRefusedError):
        connect(link)
    eventually(lambda: threading.active_count() <= before + 1, what="the relay's thread has ended")
    link.close()
