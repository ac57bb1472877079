"""What the benchmarks register."""

import json
import urllib.request
from typing import Any

INSTANCE: dict[str, Any] = {
    "host": "10.0.1.5",
    "port": 8080,
    "ports": {"grpc": 50051},
    "zone": "us-east-1a",
    "version": "2.1.0",
    "tags": ["primary"],
    "metadata": {"team": "accounts"},
    "weight": 10,
    "lease": {"ttl": "1h"},
}
BODY = json.dumps(INSTANCE).encode()


def send(url: str, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    """One request: status, headers by lower-case name, body. Raises OSError and urllib's errors for a bad status."""
    request = urllib.request.Request(url + path, method=method, data=body)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def register(url: str, service: str, number: int) -> None:
    """Register `number` instances of a service in bulk."""
    for start in range(0, number, 500):
        entries = [
            {
                **INSTANCE,
                "host": f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}",
                "service": service,
                "id": f"{service}-{n}",
            }
            for n in range(start, min(number, start + 500))
        ]
        status, _, body = send(url, "POST", "/services/bulk", json.dumps({"services": entries}).encode())
        refused = [result for result in json.loads(body)["results"] if result["status"] not in (200, 201)]
        if status != 200 or refused:
            raise RuntimeError(f"the bulk was not taken: {status}, {refused[:1]}")
