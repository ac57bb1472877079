"""Two regions that mirror each other, over links of this machine: how fresh, fast, soon equal again, and thrifty."""

import asyncio
import json
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from benchmarks.rig.content import BODY, INSTANCE, register, send
from benchmarks.rig.cost import cpu_time
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.parked_client import fetch
from benchmarks.rig.processes import Region, answers, until
from tests.harness.federation.link import Link

NAME = "federation"
TARGET = (
    "a change elsewhere in 50 ms, remote lookups as fast as local ones, equal in 5 s after a cut, 600 bytes a change"
)

PARTS = ("server", "worker", "beat")
CHANGES = 200  # whose way to the other region is timed
PAUSE = 0.02  # seconds between them
FAR = 0.080  # seconds one way
CUT, CUT_CHANGES = 60.0, 1_000
STREAM, A_SECOND = 15.0, 100
SHORT_ROUNDS = 15  # of a second each, for what is compared
HERE, THERE = "us-east", "eu-west"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two regions, and the link by which each reaches the other."""

    here: Region
    there: Region
    outward: Link
    homeward: Link

    def each_link(self) -> tuple[Link, Link]:
        """Both."""
        return self.outward, self.homeward


def run(harness: Harness) -> list[Figure]:
    """See TARGET. Links add nothing unless said; the worker, which follows the peer, shares the core of its region."""
    quick = harness.rounds == 1
    with _pair(harness) as pair:
        figures = [
            *_visible(pair, "no added delay", p50=50, p99=250),
            *_visible_far(pair),
            *_lookups(harness, pair),
            _bytes_per_change(pair, seconds=3 if quick else STREAM),
            _after_a_cut(pair, seconds=5 if quick else CUT),
        ]
    figures.append(_first_sync(harness, 10_000, target=5))
    if not quick:
        figures.append(_first_sync(harness, 100_000, target=45))
    return figures


@contextmanager
def _pair(harness: Harness, *, instances: int = 0) -> Iterator[Pair]:
    """Two regions on the two cores; peers already, unless `instances` are to be synced first."""
    with ExitStack() as stack:
        here = stack.enter_context(harness.region(PARTS, name=HERE, pinned=False))
        there = stack.enter_context(harness.region(PARTS, name=THERE, pinned=False))
        outward, homeward = (stack.enter_context(Link(int(region.url.rpartition(":")[2]))) for region in (there, here))
        pair = Pair(here, there, outward, homeward)
        if not instances:
            _join(pair)
            until(lambda: _equal(pair) and _live(pair), what="the regions hold the same", within=60)
        yield pair


def _join(pair: Pair) -> None:
    invited = _post(pair.here, "/api/v1/peers", {"region": THERE, "url": pair.homeward.url})
    _post(pair.there, "/api/v1/peers/accept", {"token": invited["token"], "url": pair.outward.url})


def _post(region: Region, path: str, body: dict[str, str]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(region.url + path, method="POST", data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def _visible(pair: Pair, how: str, *, p50: float | None, p99: float) -> list[Figure]:
    delays = sorted(asyncio.run(_delays(pair)))
    late = delays[int(len(delays) * 0.99)] * 1000
    middle = statistics.median(delays) * 1000
    return [
        Figure(name=f"seen in the other region, {how}, p50", value=middle, unit="ms", target=p50, at_least=False),
        Figure(
            name=f"seen in the other region, {how}, p99", value=late, unit="ms", target=p99, at_least=False,
            note=f"of {len(delays)}; the slowest {delays[-1] * 1000:.0f} ms",
        ),
    ]  # fmt: skip


def _visible_far(pair: Pair) -> list[Figure]:
    for link in pair.each_link():
        link.delay(FAR)
    time.sleep(3 * FAR)
    try:
        return _visible(pair, f"{FAR * 1000:.0f} ms one way", p50=None, p99=500)
    finally:
        for link in pair.each_link():
            link.delay(0)


async def _delays(pair: Pair) -> list[float]:
    """Seconds from sending a registration here to the answer of a lookup that waits for it there."""
    delays = []
    mark = f"{time.time():.0f}"
    for number in range(CHANGES):
        path = f"/services/visible-{mark}-{number}"
        waiting = asyncio.create_task(fetch(pair.there.url, "GET", f"{path}?region={HERE}&wait=10s"))
        await asyncio.sleep(PAUSE)
        began = time.monotonic()
        registered = asyncio.create_task(fetch(pair.here.url, "PUT", f"{path}/a", BODY))
        status, _, _, _ = await waiting
        seen = time.monotonic()
        written, _, _, _ = await registered
        if status != 200 or written != 201:
            raise RuntimeError(f"registration {number} was answered {written}, the lookup that waited {status}")
        delays.append(seen - began)
    return delays


def _lookups(harness: Harness, pair: Pair) -> list[Figure]:
    """What a lookup costs the server, by whom it is about. All three are answers at hand, of the same length.

    Wall time would tell more of the other processes than of the lookups: two regions, the links and wrk share two
    cores. So it is the server's CPU time that is compared, over rounds so short that what drifts hits all alike.
    """
    for region in (pair.here, pair.there):
        register(region.url, "user-service", 6)
    base = f"{pair.here.url}/services/user-service"
    asked = {"local": base, "named": f"{base}?region={HERE}", "remote": f"{base}?region={THERE}"}
    until(lambda: _equal(pair) and answers(asked["remote"]), what="user-service is known of both regions")
    lengths = {len(send(url, "GET", "")[2]) for url in asked.values()}
    if len(lengths) != 1:
        raise RuntimeError(f"the answers to be compared are {sorted(lengths)} bytes long")
    server = pair.here.processes["server"].pid
    short = replace(harness, rounds=max(SHORT_ROUNDS, harness.rounds), seconds=1.0)
    rates = short.medians(**{name: partial(_for_cpu, short, url, server) for name, url in asked.items()})
    said = ", ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items()) + " of the server's CPU time"
    return [
        Figure(name="lookup of a remote region to the local one's", value=rates["remote"] / rates["named"], unit="x",
               target=0.95, note=said),
        Figure(name="lookup of a remote region to one that names none", value=rates["remote"] / rates["local"],
               unit="x", target=0.95),
    ]  # fmt: skip


def _for_cpu(harness: Harness, url: str, server: int) -> float:
    """Answers for each second of the server's CPU time."""
    before = cpu_time(server)
    load = harness.wrk(url)
    if load.bad:
        raise RuntimeError(f"{load.bad} of the answers of {url} were bad")
    return load.answers / (cpu_time(server) - before)


def _bytes_per_change(pair: Pair, *, seconds: float) -> Figure:
    """All bytes both ways on the link by which the changes are read, whatever they are for."""
    before, index = _bytes(pair.homeward), _index(pair.here)
    asyncio.run(_stream(pair.here, seconds))
    until(lambda: _equal(pair), what="the stream has arrived", within=20)
    changes, crossed = _index(pair.here) - index, _bytes(pair.homeward) - before
    note = f"{changes} changes in {seconds:g} s and {crossed:,} bytes, questions and beats included"
    return Figure(name="bytes on the link for each change", value=crossed / changes, unit="B", target=600,
                  at_least=False, note=note)  # fmt: skip


async def _stream(region: Region, seconds: float) -> None:
    """A steady stream of changes, each a registration that differs from the one before."""
    began, sent, number = time.monotonic(), [], 0
    while number < seconds * A_SECOND:
        body = json.dumps({**INSTANCE, "version": f"1.{number}.0"}).encode()
        sent.append(asyncio.create_task(fetch(region.url, "PUT", f"/services/stream/s{number % 50}", body)))
        number += 1
        await asyncio.sleep(max(0.0, began + number / A_SECOND - time.monotonic()))
    await asyncio.gather(*sent)


def _bytes(link: Link) -> int:
    return link.bytes_sent + link.bytes_received


def _after_a_cut(pair: Pair, *, seconds: float) -> Figure:
    for link in pair.each_link():
        link.cut()
    began = time.monotonic()
    for region in (pair.here, pair.there):
        register(region.url, "cut", CUT_CHANGES)
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    for link in pair.each_link():
        link.heal()
    healed = time.monotonic()
    until(lambda: _equal(pair), what="the regions agree after the cut", within=60)
    note = f"{CUT_CHANGES} changes on each side of a cut of {seconds:g} s"
    took = time.monotonic() - healed
    return Figure(name="from heal to equal digests", value=took, unit="s", target=5, at_least=False, note=note)


def _first_sync(harness: Harness, instances: int, *, target: float) -> Figure:
    """From the invitation to equal digests and an answer to a lookup."""
    services = max(10, instances // 1_000)
    with _pair(harness, instances=instances) as pair:
        for number in range(services):
            register(pair.here.url, f"service-{number}", instances // services)
        last = f"{pair.there.url}/services/service-{services - 1}?region={HERE}"
        began = time.monotonic()
        _join(pair)
        until(lambda: answers(last) and _equal(pair), what="the first sync", within=300)
        took = time.monotonic() - began
    return Figure(name=f"first sync of {instances:,} instances", value=took, unit="s", target=target, at_least=False)


def _heads(region: Region) -> dict[str, Any]:
    rows = json.loads(send(region.url, "GET", "/api/v1/regions")[2])
    return {row["name"]: (row["log_id"], row["index"], row["digest"]) for row in rows}


def _index(region: Region) -> int:
    return int(_heads(region)[HERE][1])


def _live(pair: Pair) -> bool:
    """Whether lookups in either region know the other."""
    return _knows(pair.here, THERE) and _knows(pair.there, HERE)


def _knows(region: Region, other: str) -> bool:
    try:
        return send(region.url, "GET", f"/services?region={other}")[1]["meridian-freshness"] == "live"
    except urllib.error.HTTPError as answer:
        answer.close()
        return False  # neither knows the other yet


def _equal(pair: Pair) -> bool:
    here, there = _heads(pair.here), _heads(pair.there)
    return len(here) == 2 and here == there
