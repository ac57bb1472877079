"""What goes on while a part of a region is down. Each test really stops the part."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.harness.postgres import Postgres
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

BODY = {"host": "127.0.0.1", "port": 9, "lease": {"ttl": "60s"}}


class Ground:
    """A region over a PostgreSQL of its own, which can be stopped or frozen."""

    def __init__(self, place: Path) -> None:
        # Not in pytest's own directory, which is closed to the account that the server runs under.
        self.files = tempfile.TemporaryDirectory(prefix="mfaults")
        self.postgres = Postgres(Path(self.files.name) / "postgres")
        self.postgres.start()
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE region")
        self.region = Region(place / "data", variables={"MERIDIAN_DATABASE_URL": self.postgres.url("region")})
        self.frozen: list[psutil.Process] = []

    def stop_database(self) -> None:
        server = self.postgres._server
        assert server is not None
        server.send_signal(signal.SIGINT)  # ends every connection
        server.wait(20)

    def freeze_database(self) -> None:
        server = self.postgres._server
        assert server is not None
        top = psutil.Process(server.pid)
        top.suspend()  # first, so that it starts no more
        self.frozen = [top, *top.children(recursive=True)]
        for process in self.frozen[1:]:
            process.suspend()

    def thaw_database(self) -> None:
        for process in reversed(self.frozen):
            process.resume()
        self.frozen = []

    def close(self) -> None:
        self.thaw_database()
        self.region.stop()
        self.postgres.stop()
        self.files.cleanup()


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    place = tmp_path / "ground"
    place.mkdir()
    for directory in (tmp_path.parent.parent, tmp_path.parent, tmp_path, place):
        directory.chmod(0o755)  # PostgreSQL runs as another user
    made = Ground(place)
    try:
        made.region.start()
        yield made
    finally:
        made.close()


def freshness(client: httpx.Client) -> str:
    return str(client.get("/services/web").headers["meridian-freshness"]).partition(";")[0]


def ids(client: httpx.Client) -> list[str]:
    answer = client.get("/services/web")
    assert answer.status_code == 200, answer.text
    return [instance["id"] for instance in answer.json()]


def test_without_its_database_a_region_answers_and_renews_and_a_new_server_starts(ground: Ground) -> None:
    with httpx.Client(base_url=ground.region.url, timeout=15) as client:
        assert client.put("/services/web/a", json=BODY).status_code == 201
        index = client.get("/services/web").headers["meridian-index"]
        ground.stop_database()
        refused = client.put("/services/web/b", json=BODY)
        assert refused.status_code == 503, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
        eventually(lambda: freshness(client) == "stale", what="the answers are marked stale")
        assert ids(client) == ["a"]
        assert client.get(f"/services/web?index={index}&wait=100ms").status_code == 200
        assert client.put("/services/web/a/renew").status_code == 204
        health = eventually(lambda: _unwell(client, "database"), what="health tells of the database")
        assert health["status"] == "degraded"
        assert health["checks"]["database"].startswith("the database cannot be reached: ")
        assert health["checks"]["cache"] == "ok"

        killed = ground.region.kill("server", signal.SIGTERM)
        ground.region.wait_restarted("server", was=killed, within=40)
        eventually(lambda: _answers(client, "/health/ready"), within=40, what="the new server is ready")
        assert ids(client) == ["a"]
        assert freshness(client) == "stale"
        assert client.put("/services/web/a/renew").status_code == 204


def test_a_database_that_hangs_holds_up_no_lookup_and_no_health(ground: Ground) -> None:
    with httpx.Client(base_url=ground.region.url, timeout=15) as client:
        assert client.put("/services/web/a", json=BODY).status_code == 201
        ground.freeze_database()
        eventually(lambda: _unwell(client, "database"), what="health tells of the database")
        for path in ("/health", "/services/web", "/metrics"):
            began = time.monotonic()
            assert client.get(path).status_code == 200
            assert time.monotonic() - began < 2.0, path
        refused = client.put("/services/web/b", json=BODY)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True), refused.text
        ground.thaw_database()
        eventually(lambda: freshness(client) == "live", within=20, what="the region is live again")
        eventually(lambda: client.put("/services/web/c", json=BODY).is_success, within=20, what="writes go on")
        assert {"a", "c"} <= set(ids(client))


def test_without_valkey_lookups_and_writes_go_on(start_region: Callable[..., Region]) -> None:
    region = start_region()
    with httpx.Client(base_url=region.url, timeout=15) as client:
        assert client.put("/services/web/a", json=BODY).status_code == 201
        valkey = region.pid("valkey")
        assert valkey is not None
        os.kill(valkey, signal.SIGSTOP)  # the supervisor would start a killed one again at once
        try:
            assert client.put("/services/web/b", json=BODY).status_code == 201
            assert ids(client) == ["a", "b"]
            refused = client.put("/services/web/a/renew")
            assert refused.status_code == 503
            assert "retry-after" in refused.headers
            eventually(lambda: _unwell(client, "cache"), what="health tells of the cache")
            assert client.get("/metrics").status_code == 200
        finally:
            os.kill(valkey, signal.SIGCONT)
        eventually(lambda: client.put("/services/web/a/renew").is_success, within=20, what="renewals go on")
        assert ids(client) == ["a", "b"]


def test_without_workers_verdicts_grow_old_but_everybody_is_served(start_region: Callable[..., Region]) -> None:
    region = start_region()
    check = {"type": "tcp", "address": f"127.0.0.1:{region.http_port}", "interval": "1s", "timeout": "1s"}
    with httpx.Client(base_url=region.url, timeout=15) as client:
        assert client.put("/services/web/a", json={**BODY, "checks": [check]}).status_code == 201
        eventually(lambda: _statuses(client) == ["passing"], within=40, what="the instance was probed")
        pid = region.pid("worker")
        assert pid is not None
        os.killpg(pid, signal.SIGSTOP)
        try:
            eventually(lambda: _statuses(client) == ["unknown"], within=40, what="the verdict is no longer trusted")
            assert _unwell(client, "workers")["status"] == "degraded"
            assert client.put("/services/web/b", json=BODY).status_code == 201
            assert ids(client) == ["b", "a"]
        finally:
            os.killpg(pid, signal.SIGCONT)
        eventually(lambda: _statuses(client) == ["passing", "passing"], within=40, what="probes go on")


def _unwell(client: httpx.Client, part: str) -> dict[str, str]:
    health: dict[str, dict[str, str]] = client.get("/health").json()
    return health if health["checks"][part] != "ok" else {}  # type: ignore[return-value]


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False


def _statuses(client: httpx.Client) -> list[str]:
    return [instance["status"] for instance in client.get("/services/web").json()]
