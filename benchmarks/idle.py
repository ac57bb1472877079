"""What a region costs while nothing happens, and when it starts, beside a former build of it."""

import asyncio
import json
import os
import re
import signal
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.rig.builds import READY_WITHIN, Tree, former, up
from benchmarks.rig.content import register, send
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.processes import until
from config.local.plan import BASE_DIR

NAME = "idle"
FORMER = "283d3d7"
TARGET = f"a region at rest, its start and its restart, as shares of what build {FORMER} takes in the same run"

REGIONS = ("us-east", "eu-west", "ap-south")
INSTANCES, RENEWED_EVERY = 500, 10.0
MANY = 10_000
SETTLING, MEASURED = 60.0, 30.0  # seconds
COPIED_WITHIN = 120.0
RENEWAL = "PUT /services/idle/idle-{}/renew HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"


def run(harness: Harness) -> list[Figure]:
    """See TARGET. The builds take turns."""
    with former(FORMER) as before:
        rounds = [
            {build: measures(directory, quick=harness.rounds == 1) for build, directory in builds.items()}
            for builds in [{"now": BASE_DIR, "before": before}] * harness.rounds
        ]
    return [
        figure(name, unit, target, *([turn[build][name] for turn in rounds] for build in ("now", "before")))
        for name, unit, target in (
            (f"CPU with {INSTANCES} instances renewing", "% of a core", 0.4),
            ("CPU of three federated regions, nothing registered", "% of a core", 0.25),
            (f"memory (PSS) with {INSTANCES} instances", "MB", 0.5),
            ("CPU from `make run` to three live regions", "s", 0.4),
            (f"kill -9 of the server to right answers, {MANY:,} instances", "s", 0.5),
            ("the same without the copy on disk", "s", 0.5),
        )
    ]


def figure(name: str, unit: str, target: float, now: list[float], before: list[float]) -> Figure:
    """The ratio of the medians, with what was measured in the note."""
    one, other = statistics.median(now), statistics.median(before)
    note = f"{one:.3g} against {other:.3g} {unit}"
    return Figure(name=name, value=one / other, unit="x", target=target, at_least=False, note=note)


def measures(directory: Path, *, quick: bool) -> dict[str, float]:
    """All figures of one build, by name."""
    settling, measured = (5.0, 10.0) if quick else (SETTLING, MEASURED)
    found = {}
    with up(directory, REGIONS, "--demo") as tree:
        until(lambda: all(lives(port) for port in tree.ports), what="all regions are live", within=READY_WITHIN)
        found["CPU from `make run` to three live regions"] = tree.cpu()
    with up(directory, REGIONS) as tree:
        found["CPU of three federated regions, nothing registered"] = share(tree, settling, measured)
    with up(directory, REGIONS[:1]) as tree:
        register(url(tree), "idle", INSTANCES)
        with renewing(tree.ports[0]):
            found[f"CPU with {INSTANCES} instances renewing"] = share(tree, settling, measured)
        found[f"memory (PSS) with {INSTANCES} instances"] = tree.memory() / 1e6
    with up(directory, REGIONS[:1]) as tree:
        register(url(tree), "idle", MANY)
        copy = tree.data / f"view-{REGIONS[0]}.snapshot"
        until(copy.exists, what="there is a copy on disk", within=COPIED_WITHIN)
        name = f"kill -9 of the server to right answers, {MANY:,} instances"
        found[name] = restart(tree, settling)
        found["the same without the copy on disk"] = restart(tree, settling, first=copy.unlink)
    return found


def url(tree: Tree) -> str:
    """Of the first region."""
    return f"http://127.0.0.1:{tree.ports[0]}"


def lives(port: int) -> bool:
    """Whether the region on the port answers for all regions, each of them live."""
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        page: str = answer.read().decode()
        return len(re.findall(r"^meridian_view_live\{.*\} 1\.0$", page, re.MULTILINE)) == len(REGIONS)
    return False


def share(tree: Tree, settling: float, measured: float) -> float:
    """Percent of a core that the tree takes."""
    time.sleep(settling)
    before, began = tree.cpu(), time.monotonic()
    time.sleep(measured)
    return (tree.cpu() - before) / (time.monotonic() - began) * 100


def restart(tree: Tree, settling: float, *, first: Callable[[], object] = lambda: None) -> float:
    """Seconds from the server's death until it returns every instance, when it has run for a while."""
    time.sleep(settling)
    server = json.loads((tree.data / "processes.json").read_text())["processes"]["server"]
    first()
    os.kill(server, signal.SIGKILL)
    began = time.monotonic()
    until(lambda: answered(url(tree)) == MANY, what="the answers are right", within=READY_WITHIN, every=0.01)
    return time.monotonic() - began


def answered(base: str) -> int:
    """How many instances a lookup returns."""
    with suppress(OSError):
        return send(base, "GET", "/services/idle")[2].count(b'"id":"idle-')
    return 0


@contextmanager
def renewing(port: int) -> Iterator[None]:
    """All instances renew, each over a connection of its own, evenly spread. Raises what went wrong, at the end."""
    problems: list[BaseException] = []
    loop = asyncio.new_event_loop()
    everyone = loop.create_task(_renew_all(port))

    def work() -> None:
        try:
            loop.run_until_complete(everyone)
        except asyncio.CancelledError:
            pass
        except Exception as problem:  # noqa: BLE001 - raised below
            problems.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(everyone.cancel)
        thread.join()
        loop.close()
    for problem in problems:
        raise problem


async def _renew_all(port: int) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(INSTANCES):
            group.create_task(_renew(port, number))


async def _renew(port: int, number: int) -> None:
    await asyncio.sleep(number / INSTANCES * RENEWED_EVERY)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        writer.write(RENEWAL.format(number).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 20" not in head[:13]:
            raise RuntimeError(f"a renewal was refused: {head!r}")
        if length := [line for line in head.lower().splitlines() if line.startswith(b"content-length:")]:
            await reader.readexactly(int(length[0].partition(b":")[2]))
        await asyncio.sleep(RENEWED_EVERY)
