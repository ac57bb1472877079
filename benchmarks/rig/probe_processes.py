"""The processes of the benchmark of probes: `target PORT`, and `probe` or `fleet` TARGET VALKEY SECONDS."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence

import django
import redis.asyncio
import uvloop

django.setup()

from catalog.records.check import Check, CheckType
from catalog.records.status import Status
from registry.actions import Report
from registry.checks.counters import Counters
from registry.checks.probe_spec import Definition
from registry.checks.prober import Prober
from registry.checks.probes.engine import Engine
from registry.checks.probes.guard import Guard
from registry.checks.schedule import Alignment, Schedule

BODY = b'{"status":"healthy","service":"user-service","instance":"user-1","version":"2.1.0","uptime_seconds":1234}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
CHECKS = {
    "probe": (4000, 1.0),
    "fleet": (330, 10.0),
}  # how many and how often; 4,000 a second is more than one core can
WHO = "benchmark"


class Target(asyncio.Protocol):
    """Answers every request at once: the target must not be what is measured."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(HEAD + BODY)  # type: ignore[attr-defined]


async def serve(port: int) -> None:
    """Be the target until ended."""
    server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


async def tell(transitions: Sequence[tuple[Report, str]]) -> list[object]:
    """A catalog that takes everything at once."""
    return [1] * len(transitions)


async def probe(kind: str, target: str, valkey: str, seconds: float) -> dict[str, float]:
    """Probe for so long as a worker does, and say how it went."""
    number, interval = CHECKS[kind]
    async with redis.asyncio.Redis.from_url(valkey, decode_responses=True) as client, Engine(Guard()) as engine:
        await client.flushall()
        schedule, counters = Schedule(client, "us-east"), Counters()
        check = Check(name="http", type=CheckType.HTTP, url=target, interval=interval)
        await schedule.lead(WHO)
        checks = [Definition("default", "web", f"i{n}", "127.0.0.1", 80, check, Status.PASSING) for n in range(number)]
        delays = (0.0 if kind == "probe" else interval * n / number for n in range(number))
        await schedule.align(
            WHO, [Alignment(each.key, each, delay) for each, delay in zip(checks, delays, strict=True)]
        )
        prober = Prober(schedule, engine, tell, counters)
        storing = asyncio.create_task(prober.store())
        began, used = time.perf_counter(), time.process_time()
        await prober.round(seconds)
        await prober.drain()
        lasted, used = time.perf_counter() - began, time.process_time() - used
        storing.cancel()
    counted = counters.counted("meridian_probes_total")
    outcomes = {dict(labels)["status"]: count for (_, labels), count in counted.items()}
    return {
        "rate": sum(outcomes.values()) / lasted,
        "share": used / lasted,
        "failed": sum(outcomes.values()) - outcomes.get("passing", 0.0),
    }


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "target":
        uvloop.run(serve(int(arguments[0])))
    else:
        print(json.dumps(uvloop.run(probe(what, arguments[0], arguments[1], float(arguments[2])))))
