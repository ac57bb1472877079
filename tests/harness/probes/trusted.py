"""Probes over TLS in a process that trusts the certificate of the tests; prints one status a line.

Who is trusted is decided by the environment when the libraries are loaded, so it takes a process of its own.
"""

import asyncio
import ssl

import grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse

from catalog.records.check import Check, CheckType
from registry.checks.probes.engine import Engine
from registry.checks.probes.guard import Guard
from tests.harness.probes import CERTIFICATE, CERTIFICATE_KEY
from tests.harness.probes.servers import grpc_target, http_check, http_target

VARIABLES = {"SSL_CERT_FILE": str(CERTIFICATE), "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(CERTIFICATE)}


async def main() -> None:
    """Ask by address and by name, over HTTPS and gRPC."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE_KEY)
    credentials = grpc.ssl_server_credentials([(CERTIFICATE_KEY.read_bytes(), CERTIFICATE.read_bytes())])
    async with Engine(Guard()) as engine, http_target(context) as http, grpc_target(credentials) as (port, servicer):
        await servicer.set("", HealthCheckResponse.SERVING)
        for host in ("127.0.0.1", "localhost"):
            url = f"https://{host}:{http.port}/"
            for check in (http_check(url), Check(name="grpc", type=CheckType.GRPC, tls=True)):
                outcome = await engine.probe(check, (host, port))
                print(outcome.status, outcome.output)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    asyncio.run(main())
