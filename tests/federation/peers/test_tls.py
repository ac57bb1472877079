"""Regions over TLS trust a certificate authority of one's own, and no other."""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from catalog.errors import Unavailable
from config.environment import EnvironmentProblem, read_environment
from registry.database import in_thread
from registry.models import Region
from tests.harness.federation.serving import FederationServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a private CA and a certificate that it gave to `localhost`."""
    place = tmp_path_factory.mktemp("ca")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True, timeout=30)

    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2")
    openssl(*new, "-subj", "/CN=private CA", "-keyout", "ca.key", "-out", "ca.pem")
    given = ("-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE")
    openssl(*new, "-subj", "/CN=localhost", *given, "-CA", "ca.pem", "-CAkey", "ca.key",
            "-keyout", "server.key", "-out", "server.pem")  # fmt: skip
    return place


@pytest.fixture
async def served(authority: Path) -> AsyncIterator[FederationServer]:
    """This region's paths over TLS."""
    await in_thread(lambda: Region.objects.create(name="us-east", log_id="one", digest="0" * 64))
    running = await FederationServer.start(ssl_certfile=authority / "server.pem", ssl_keyfile=authority / "server.key")
    yield running
    await running.stop()


def trusting(authority: Path | None) -> Any:
    """Settings with this CA for peers."""
    before = {name: getattr(settings.MERIDIAN, name) for name in settings.MERIDIAN.__slots__}
    return override_settings(MERIDIAN=type(settings.MERIDIAN)(**{**before, "peer_ca": authority}))


async def test_a_peer_with_a_certificate_of_our_own_authority_is_believed(
    served: FederationServer, authority: Path
) -> None:
    with trusting(authority / "ca.pem"):
        row = await served.client(url=served.url.replace("127.0.0.1", "localhost")).row()
    assert row.region == "us-east"


async def test_a_peer_with_a_certificate_of_somebody_else_is_not(served: FederationServer) -> None:
    with trusting(None), pytest.raises(Unavailable, match=r"(?i)certificate"):
        await served.client(url=served.url.replace("127.0.0.1", "localhost")).row()


async def test_a_certificate_is_good_for_its_own_name_alone(served: FederationServer, authority: Path) -> None:
    with trusting(authority / "ca.pem"), pytest.raises(Unavailable, match=r"(?i)certificate"):
        await served.client().row()


def test_a_certificate_without_its_key_is_refused_in_words(authority: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="MERIDIAN_TLS_CERTIFICATE and MERIDIAN_TLS_KEY go together"):
        read_environment({"MERIDIAN_TLS_CERTIFICATE": str(authority / "server.pem")})


def test_where_this_region_is_must_be_a_url() -> None:
    with pytest.raises(EnvironmentProblem, match="MERIDIAN_URL"):
        read_environment({"MERIDIAN_URL": "us-east.example"})
