"""`manage.py dns` as a real process over a real database."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

from config.local.plan import BASE_DIR
from config.local.ports import free_port
from tests.harness.dns.name_server import data
from tests.harness.processes import spawn
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]

REGISTER = """
from catalog.records.registration import from_mapping
from registry import actions
actions.register(from_mapping({{"host": "{host}", "port": 80}}), namespace="default", service="web", id="{id}",
                 actor="test", cause="test")
"""
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def variables(tmp_path: Path, database_url: str, valkey_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "MERIDIAN_DATA": str(tmp_path),
        "MERIDIAN_DATABASE_URL": database_url,
        "MERIDIAN_VALKEY_URL": valkey_url,
        "MERIDIAN_REGION": "us-east",
    }


def manage(variables: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=True).stdout


def register_by_command(variables: dict[str, str], id: str, host: str) -> None:
    manage(variables, "shell", "-c", REGISTER.format(id=id, host=host))


@pytest.fixture
def start(variables: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start_dns(*arguments: str, **changed: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(BASE_DIR / "manage.py"), "dns", *arguments]
        process = spawn(command, env={**variables, **changed}, stderr=subprocess.PIPE)
        started.append(process)
        return process

    yield start_dns
    for process in started:
        process.kill()
        process.communicate()


def asked(port: int, name: str = "web.service.consul") -> list[str]:
    try:
        return data(dns.query.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=port, timeout=0.3))
    except (dns.exception.Timeout, OSError):
        return []


def test_it_follows_the_database_and_ends_on_sigterm(variables: dict[str, str], start: Start) -> None:
    port = free_port()
    manage(variables, "migrate", "--verbosity", "0")
    register_by_command(variables, "w1", "10.0.0.1")
    process = start("--port", str(port))
    eventually(lambda: asked(port) == ["10.0.0.1"], what="the instance is answered", within=20)
    register_by_command(variables, "w2", "10.0.0.2")
    eventually(lambda: asked(port) == ["10.0.0.1", "10.0.0.2"], what="the change is answered")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_without_the_database_it_answers_from_the_copy_on_disk(variables: dict[str, str], start: Start) -> None:
    port = free_port()
    manage(variables, "migrate", "--verbosity", "0")
    register_by_command(variables, "w1", "10.0.0.1")
    process = start("--port", str(port), "--save")
    eventually(lambda: asked(port) == ["10.0.0.1"], what="the instance is answered", within=20)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    start("--port", str(port), MERIDIAN_DATABASE_URL="postgres://nobody@127.0.0.1:1/gone")
    eventually(lambda: asked(port) == ["10.0.0.1"], what="the copy is answered", within=20)
    query = dns.message.make_query("web.service.consul", "TXT", use_edns=0)
    (option,) = dns.query.udp(query, "127.0.0.1", port=port, timeout=5).options
    assert "Stale Answer" in option.to_text()


def test_several_processes_share_a_port_and_end_together(variables: dict[str, str], start: Start) -> None:
    port = free_port()
    manage(variables, "migrate", "--verbosity", "0")
    register_by_command(variables, "w1", "10.0.0.1")
    process = start("--port", str(port), "--processes", "2")
    # Each question comes from a new port, and the kernel spreads ports over the processes.
    eventually(lambda: all(asked(port) for _ in range(20)), what="both answer", within=20)
    figures = Path(variables["MERIDIAN_DATA"]) / "metrics"
    eventually(lambda: len(list(figures.glob("dns-*.prom"))) == 2, what="both leave their figures")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert asked(port) == []
    assert not list(figures.glob("dns-*.prom"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--domains", "not_a_domain!"], "--domains"),
        (["--domains", ".".join(["a" * 60] * 3)], "--domains holds a name of 182 characters"),
        (["--ttl", "soon"], "--ttl"),
        (["--payload", "100"], "--payload is 100: use 512 to 4096."),
        (["--processes", "0"], "--processes is 0"),
        (["--host", "no.such.host.invalid"], "cannot be resolved"),
        (["--advertise", "no.such.host.invalid"], "cannot be resolved"),
    ],
)
def test_a_wrong_flag_is_one_sentence(start: Start, arguments: list[str], complaint: str) -> None:
    process = start(*arguments)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert complaint in errors.decode()
    assert "Traceback" not in errors.decode()


def test_off_loopback_it_refuses_to_start_without_a_token(variables: dict[str, str], start: Start) -> None:
    manage(variables, "migrate", "--verbosity", "0")
    process = start("--host", "0.0.0.0", "--port", str(free_port()))
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "refusing to listen on 0.0.0.0" in errors.decode()
    assert "Traceback" not in errors.decode()


def test_a_port_in_use_is_one_sentence(start: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        process = start("--port", str(taken.getsockname()[1]))
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Address already in use; see --host and --port." in errors.decode()
