"""Probes over TLS to a server whose certificate is trusted. Untrusted ones are in the tests of the types."""

import os
import subprocess
import sys
from pathlib import Path

from tests.harness.probes.trusted import VARIABLES


def test_a_trusted_certificate_passes_by_address_and_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.probes.trusted"],
        cwd=Path(__file__).resolve().parents[4],
        env={**os.environ, **VARIABLES},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert [line.partition(" ")[0] for line in done.stdout.splitlines()] == ["passing"] * 4
