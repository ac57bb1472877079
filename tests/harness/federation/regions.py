"""Two or three whole regions as real processes, peered over links of the tests' own."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from config.local.plan import BASE_DIR
from tests.harness.region import Region
from tests.harness.waiting import eventually


def manage(region: Region, *arguments: str, within: float = 60.0) -> str:
    """What a management command of the region prints. Raises AssertionError with its complaint when it fails."""
    done = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        env={**_plain(), **region.settings()}, capture_output=True, text=True, timeout=within, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _plain() -> dict[str, str]:
    import os

    return {key: value for key, value in os.environ.items() if not key.startswith(("MERIDIAN_", "DJANGO_"))}


def join(inviting: Region, accepting: Region, *, inviting_url: str | None = None, accepting_url: str | None = None):
    """Make two regions peers; the URLs are those under which each is reached by the other."""
    token = manage(inviting, "peer", "invite", accepting.name, "--url", inviting_url or inviting.url).splitlines()[-1]
    manage(accepting, "peer", "accept", token, "--url", accepting_url or accepting.url)


def call(region: Region, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None):
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


def register(region: Region, service: str, id: str, *, port: int = 80) -> None:
    """Register an instance in a region."""
    status, answer = call(region, "PUT", f"/services/{service}/{id}", {"host": "10.0.0.1", "port": port})
    assert status in (200, 201), answer


def deregister(region: Region, service: str, id: str) -> None:
    """Take it away again."""
    status, answer = call(region, "DELETE", f"/services/{service}/{id}")
    assert status in (200, 204), answer


def logs(region: Region) -> dict[str, Any]:
    """The regions whose logs are kept in a region, by name."""
    status, answer = call(region, "GET", "/api/v1/regions")
    assert status == 200, answer
    return {row["name"]: row for row in answer}


def agree(*regions: Region, on: str) -> bool:
    """Whether all of them hold the same of one region."""
    held = [logs(region).get(on) for region in regions]
    states = {(row["log_id"], row["index"], row["digest"]) if row else None for row in held}
    return len(states) == 1 and None not in states


def converged(*regions: Region) -> bool:
    """Whether all of them hold the same of each."""
    return all(agree(*regions, on=region.name) for region in regions)


def await_converged(*regions: Region, within: float = 10.0) -> None:
    """Wait until all of them hold the same of each."""
    eventually(lambda: converged(*regions), within=within, what="all regions hold the same of each")


def matrix(region: Region) -> dict[tuple[str, str], dict[str, Any]]:
    """The cells of the matrix as a region shows them, by who holds and of whom."""
    cells = json.loads(manage(region, "peer", "status", "--json"))["cells"]
    return {(cell["by"], cell["of"]): cell for cell in cells}
