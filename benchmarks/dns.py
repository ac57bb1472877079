"""DNS answers a second beside NSD's, on one core, for the same records."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.processes import until
from config.local.plan import BASE_DIR
from config.local.ports import free_port

NAME = "dns"
TARGET = "answers a second, dnsperf on the other core, at least 0.85 of NSD's with the same records"
SERVICES, INSTANCES = 50, 6
LEAST = 0.85
RATE = re.compile(r"Queries per second:\s+([\d.]+)")
LOST = re.compile(r"Queries lost:\s+(\d+)")
CODES = re.compile(r"Response codes:\s+(.*)")
CLIENTS, OUTSTANDING = 8, 100  # few enough that neither server's socket overflows

REGISTER = """
import json, sys
from catalog.records.registration import from_mapping
from registry import actions
rows = [(*row[:3], from_mapping(row[3])) for row in json.load(sys.stdin)]
actions.register_many(rows, actor="benchmark", cause="seed")
"""
# RRL would limit each asker to 200 answers a second; the load comes from one.
NSD = """
server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: {directory}
  pidfile: {directory}/nsd.pid
  xfrdfile: {directory}/xfrd.state
  zonelistfile: {directory}/zone.list
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: consul
  zonefile: consul.zone
"""


def service(number: int) -> str:
    """The name of a service."""
    return f"service-{number:02d}"


def register(_: Path, environment: Mapping[str, str]) -> None:
    """Put the records into a region's tables."""
    rows = [
        ("default", service(number), f"i{at}", {"host": f"10.0.{number}.{at + 1}", "port": 8000 + at})
        for number in range(SERVICES)
        for at in range(INSTANCES)
    ]
    command = [sys.executable, str(BASE_DIR / "manage.py"), "shell", "-c", REGISTER]
    subprocess.run(
        command, input=json.dumps(rows), env={**os.environ, **environment}, text=True, check=True, capture_output=True
    )


def zone() -> str:
    """The same records as NSD reads them."""
    lines = ["$ORIGIN consul.", "$TTL 5", "@ SOA ns hostmaster 1 3600 600 86400 1", "@ NS ns", "ns A 127.0.0.1"]
    for number in range(SERVICES):
        for at in range(INSTANCES):
            target = f"0a00{number:02x}{at + 1:02x}.addr.us-east"
            lines.append(f"{service(number)}.service A 10.0.{number}.{at + 1}")
            lines.append(f"{service(number)}.service SRV 1 1 {8000 + at} {target}")
            lines.append(f"{target} A 10.0.{number}.{at + 1}")
    return "\n".join(lines) + "\n"


@contextmanager
def nsd(harness: Harness) -> Iterator[int]:
    """NSD with one process; yields its port."""
    with tempfile.TemporaryDirectory(prefix="meridian-bench-nsd-") as path:
        directory, port = Path(path), free_port()
        (directory / "consul.zone").write_text(zone())
        configuration = directory / "nsd.conf"
        configuration.write_text(NSD.format(port=port, directory=directory))
        with harness.running(["nsd", "-d", "-c", str(configuration)], log=directory / "nsd.log"):
            until(lambda: answers(port), what="NSD answers", within=10)
            yield port


def answers(port: int) -> bool:
    """Whether the last service is answered whole."""
    query = dns.message.make_query(f"{service(SERVICES - 1)}.service.consul", "A")
    try:
        answer = dns.query.udp(query, "127.0.0.1", port=port, timeout=1)
    except (dns.exception.DNSException, OSError):
        return False
    return bool(answer.answer) and len(answer.answer[0]) == INSTANCES


def rate(harness: Harness, port: int, rdtype: str) -> float:
    """Answers a second to questions of one type; raises RuntimeError when any was not answered well."""
    questions = "".join(f"{service(number)}.service.consul {rdtype}\n" for number in range(SERVICES))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(questions)
        file.flush()
        command = [
            "taskset", "-c", str(harness.load_core), "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", file.name,
            "-l", f"{harness.seconds:g}", "-c", str(CLIENTS), "-q", str(OUTSTANDING), "-t", "1",
        ]  # fmt: skip
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found, codes, lost = RATE.search(output), CODES.search(output), LOST.search(output)
    if found is None or codes is None or not codes[1].startswith("NOERROR") or "," in codes[1]:
        raise RuntimeError(f"dnsperf met trouble:\n{output}")
    if lost and int(lost[1]) > OUTSTANDING:
        raise RuntimeError(f"{lost[1]} questions were lost:\n{output}")
    return float(found[1])


def run(harness: Harness) -> list[Figure]:
    """Addresses, and services with their addresses."""
    with harness.region(("dns",), seed=register) as region, nsd(harness) as other:
        until(lambda: answers(region.dns_port), what=f"the DNS server answers, see {region.log}", within=20)
        return [compared(harness, rdtype, region.dns_port, other) for rdtype in ("A", "SRV")]


def compared(harness: Harness, rdtype: str, ours: int, theirs: int) -> Figure:
    """One ratio."""
    medians = harness.medians(meridian=lambda: rate(harness, ours, rdtype), nsd=lambda: rate(harness, theirs, rdtype))
    return Figure(
        name=f"DNS {rdtype}, {INSTANCES} instances, to NSD",
        value=medians["meridian"] / medians["nsd"],
        unit="x",
        target=LEAST,
        note=f"{medians['meridian']:,.0f}/s to {medians['nsd']:,.0f}/s",
    )
