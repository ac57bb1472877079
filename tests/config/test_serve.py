"""`manage.py serve`: how a server process begins and ends, whatever its clients are doing."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from django.core.management import CommandError, call_command
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from config.local.plan import BASE_DIR
from config.local.ports import free_port
from tests.harness.processes import is_alive, plain_environment, spawn
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("regions")]
MANAGE = (sys.executable, str(BASE_DIR / "manage.py"))
SOON = 6.0  # seconds: what requests may still take, and a little for the rest


class ServeProcess:
    """One `manage.py serve` over tables of its own, without a supervisor."""

    def __init__(self, place: Path, valkey_url: str, database_url: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = place / "serve.log"
        plain = plain_environment()
        self.variables = {
            **plain, "MERIDIAN_REGION": "us-east", "MERIDIAN_DATA": str(place), "MERIDIAN_HTTP_PORT": str(self.port),
            "MERIDIAN_VALKEY_URL": valkey_url, "MERIDIAN_DATABASE_URL": database_url,
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str, wait: bool = True) -> "ServeProcess":
        """Start it; unless told otherwise wait until it is ready."""
        subprocess.run([*MANAGE, "migrate", "--verbosity", "0"], env=self.variables, timeout=60, check=True)
        with self.output.open("ab") as output:
            self.process = spawn(
                [*MANAGE, "serve", *arguments], env=self.variables, stdout=output, stderr=output
            )  # fmt: skip
        if wait:
            eventually(self.is_ready, within=60, what="the server is ready")
        return self

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code that it leads to soon."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(SOON)

    def log(self) -> str:
        return self.output.read_text(errors="replace")

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def served(tmp_path: Path, valkey_url: str, database_url: str) -> Iterator[ServeProcess]:
    """A server that has not been started yet, and has ended after the test."""
    made = ServeProcess(tmp_path, valkey_url, database_url)
    yield made
    made.kill()


def said(served: ServeProcess, *requests: bytes, receive_buffer: int | None = None) -> socket.socket:
    """A connection on which this was sent."""
    client = socket.socket()
    if receive_buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(SOON)
    client.connect(("127.0.0.1", served.port))
    for request in requests:
        client.sendall(request)
    return client


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


def waiting(served: ServeProcess, number: int) -> bool:
    """Whether so many watchers wait."""
    lines = httpx.get(f"{served.url}/metrics").text.splitlines()
    return f"meridian_watchers {float(number)}" in lines


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_without_clients_ends_at_once(served: ServeProcess, number: signal.Signals) -> None:
    served.start()
    assert served.end(number) == 0
    assert "Traceback" not in served.log()


def test_a_server_ends_soon_whatever_its_clients_are_doing(served: ServeProcess) -> None:
    served.start()
    big = {"host": "127.0.0.1", "port": 9, "metadata": {f"k{number}": "x" * 500 for number in range(20)}}
    for number in range(40):
        assert httpx.put(f"{served.url}/services/big/i{number}", json=big).status_code == 201
    index = httpx.get(f"{served.url}/services/big").headers["meridian-index"]
    parked = said(served, get(f"/services/big?index={index}&wait=5m"))
    stream = said(served, get("/services/big/watch"))
    idle = said(served, get("/services/big"))
    half_a_head = said(served, b"GET /services/b")
    half_a_body = said(served, b"PUT /services/web/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
    behind = said(served, get(f"/services/big?index={index}&wait=5m") + get("/services/big"))
    deaf = said(served, get("/services/big") * 50, receive_buffer=4096)
    deaf_stream = said(served, get("/services/big/watch"), receive_buffer=4096)
    clients = [parked, stream, idle, half_a_head, half_a_body, behind, deaf, deaf_stream]
    with live_page(served) as live:
        eventually(lambda: waiting(served, 5), what="the watchers wait")
        began = time.monotonic()
        assert served.end() == 0, served.log()
        assert time.monotonic() - began < SOON
        assert code_at_end(live) == 1012  # the server is restarted
    for client in clients:
        client.close()
    assert [line for line in served.log().splitlines() if "Traceback" in line or "[error" in line] == [], served.log()


@contextmanager
def live_page(served: ServeProcess) -> Iterator[ClientConnection]:
    """What the overview has open in a browser."""
    ticket = httpx.get(f"{served.url}/dashboard/").headers["set-cookie"].partition(";")[0]
    with connect(
        f"ws://127.0.0.1:{served.port}/ws/dashboard",
        origin=Origin(served.url),
        additional_headers={"cookie": ticket},
    ) as live:
        live.send('{"page": "/dashboard/"}')
        live.recv(SOON)
        yield live


def code_at_end(live: ClientConnection) -> int | None:
    """The code with which the other end closes, after whatever it still says."""
    try:
        while True:
            live.recv(SOON)
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else int(closed.rcvd.code)


def test_a_port_that_is_taken_is_told_in_a_line(served: ServeProcess) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", served.port))
        taken.listen(1)
        served.start(wait=False)
        assert served.process is not None
        assert served.process.wait(60) != 0
    [line] = [line for line in served.log().splitlines() if "already in use" in line]
    assert f"port {served.port} on 127.0.0.1" in line
    assert "Traceback" not in served.log()


def test_a_server_that_is_told_to_end_while_it_starts_ends(served: ServeProcess) -> None:
    served.start(wait=False)
    eventually(lambda: listens(served), within=60, what="the server listens")
    assert served.end() == 0
    assert "Traceback" not in served.log()


def listens(served: ServeProcess) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", served.port)) == 0


@pytest.mark.parametrize("processes", ["1", "2"])
def test_what_is_written_is_found_by_whichever_process_is_asked(served: ServeProcess, processes: str) -> None:
    served.start("--processes", processes)
    for number in range(10):
        path = f"{served.url}/services/web/i{number}"
        assert httpx.put(path, json={"host": "127.0.0.1", "port": 9}).status_code == 201
        assert httpx.put(f"{path}/renew").status_code == 204

    def all_are_found() -> bool:
        return all(len(httpx.get(f"{served.url}/services/web").json()) == 10 for _ in range(20))

    eventually(all_are_found, what="every process knows every instance")
    assert served.end() == 0
    assert "Traceback" not in served.log()


def test_a_process_that_is_killed_comes_back_and_all_end_with_their_parent(served: ServeProcess) -> None:
    served.start("--processes", "2")
    assert served.process is not None
    top = psutil.Process(served.process.pid)
    was = serving(top)
    was[0].kill()
    eventually(lambda: len(serving(top)) == 2 and was[0] not in serving(top), within=40, what="a process is back")
    eventually(served.is_ready, what="the server answers")
    children = top.children(recursive=True)
    served.kill()
    eventually(lambda: not any(map(is_alive, children)), what="all processes have ended")


def serving(top: psutil.Process) -> list[psutil.Process]:
    """The workers below a server."""
    return [child for child in top.children() if is_alive(child) and "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.parametrize("processes", [0, 65])
def test_a_number_of_processes_that_cannot_be_is_refused(processes: int) -> None:
    with pytest.raises(CommandError, match=f"--processes is {processes}: use 1 to 64"):
        call_command("serve", processes=processes)
