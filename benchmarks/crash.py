"""From the crash of an instance with a lease of five seconds until no dialect returns it."""

import asyncio
import json
import statistics
import time

import dns.message
import dns.query
import dns.rdatatype

from benchmarks.rig.content import INSTANCE, send
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.processes import until

NAME = "crash"
TARGET = "crash of an instance with a 5 s lease until no dialect returns it: under 7 s"

LEASE = 5.0
RENEW_EVERY = LEASE / 3
ROUNDS = 3


def run(harness: Harness) -> list[Figure]:
    """See TARGET. The crash comes right after a renewal, which is the worst moment for it."""
    with harness.region(("server", "worker", "beat", "dns"), pinned=False) as region:
        body = json.dumps({**INSTANCE, "lease": {"ttl": f"{LEASE:g}s"}}).encode()
        for id in ("stays-1", "stays-2", "stays-3"):
            send(region.url, "PUT", f"/services/crashing/{id}", json.dumps({**INSTANCE, "host": "10.0.1.9"}).encode())
        until(lambda: b'"workers":"ok"' in send(region.url, "GET", "/health")[2], what="the workers work")
        times = [asyncio.run(_crash(region.url, region.dns_port, body, number)) for number in range(ROUNDS)]
    return [
        Figure(
            name="crash until no dialect returns it", value=max(times), unit="s", target=7, at_least=False,
            note=f"the worst of {ROUNDS}; median {statistics.median(times):.2f} s; HTTP and DNS",
        )
    ]  # fmt: skip


async def _crash(url: str, dns_port: int, body: bytes, number: int) -> float:
    id, address = f"crash-{number}", f"10.9.9.{number + 1}"
    body = body.replace(b"10.0.1.5", address.encode())
    await asyncio.to_thread(send, url, "PUT", f"/services/crashing/{id}", body)
    for _ in range(3):
        await asyncio.sleep(RENEW_EVERY)
        await asyncio.to_thread(send, url, "PUT", f"/services/crashing/{id}/renew", b"")
    began = time.monotonic()
    while await asyncio.to_thread(_is_returned, url, dns_port, id, address):
        if time.monotonic() - began > 60:
            raise TimeoutError(f"{id} is still returned")
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def _is_returned(url: str, dns_port: int, id: str, address: str) -> bool:
    _, _, found = send(url, "GET", "/services/crashing")
    if f'"{id}"'.encode() in found:
        return True
    query = dns.message.make_query("crashing.service.consul", dns.rdatatype.A)
    answer = dns.query.udp(query, "127.0.0.1", port=dns_port, timeout=5)
    return any(address in rrset.to_text() for rrset in answer.answer)
