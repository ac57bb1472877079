"""Requests and commands to a running region."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from tests.harness.processes import plain_environment
from tests.harness.region import Region


def call(
    region: Region, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """Status and JSON of a request; any status is an answer."""
    data = json.dumps(body).encode() if body is not None else None
    given = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(region.url + path, data=data, method=method, headers=given)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, json.loads(answer.read() or b"null")


def register(region: Region, service: str, id: str, **given: Any) -> None:
    """Register an instance, or replace it."""
    body = {"host": "10.0.0.1", "port": 8080, "zone": f"{region.name}-1a", **given}
    status, answer = call(region, "PUT", f"/services/{service}/{id}", body)
    assert status in (200, 201), answer


def deregister(region: Region, service: str, id: str) -> None:
    """Remove an instance."""
    status, answer = call(region, "DELETE", f"/services/{service}/{id}")
    assert status in (200, 204), answer


def answered(region: Region, service: str, query: str = "") -> list[str]:
    """The ids that a lookup returns, sorted."""
    status, answer = call(region, "GET", f"/services/{service}{query}")
    assert status in (200, 404), answer
    return sorted(one["id"] for one in answer) if status == 200 else []


def manage(region: Region, *arguments: str, within: float = 60.0) -> str:
    """What a management command of the region prints. Raises AssertionError with its complaint when it fails."""
    done = subprocess.run(
        [sys.executable, str(region.code / "manage.py"), *arguments],
        env={**plain_environment(), **region.settings()}, capture_output=True, text=True, timeout=within, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
