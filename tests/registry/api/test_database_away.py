"""The API while the database is away: it says so and when to ask again, and loses nothing."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


@contextmanager
def away(database: Path) -> Iterator[None]:
    """The database cannot be opened, as when its disk is gone."""
    aside = database.with_suffix(".aside")
    database.rename(aside)
    database.mkdir()
    yield
    database.rmdir()
    aside.rename(database)


def ask(region: Region, method: str, path: str, body: Any = None) -> tuple[int, Any, Message]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        region.url + path, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or "null"), answer.headers
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, json.loads(answer.read()), answer.headers


def test_reads_are_refused_with_a_time_to_try_again_while_lookups_go_on(tmp_path: Path) -> None:
    with Region(tmp_path / "region") as region:
        region.start()
        body = {"host": "10.0.1.5", "port": 8080}
        assert ask(region, "PUT", "/api/v1/instances/user-service/user-1", body)[0] == 201
        eventually(lambda: region.get("/services/user-service")[0] == 200, what="the view holds it")
        with away(region.data / "meridian.sqlite3"):
            for path in ("/api/v1/instances", "/api/v1/services/user-service", "/api/v1/changes", "/api/v1/regions"):
                status, problem, headers = ask(region, "GET", path)
                assert (status, headers["Content-Type"]) == (503, "application/problem+json"), path
                assert int(headers["Retry-After"]) >= 1
                assert problem["type"] == "urn:meridian:problem:unavailable"
            assert region.get("/services/user-service")[0] == 200
            assert region.get("/api/v1/schema")[0] == 200
        assert ask(region, "GET", "/api/v1/instances/user-service/user-1")[0] == 200
