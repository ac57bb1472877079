"""A real server on a free port, asked by real clients."""

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from prometheus_client.parser import text_string_to_metric_families

from catalog.records.status import Status
from catalog.view import View
from discovery.dns import metrics, tcp
from discovery.dns.server import DnsServer, bind
from discovery.dns.zone import Zone
from tests.harness.dns.name_server import data, instance, override
from tests.harness.dns.running import RunningServer
from tests.harness.waiting import eventually


@pytest.fixture
def server() -> Iterator[RunningServer]:
    records = [instance("w1", host="10.0.0.1", port=8001), instance("w2", host="10.0.0.2", port=8002)]
    crowd = [instance(f"c{number}", service="crowd", host=f"10.2.0.{number + 1}") for number in range(200)]
    with RunningServer(*records, *crowd) as running:
        yield running


def framed(*queries: dns.message.Message) -> bytes:
    return b"".join(len(wire).to_bytes(2, "big") + wire for wire in (query.to_wire() for query in queries))


def test_both_transports_answer_alike(server: RunningServer) -> None:
    for _ in range(3):
        for rdtype in ("A", "SRV", "TXT"):
            assert data(server.udp("web.service.consul", rdtype)) == data(server.tcp("web.service.consul", rdtype))


def test_a_cut_answer_is_whole_over_tcp(server: RunningServer) -> None:
    query = dns.message.make_query("crowd.service.consul", "A")
    answer, used_tcp = dns.query.udp_with_fallback(query, "127.0.0.1", port=server.port, timeout=5)
    assert used_tcp
    assert len(data(answer)) == 200


def test_a_change_is_answered_at_once(server: RunningServer) -> None:
    for _ in range(3):
        assert data(server.udp("web.service.consul")) == ["10.0.0.1", "10.0.0.2"]
    server.append(instance("w3", host="10.0.0.3"))
    began = time.monotonic()
    eventually(lambda: "10.0.0.3" in data(server.udp("web.service.consul")), what="the new instance is answered")
    assert time.monotonic() - began < 1.0  # the log's poll is no faster than that: the doorbell was heard


def test_an_override_takes_an_instance_out(server: RunningServer) -> None:
    server.udp("web.service.consul")
    server.append(override(scope="instance", instance="w1"))
    eventually(lambda: data(server.udp("web.service.consul")) == ["10.0.0.2"], what="the instance is out")


def test_an_overrides_end_brings_it_back_without_a_change(server: RunningServer) -> None:
    server.append(override(expires_at=time.time() + 0.6))
    eventually(lambda: data(server.udp("web.service.consul")) == [], what="the service is out")
    eventually(lambda: len(data(server.udp("web.service.consul"))) == 2, what="it is back", within=3)


def test_a_sick_instance_is_left_out_on_both_transports(server: RunningServer) -> None:
    server.append(instance("w1", host="10.0.0.1", status=Status.CRITICAL))
    eventually(lambda: data(server.udp("web.service.consul")) == ["10.0.0.2"], what="udp")
    assert data(server.tcp("web.service.consul")) == ["10.0.0.2"]


def test_the_target_of_srv_resolves(server: RunningServer) -> None:
    (first, *_) = server.udp("_web._tcp.service.consul", "SRV").answer[0]
    assert data(server.udp(first.target.to_text())) == [f"10.0.0.{first.port - 8000}"]


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
def test_dig_is_content(server: RunningServer) -> None:
    command = ["dig", "@127.0.0.1", "-p", str(server.port), "+norecurse", "web.service.consul", "SRV"]
    output = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    assert "status: NOERROR" in output
    assert "ANSWER: 2, AUTHORITY: 0, ADDITIONAL: 3" in output
    assert "WARNING" not in output
    assert ";; Got bad packet" not in output


def test_ipv6_and_ipv4_are_answered_on_one_socket() -> None:
    with RunningServer(instance("w1", host="10.0.0.1"), host="::") as server:
        query = dns.message.make_query("web.service.consul", "A")
        for address in ("::1", "127.0.0.1"):
            assert data(dns.query.udp(query, address, port=server.port, timeout=5)) == ["10.0.0.1"]
            assert data(dns.query.tcp(query, address, port=server.port, timeout=5)) == ["10.0.0.1"]


def test_two_addresses_are_answered_by_one_server() -> None:
    async def nothing(view: View) -> None:
        await asyncio.sleep(3600)

    sockets = [bind("127.0.0.1", 0), bind("::1", 0)]
    server = DnsServer(Zone(region="us-east"), sockets, nothing)
    with RunningServerThread(server):
        query = dns.message.make_query("consul", "SOA")
        assert dns.query.udp(query, "127.0.0.1", port=sockets[0].port, timeout=5).answer
        assert dns.query.udp(query, "::1", port=sockets[1].port, timeout=5).answer


class RunningServerThread(RunningServer):
    """A server made elsewhere, run the same way."""

    def __init__(self, server: DnsServer) -> None:
        self.server = server
        self.thread = threading.Thread(target=server.serve, daemon=True)

    def caught_up(self) -> bool:
        return True


def test_packets_that_make_no_sense_do_not_stop_it(server: RunningServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for packet in (b"", b"\0", b"\xff" * 400, b"\0" * 11, b"\0" * 5000):
            stranger.sendto(packet, ("127.0.0.1", server.port))
    assert data(server.udp("web.service.consul")) == ["10.0.0.1", "10.0.0.2"]


def test_queries_sent_together_are_all_answered(server: RunningServer) -> None:
    queries = [dns.message.make_query("web.service.consul", "SRV") for _ in range(100)]
    with server.connect() as connection:
        connection.sendall(framed(*queries))
        answers = [received_from(connection) for _ in queries]
    assert [answer.id for answer in answers] == [query.id for query in queries]


def received_from(connection: socket.socket) -> dns.message.Message:
    length = int.from_bytes(exactly(connection, 2), "big")
    return dns.message.from_wire(exactly(connection, length))


def exactly(connection: socket.socket, size: int) -> bytes:
    taken = b""
    while len(taken) < size:
        part = connection.recv(size - len(taken))
        assert part, "the connection was closed"
        taken += part
    return taken


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_query_may_trickle_in(server: RunningServer) -> None:
    query = dns.message.make_query("web.service.consul", "A")
    with server.connect() as connection:
        for byte in framed(query):
            connection.sendall(bytes([byte]))
        assert len(data(received_from(connection))) == 2


def test_an_end_of_sending_still_gets_its_answer(server: RunningServer) -> None:
    with server.connect() as connection:
        connection.sendall(framed(dns.message.make_query("web.service.consul", "A")))
        connection.shutdown(socket.SHUT_WR)
        assert len(data(received_from(connection))) == 2
        assert is_closed(connection)


def test_who_does_not_speak_dns_is_cut_off(server: RunningServer) -> None:
    with server.connect() as connection:
        connection.sendall(b"\x00\x04abcd")
        assert is_closed(connection)


def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch, server: RunningServer) -> None:
    monkeypatch.setattr(tcp, "IDLE", 0.2)
    with server.connect() as connection:
        assert is_closed(connection)


def test_half_a_query_does_not_hold_a_connection(monkeypatch: pytest.MonkeyPatch, server: RunningServer) -> None:
    monkeypatch.setattr(tcp, "IDLE", 0.4)
    with server.connect() as connection:
        connection.settimeout(0.05)
        trickle = iter(framed(*(dns.message.make_query("web.service.consul", "A") for _ in range(50))))
        # A byte each 50 ms: a whole query would take two seconds.
        eventually(
            lambda: is_cut(connection, bytes([next(trickle)])) or is_gone(connection), what="it is cut", within=1.5
        )


def is_gone(connection: socket.socket) -> bool:
    try:
        return is_closed(connection)
    except TimeoutError:
        return False


def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch, server: RunningServer) -> None:
    monkeypatch.setattr(tcp, "IDLE", 0.3)
    many = framed(*(dns.message.make_query("crowd.service.consul", "SRV") for _ in range(500)))
    with server.connect() as connection:
        connection.settimeout(0.1)
        eventually(lambda: is_cut(connection, many), what="the connection is cut off")
    assert data(server.udp("web.service.consul")) == ["10.0.0.1", "10.0.0.2"]


def is_cut(connection: socket.socket, packet: bytes) -> bool:
    try:
        connection.sendall(packet)
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


def test_one_client_cannot_take_all_connections(monkeypatch: pytest.MonkeyPatch, server: RunningServer) -> None:
    monkeypatch.setattr(tcp, "MOST_PER_CLIENT", 3)
    kept = [server.connect() for _ in range(3)]
    eventually(lambda: server.server.counters.connections == 3, what="three are open")
    with server.connect() as fourth:
        assert is_closed(fourth)
    kept.pop().close()
    eventually(lambda: server.server.counters.connections == 2, what="one has left")
    assert len(data(server.tcp("web.service.consul"))) == 2
    for connection in kept:
        connection.close()


def test_stopping_ends_it_under_load(server: RunningServer) -> None:
    packet = dns.message.make_query("web.service.consul", "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, server.connect() as idle:
        for _ in range(200):
            client.sendto(packet, ("127.0.0.1", server.port))
        server.server.stop()
        server.thread.join(5)
        assert not server.thread.is_alive()
        assert is_closed(idle)


def test_answers_under_way_are_sent_before_it_ends(server: RunningServer) -> None:
    queries = [dns.message.make_query("crowd.service.consul", "SRV") for _ in range(40)]
    with server.connect() as connection:
        connection.sendall(framed(*queries))
        answers = [received_from(connection)]
        server.server.stop()
        while (answer := received_or_none(connection)) is not None:
            answers.append(answer)
    assert all(len(data(answer)) == 200 for answer in answers)


def received_or_none(connection: socket.socket) -> dns.message.Message | None:
    """The next answer, or None at an end between two; an end within one fails."""
    first = connection.recv(1)
    if not first:
        return None
    return dns.message.from_wire(exactly(connection, int.from_bytes(first + exactly(connection, 1), "big")))


def test_what_breaks_the_following_ends_the_server() -> None:
    async def broken(view: View) -> None:
        raise RuntimeError("the disk is on fire")

    server = DnsServer(Zone(region="us-east"), [bind("127.0.0.1", 0)], broken)
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        server.serve()


def test_the_figures_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "WRITE_EVERY", 0.05)
    path = metrics.path_in(tmp_path, "0")
    with RunningServer(instance("w1"), figures=path) as server:
        for _ in range(10):
            server.udp("web.service.consul")
        server.udp("nobody.service.consul")
        server.udp("web.service.consul", "TYPE65280")
        server.tcp("web.service.consul", "SRV")
        expected = {("udp", "A", "NOERROR"): 10, ("udp", "A", "NXDOMAIN"): 1, ("udp", "other", "NOERROR"): 1,
                    ("tcp", "SRV", "NOERROR"): 1}  # fmt: skip
        eventually(lambda: queries_in(path) == expected, what=f"{expected} are in the file")
    assert not path.exists(), "figures of a server that has ended"


def queries_in(path: Path) -> dict[tuple[str, str, str], float]:
    if not path.exists():
        return {}
    return {
        (sample.labels["transport"], sample.labels["type"], sample.labels["rcode"]): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
        if sample.name == "meridian_dns_queries_total"
    }
