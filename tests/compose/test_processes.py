"""Each service of the Compose file runs: its exact command becomes healthy by its own health check, and ends."""

import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from config.local.plan import BASE_DIR
from tests.harness.compose.description import Service
from tests.harness.compose.loopback import LoopbackRegion
from tests.harness.postgres import candidates

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(240), pytest.mark.xdist_group("regions")]

LONG_RUNNING = ("server", "worker", "beat", "dns")

Start = Callable[[str], LoopbackRegion]


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Iterator[Start]:
    """Starts a region's Valkey, and nothing else of it."""
    with ExitStack() as stack:

        def started(name: str) -> LoopbackRegion:
            region = stack.enter_context(LoopbackRegion(name, tmp_path / name, database_url=database_url))
            region.start_valkey()
            return region

        yield started


def status(region: LoopbackRegion, token: str | None) -> int:
    """The status of a lookup."""
    request = urllib.request.Request(f"http://127.0.0.1:{region.http_port}/services")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code


def test_every_process_of_a_region_becomes_healthy_and_ends_in_time(start: Start) -> None:
    region = start("us-east")
    region.run_once("prepare")
    for part in LONG_RUNNING:
        region.start(part)
    for part in LONG_RUNNING:
        region.wait_healthy(part)
    token = (region.data / "operator-token").read_text().strip()
    assert (status(region, token), status(region, None)) == (200, 401)
    assert {part: region.stop(part) for part in reversed(LONG_RUNNING)} == dict.fromkeys(LONG_RUNNING, 0)


def test_preparing_again_keeps_the_first_token(start: Start) -> None:
    region = start("us-east")
    region.run_once("prepare")
    token = region.data / "operator-token"
    assert token.stat().st_mode & 0o777 == 0o600
    before = token.read_text()
    assert region.run_once("prepare") == ""
    assert token.read_text() == before
    token.unlink()
    region.run_once("prepare")
    assert not token.exists()


def test_valkey_lets_nobody_in_without_the_password(start: Start) -> None:
    region = start("us-east")
    with region.valkey() as client, pytest.raises(redis.AuthenticationError):
        client.get("anything")
    with region.valkey(region.valkey_password()) as client:
        assert client.ping()


def test_what_does_not_run_is_not_healthy(start: Start) -> None:
    region = start("us-east")
    said = {part: region.health(part) for part in LONG_RUNNING}
    assert {part: answer.returncode for part, answer in said.items()} == dict.fromkeys(LONG_RUNNING, 1)
    assert "does not answer" in said["server"].stderr
    assert "does not answer" in said["dns"].stderr
    assert "no worker has been seen at work yet" in said["worker"].stderr
    assert "no worker has been seen at work yet" in said["beat"].stderr


def test_the_database_s_health_check_is_one_that_its_tools_know(database_url: str) -> None:
    kind, tool, *options = Service("us-east", "database").health
    assert kind == "CMD"
    socket = database_url.partition("?host=")[2]
    answer = subprocess.run([candidates()[0] / tool, *options, "--host", socket], cwd=BASE_DIR, timeout=30, check=False)
    assert answer.returncode == 0
