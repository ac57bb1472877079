"""Whether one process of a region does its work: `python -m compose.health server|dns|worker|beat`.

Asked inside the process's own container, so it needs nothing that the process does not need itself. Exits with 0 for
yes; otherwise one sentence says why not.
"""

import asyncio
import http.client
import os
import sys
import time
from collections.abc import Callable

import dns.exception
import dns.message
import dns.query
import dns.rcode

from catalog.errors import Unavailable
from config.environment import Address, Environment, read_environment

PATIENCE = 5.0  # seconds for one question
SILENCE = 30.0  # seconds without a round of probes (one is due each second) before the worker counts as down
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to ask where a server listens on all addresses


class Unhealthy(Exception):
    """The process does not do its work; the message is one sentence."""


def server(environment: Environment) -> None:
    """The server has its view and answers from it."""
    host, port = _asked(environment.http)
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/health/ready")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as problem:
        raise Unhealthy(f"the server on {environment.http} does not answer: {problem}") from None
    finally:
        connection.close()
    if status != 200:
        raise Unhealthy(f"the server on {environment.http} is not ready: status {status}")


def name_server(environment: Environment) -> None:
    """The DNS server answers for its domain."""
    host, port = _asked(environment.dns)
    domain = environment.dns_domains[0]
    try:
        answer = dns.query.udp(dns.message.make_query(domain, "SOA"), host, port=port, timeout=PATIENCE)
    except (OSError, dns.exception.DNSException) as problem:
        raise Unhealthy(f"the DNS server on {environment.dns} does not answer: {problem}") from None
    if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
        raise Unhealthy(f"the DNS server on {environment.dns} does not know {domain}")


def tasks(_: Environment) -> None:
    """The region's tasks are given out and done. One sign for worker and beat: neither does anything alone."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from registry.checks.probe_heartbeat import last_round

    try:
        seen = asyncio.run(last_round())
    except Unavailable as problem:
        raise Unhealthy(str(problem)) from None
    if seen is None:
        raise Unhealthy("no worker has been seen at work yet")
    if time.time() - seen > SILENCE:
        raise Unhealthy(f"no worker has been seen at work for {time.time() - seen:.0f} s")


CHECKS: dict[str, Callable[[Environment], None]] = {
    "server": server,
    "dns": name_server,
    "worker": tasks,
    "beat": tasks,
}


def _asked(address: Address) -> tuple[str, int]:
    return EVERYWHERE.get(address.host, address.host), address.port


def main() -> None:
    """Check the process named on the command line."""
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        sys.exit(f"usage: python -m compose.health {'|'.join(CHECKS)}")
    try:
        CHECKS[sys.argv[1]](read_environment(os.environ))
    except Unhealthy as problem:
        sys.exit(f"{problem}.")


if __name__ == "__main__":
    main()
