"""`manage.py up` runs a whole region, and leaves nothing behind however it ends."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from config.local.plan import MANAGE
from tests.harness.processes import is_alive
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("regions")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """One region for the tests that leave it as they found it."""
    region = Region(tmp_path_factory.mktemp("running") / "data")
    region.start()
    yield region
    region.stop()


def alive(processes: list[psutil.Process]) -> list[str]:
    """Those that still run."""
    return [str(process) for process in processes if is_alive(process)]


def refused(region: Region) -> bool:
    """True when the region ends by itself with the exit code of a refusal."""
    region.start(wait=False)
    assert region.supervisor is not None
    return region.supervisor.wait(40) == 1


def names(processes: list[psutil.Process]) -> str:
    return "\n".join(" ".join(process.cmdline()) for process in processes)


def with_every_child(region: Region) -> list[psutil.Process]:
    """All processes of the region."""
    pids = {region.pid(name) for name in ("valkey", "server", "worker", "dns")}
    found = region.processes()
    assert pids <= {process.pid for process in found}
    return found


@pytest.mark.slow
def test_ctrl_c_ends_every_process(start_region: Callable[..., Region]) -> None:
    region = start_region()
    processes = with_every_child(region)
    assert "valkey-server" in names(processes)
    assert region.stop(signal.SIGINT) == 0
    assert alive(processes) == []
    assert not (region.data / "processes.json").exists()


@pytest.mark.slow
def test_sigkill_of_the_supervisor_leaves_nothing_behind(start_region: Callable[..., Region]) -> None:
    region = start_region()
    processes = with_every_child(region)
    assert region.supervisor is not None
    region.supervisor.kill()
    region.supervisor.wait(10)
    eventually(lambda: not alive(processes), within=10, what="everything has ended")


@pytest.mark.parametrize("name", ["server", "worker", "valkey"])
def test_a_process_that_is_killed_comes_back(running: Region, name: str) -> None:
    was = running.kill(name)
    assert running.wait_restarted(name, was=was) != was
    eventually(running.is_ready, within=20, what="the region is ready again")


def test_a_killed_valkey_comes_back_where_it_was(running: Region) -> None:
    was = running.kill("valkey")
    running.wait_restarted("valkey", was=was)
    with redis.Redis.from_url(running.valkey_url) as client:
        assert eventually(lambda: answers(client), what="Valkey answers")


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.mark.slow
def test_a_region_starts_again_over_its_data(start_region: Callable[..., Region]) -> None:
    region = start_region()
    key = (region.data / "secret-key").read_text()
    assert region.stop() == 0
    region.start()
    assert region.is_ready()
    assert (region.data / "secret-key").read_text() == key


def test_two_regions_over_the_same_data_are_refused(running: Region) -> None:
    with Region(running.data, variables=running.variables) as second:
        second.output = running.data.with_suffix(".second.log")
        assert refused(second)
        assert "another region already runs over" in second.log()
    assert running.is_ready()


@pytest.mark.parametrize(
    ("flag", "kind"),
    [("--port", socket.SOCK_STREAM), ("--dns-port", socket.SOCK_STREAM), ("--dns-port", socket.SOCK_DGRAM)],
)
def test_a_busy_port_is_said_before_anything_starts(tmp_path: Path, flag: str, kind: socket.SocketKind) -> None:
    with Region(tmp_path / "data") as region, socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", region.http_port if flag == "--port" else region.dns_port))
        if kind == socket.SOCK_STREAM:
            taken.listen(1)
        assert refused(region)
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1" in region.log()
        assert f"choose another with {flag}." in region.log()
        assert not (tmp_path / "data" / "meridian.sqlite3").exists()


def test_the_record_names_every_process(running: Region) -> None:
    record = json.loads((running.data / "processes.json").read_text())
    assert {"valkey", "server", "worker", "dns"} <= set(record["processes"])
    assert record["url"] == running.url


def test_ctrl_c_during_the_start_ends_everything(tmp_path: Path) -> None:
    with Region(tmp_path / "data") as region:
        region.start(wait=False)
        eventually((tmp_path / "data" / "processes.json").exists, within=20, what="the first process has started")
        processes = region.processes()
        assert region.stop(signal.SIGINT) == 0
        assert alive(processes) == []


def test_the_admin_site_answers_with_a_strict_policy(running: Region) -> None:
    status, body = running.get("/admin/login/")
    assert status == 200
    assert b"csrfmiddlewaretoken" in body
    assert running.get("/static/admin/css/base.css")[0] == 200
    assert running.get("/api/v1/docs")[0] == 200


def test_off_loopback_without_a_token_the_start_is_refused(tmp_path: Path) -> None:
    with Region(tmp_path / "data", variables={"MERIDIAN_HTTP_HOST": "0.0.0.0"}) as region:
        assert refused(region)
        assert "refusing to listen on 0.0.0.0" in region.log()


@pytest.mark.slow
def test_a_second_ctrl_c_does_not_wait(start_region: Callable[..., Region]) -> None:
    region = start_region()
    assert region.supervisor is not None
    pid = region.pid("worker")
    assert pid is not None
    psutil.Process(pid).suspend()
    region.supervisor.send_signal(signal.SIGINT)
    time.sleep(0.5)
    began = time.monotonic()
    region.supervisor.send_signal(signal.SIGINT)
    region.supervisor.wait(8)
    assert time.monotonic() - began < 8
    assert region.supervisor.returncode == 0


def test_help_has_examples() -> None:
    text = subprocess.run([*MANAGE, "up", "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "./meridian up --region eu-west --port 8510 --dns-port 8610 --data .meridian-eu" in text
