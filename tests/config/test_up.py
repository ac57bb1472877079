"""`manage.py up` runs a whole region, and leaves nothing behind however it ends."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis

from tests.region import Region, eventually

pytestmark = [pytest.mark.timeout(150), pytest.mark.xdist_group("regions")]


def alive(processes: list[psutil.Process]) -> list[str]:
    """Command lines of those that still run; a process id used again by another process does not count."""
    found = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return found


def names(processes: list[psutil.Process]) -> str:
    return "\n".join(" ".join(process.cmdline()) for process in processes)


def with_every_child(region: Region) -> list[psutil.Process]:
    """All processes of the region once the worker's pool is up: two pool processes below the worker."""

    def complete() -> list[psutil.Process] | None:
        pid = region.pid("worker")
        pool = psutil.Process(pid).children() if pid else []
        return region.processes() if len(pool) >= 2 else None

    found: list[psutil.Process] = eventually(complete, within=30, what="the worker's pool is up")
    return found


def test_ctrl_c_ends_every_process(start_region: Callable[..., Region]) -> None:
    region = start_region()
    processes = with_every_child(region)
    assert "valkey-server" in names(processes)
    assert "celery" in names(processes)
    assert region.stop(signal.SIGINT) == 0
    assert alive(processes) == []
    assert not (region.data / "processes.json").exists()


def test_sigkill_of_the_supervisor_leaves_nothing_behind(start_region: Callable[..., Region]) -> None:
    region = start_region()
    processes = with_every_child(region)
    assert region.supervisor is not None
    region.supervisor.kill()
    region.supervisor.wait(10)
    eventually(lambda: not alive(processes), within=10, what="everything has ended")


@pytest.mark.parametrize("name", ["server", "worker", "valkey"])
def test_a_process_that_is_killed_comes_back(start_region: Callable[..., Region], name: str) -> None:
    region = start_region()
    was = region.kill(name)
    assert region.wait_restarted(name, was=was) != was
    eventually(lambda: region.get("/health/ready")[0] == 200, within=20, what="the region is ready again")


def test_a_killed_valkey_comes_back_where_it_was(start_region: Callable[..., Region]) -> None:
    region = start_region()
    was = region.kill("valkey")
    region.wait_restarted("valkey", was=was)
    with redis.Redis.from_url(region.valkey_url) as client:
        assert eventually(lambda: answers(client), what="Valkey answers")


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_a_region_starts_again_over_its_data(start_region: Callable[..., Region]) -> None:
    region = start_region()
    key = (region.data / "secret-key").read_text()
    assert region.stop() == 0
    region.start()
    assert region.get("/health/ready")[0] == 200
    assert (region.data / "secret-key").read_text() == key


def test_two_regions_over_the_same_data_are_refused(start_region: Callable[..., Region]) -> None:
    region = start_region()
    second = Region(region.data, variables=region.variables)
    second.output = region.data.with_suffix(".second.log")
    second.start(wait=False)
    assert second.supervisor is not None
    assert second.supervisor.wait(20) == 1
    assert "another region already runs over" in second.log()
    assert region.get("/health/ready")[0] == 200


@pytest.mark.parametrize(
    ("flag", "kind"), [("--port", socket.SOCK_STREAM), ("--dns-port", socket.SOCK_STREAM), ("--dns-port", socket.SOCK_DGRAM)]
)
def test_a_busy_port_is_said_before_anything_starts(tmp_path: Path, flag: str, kind: socket.SocketKind) -> None:
    region = Region(tmp_path / "data")
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", region.http_port if flag == "--port" else region.dns_port))
        if kind == socket.SOCK_STREAM:
            taken.listen(1)
        region.start(wait=False)
        assert region.supervisor is not None
        assert region.supervisor.wait(20) == 1
        port = taken.getsockname()[1]
    assert f"port {port} on 127.0.0.1" in region.log()
    assert f"choose another with {flag}." in region.log()
    assert not (tmp_path / "data" / "meridian.sqlite3").exists()


def test_the_record_names_every_process(start_region: Callable[..., Region]) -> None:
    region = start_region()
    record = json.loads((region.data / "processes.json").read_text())
    assert {"valkey", "server", "worker", "beat", "dns"} <= set(record["processes"])
    assert record["url"] == region.url


def test_ctrl_c_during_the_start_ends_everything(tmp_path: Path) -> None:
    region = Region(tmp_path / "data")
    region.start(wait=False)
    eventually(lambda: (tmp_path / "data" / "processes.json").exists(), within=20, what="the first process has started")
    processes = region.processes()
    assert region.stop(signal.SIGINT) == 0
    assert alive(processes) == []


def test_the_admin_site_answers_with_a_strict_policy(start_region: Callable[..., Region]) -> None:
    region = start_region()
    status, body = region.get("/admin/login/")
    assert status == 200
    assert b"csrfmiddlewaretoken" in body
    assert region.get("/static/admin/css/base.css")[0] == 200
    assert region.get("/api/v1/docs")[0] == 200


def test_off_loopback_without_a_token_the_start_is_refused(tmp_path: Path) -> None:
    region = Region(tmp_path / "data", variables={"MERIDIAN_HTTP_HOST": "0.0.0.0"})
    region.start(wait=False)
    assert region.supervisor is not None
    assert region.supervisor.wait(40) == 1
    assert "refusing to listen on 0.0.0.0" in region.log()


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
    from config.plan import MANAGE

    text = subprocess.run([*MANAGE, "up", "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "manage.py up --region eu-west --port 8510 --dns-port 8610 --data .meridian-eu" in text
