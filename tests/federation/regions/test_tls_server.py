"""A server speaks TLS itself with a certificate of a private authority, and regions become peers over it."""

import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from config.local.plan import BASE_DIR
from config.local.ports import free_port
from tests.federation.peers.test_tls import authority
from tests.harness.processes import plain_environment, spawn
from tests.harness.waiting import eventually

__all__ = ["authority"]  # the fixture, which makes the authority and its certificate for `localhost`
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
MANAGE = (sys.executable, str(BASE_DIR / "manage.py"))


class Place:
    """A region's data directory, and the variables with which commands work on it."""

    def __init__(self, data: Path, name: str, **given: str) -> None:
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        data.mkdir()
        plain = plain_environment()
        self.variables = {
            **plain, "MERIDIAN_REGION": name, "MERIDIAN_DATA": str(data), "MERIDIAN_HTTP_PORT": str(self.port),
            "MERIDIAN_URL": self.url, "MERIDIAN_VALKEY_URL": "redis://127.0.0.1:1/0", **given,
        }  # fmt: skip
        assert self.run("migrate", "--verbosity", "0").returncode == 0

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a management command."""
        variables = {**self.variables, **more}
        return subprocess.run(
            [*MANAGE, *arguments], env=variables, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture
def us(tmp_path: Path, authority: Path) -> Iterator[Place]:
    """us-east with a server that speaks TLS."""
    certificate = {name: str(authority / f"server.{end}") for name, end in (("CERTIFICATE", "pem"), ("KEY", "key"))}
    place = Place(tmp_path / "us", "us-east", **{f"MERIDIAN_TLS_{name}": path for name, path in certificate.items()})
    with (
        (tmp_path / "log").open("wb") as log,
        spawn([*MANAGE, "serve"], env=place.variables, stdout=log, stderr=log) as server,
    ):
        try:
            with httpx.Client(
                verify=ssl.create_default_context(cafile=authority / "ca.pem"), base_url=place.url
            ) as client:
                eventually(lambda: is_ready(client), within=60, what="the server answers over TLS")
            yield place
        finally:
            server.terminate()
            server.wait(30)


def is_ready(client: httpx.Client) -> bool:
    """Whether the server answers that it is ready."""
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_regions_become_peers_over_tls_by_a_private_authority_and_not_without_it(
    us: Place, authority: Path, tmp_path: Path
) -> None:
    eu = Place(tmp_path / "eu", "eu-west")
    token = us.run("peer", "invite", "eu-west").stdout.strip()
    refused = eu.run("peer", "accept", token)
    assert refused.returncode == 1
    assert "certificate" in refused.stderr.lower()
    accepted = eu.run("peer", "accept", token, MERIDIAN_PEER_CA=str(authority / "ca.pem"))
    assert accepted.stdout.strip() == "us-east is a peer now", accepted.stderr
