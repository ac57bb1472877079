"""A taken port is found before anything starts, and named with the flag that moves it."""

import socket

import pytest

from config.environment import Address
from config.local.ports import Claim, busy_claim, free_port

BOTH = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


@pytest.mark.parametrize("kind", BOTH)
def test_a_busy_port_is_named_with_its_purpose_and_flag(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen(1)
        port = taken.getsockname()[1]
        sentence = busy_claim((Claim(Address("127.0.0.1", port), "DNS", "--dns-port", BOTH),))
    assert sentence == (
        f"port {port} on 127.0.0.1, wanted for DNS, is already in use: "
        "stop what uses it, or choose another with --dns-port."
    )


def test_free_ports_are_not_reported() -> None:
    assert busy_claim((Claim(Address("127.0.0.1", free_port()), "HTTP", "--port"),)) is None


def test_a_port_of_connections_that_have_just_ended_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()
        client.close()
    assert busy_claim((Claim(Address("127.0.0.1", port), "HTTP", "--port"),)) is None


def test_a_host_of_another_machine_is_named_with_the_reason() -> None:
    sentence = busy_claim((Claim(Address("192.0.2.1", 8500), "HTTP", "--port"),))
    assert sentence is not None
    assert "cannot listen on 192.0.2.1:8500" in sentence
