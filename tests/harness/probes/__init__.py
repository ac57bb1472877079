"""What the tests of health checks stand on: targets that answer, real workers, and a self-signed certificate."""

from pathlib import Path

CERTIFICATE = Path(__file__).parent / "self-signed.pem"
CERTIFICATE_KEY = Path(__file__).parent / "self-signed.key"
