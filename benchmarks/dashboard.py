"""The dashboard: how soon a change is seen in a browser, what many viewers cost, how quick the first paint is."""

import asyncio
import gzip
import json
import random
import re
import shutil
import statistics
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import aiohttp
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.rig.content import INSTANCE, register, send
from benchmarks.rig.cost import cpu_time
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.parked_client import fetch

NAME = "dashboard"
TARGET = (
    "change to browser p95 under 300 ms; 200 viewers at 100 changes/s: 60 % of a core, none later than 1 s; "
    "5,000 services: 150 ms, 200 KB; first contentful paint 500 ms"
)

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
CHANGES = 60  # shown in the browser
VIEWERS, RATE, INSTANCES = 200, 100, 500
SERVICES = 5_000
PAINTS = 5
WATCH = """() => {
  window.seen = {};
  new MutationObserver(() => {
    for (const row of document.querySelectorAll("#service-instances [data-key]")) {
      window.seen[row.dataset.key] ??= performance.timeOrigin + performance.now();
    }
  }).observe(document.getElementById("main"), { childList: true, subtree: true });
}"""
LONG_TASKS = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ type: "longtask" });
}"""
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
INDEX = re.compile(rb'"index":\{"us-east":(\d+)')


def run(harness: Harness) -> list[Figure]:
    """See TARGET. The browser runs on the load generator's core, the region's server on its own."""
    harness.settle_on_load_core()
    with harness.region() as region:
        group = region.processes["server"].pid
        with browser() as chromium:
            shown = _shown(chromium, region.url)
            smooth = _smooth(chromium, region.url, seconds=2 * harness.seconds)
        viewers = asyncio.run(_viewers(region.url, group, seconds=4 * harness.seconds))
    with harness.region() as region:
        _register_services(region.url)
        listed = _listed(region.url)
        with browser() as chromium:
            painted = [_first_paint(chromium, region.url, path) for path in ("/dashboard/", "/dashboard/services")]
    return [shown, smooth, *viewers, *listed, *_paints(painted)]


@contextmanager
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        try:
            yield chromium
        finally:
            chromium.close()


def _shown(chromium: Browser, url: str) -> Figure:
    """From sending a registration, so the commit is part of it, to its row being in the page."""
    register(url, "watched", 20)
    page = _opened(chromium, url, "/dashboard/services/default/watched")
    page.evaluate(WATCH)
    began: dict[str, float] = {}
    chance = random.Random(7)
    for number in range(CHANGES):
        began[f"us-east/new-{number}"] = time.time() * 1000
        send(url, "PUT", f"/services/watched/new-{number}", json.dumps(INSTANCE).encode())
        page.wait_for_timeout(chance.uniform(50, 500))
    page.wait_for_function(f"Object.keys(window.seen).filter((key) => key.includes('new-')).length >= {CHANGES}")
    seen: dict[str, float] = page.evaluate("window.seen")
    delays = sorted(seen[key] - began[key] for key in began)
    p95 = delays[int(len(delays) * 0.95)]
    note = f"p50 {statistics.median(delays):.0f} ms, the slowest of {len(delays)} {delays[-1]:.0f} ms"
    return Figure(name="change to browser, p95", value=p95, unit="ms", target=300, at_least=False, note=note)


def _opened(chromium: Browser, url: str, path: str) -> Page:
    page = chromium.new_context().new_page()
    page.goto(url + path)
    page.wait_for_selector('#mark[data-state="live"]')
    return page


def _smooth(chromium: Browser, url: str, *, seconds: float) -> Figure:
    """For how long the page's own thread is held up at most, while it shows `INSTANCES` and `RATE` changes a second."""
    register(url, "smooth", INSTANCES)
    page = _opened(chromium, url, "/dashboard/services/default/smooth")
    page.evaluate(LONG_TASKS)
    churning = Thread(target=_churn_alone, args=(url, "smooth", seconds))
    churning.start()
    page.wait_for_timeout(seconds * 1000)
    churning.join()
    tasks: list[float] = page.evaluate("window.tasks")
    note = f"{len(tasks)} above 50 ms in {seconds:g} s"
    return Figure(name="longest task in the browser", value=max(tasks, default=0.0), unit="ms", note=note)


def _churn_alone(url: str, service: str, seconds: float) -> None:
    ends, number = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        body = json.dumps({**INSTANCE, "weight": number % 90 + 1}).encode()
        send(url, "PUT", f"/services/{service}/{service}-{number * 7 % INSTANCES}", body)
        number += 1
        time.sleep(max(0.0, ends - seconds + number / RATE - time.monotonic()))


async def _viewers(url: str, group: int, *, seconds: float) -> list[Figure]:
    await asyncio.to_thread(register, url, "busy", INSTANCES)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async with session.get(f"{url}/dashboard/services/default/busy") as answer:
            answer.raise_for_status()
            cookie = answer.cookies["meridian_ticket"].value
        crowd = _Crowd()
        tasks = [asyncio.create_task(crowd.view(session, url, cookie)) for _ in range(VIEWERS)]
        async with asyncio.timeout(30):
            await crowd.complete.wait()
        used, began = cpu_time(group), time.monotonic()
        changes = await _churn(url, crowd, seconds)
        share = (cpu_time(group) - used) / (time.monotonic() - began)
        await asyncio.sleep(1.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    note = f"{changes / seconds:.0f} changes/s over {INSTANCES} instances, {crowd.messages / seconds:.0f} messages/s"
    return [
        Figure(name="server CPU for 200 viewers", value=100 * share, unit="%", target=60, at_least=False, note=note),
        Figure(name="latest of the viewers", value=crowd.latest, unit="s", target=1.0, at_least=False),
    ]


async def _churn(url: str, crowd: "_Crowd", seconds: float) -> int:
    """Change a weight `RATE` times a second; each change is committed by itself."""
    ends, number = time.monotonic() + seconds, 0
    following = time.monotonic()
    while time.monotonic() < ends:
        body = json.dumps({**INSTANCE, "weight": number % 90 + 1}).encode()
        target = f"/services/busy/busy-{number * 7 % INSTANCES}"
        _, headers, _, _ = await fetch(url, "PUT", target, body)
        crowd.committed.append((int(headers["meridian-index"]), time.monotonic()))
        number += 1
        following += 1 / RATE
        await asyncio.sleep(max(0.0, following - time.monotonic()))
    return number


class _Crowd:
    """Viewers of one page, and the latest that any of them has been told of a change."""

    def __init__(self) -> None:
        self.watching, self.messages, self.latest = 0, 0, 0.0
        self.complete = asyncio.Event()
        self.committed: list[tuple[int, float]] = []

    async def view(self, session: aiohttp.ClientSession, url: str, cookie: str) -> None:
        """One of them."""
        headers = {"Origin": url, "Cookie": f"meridian_ticket={cookie}"}
        place = 0
        async with session.ws_connect(f"{url}/ws/dashboard", headers=headers, max_msg_size=0) as socket:
            await socket.send_json({"page": "/dashboard/services/default/busy"})
            await socket.receive()
            self.watching += 1
            if self.watching == VIEWERS:
                self.complete.set()
            async for message in socket:
                found = INDEX.search(str(message.data)[:2000].encode())
                now = time.monotonic()
                self.messages += 1
                while found and place < len(self.committed) and self.committed[place][0] <= int(found[1]):
                    self.latest = max(self.latest, now - self.committed[place][1])
                    place += 1


def _register_services(url: str) -> None:
    for start in range(0, SERVICES, 250):
        entries: list[dict[str, Any]] = [
            {**INSTANCE, "service": f"service-{number}", "id": f"i{copy}", "tags": [f"team-{number % 40}"]}
            for number in range(start, start + 250)
            for copy in range(3)
        ]
        send(url, "POST", "/services/bulk", json.dumps({"services": entries}).encode())


def _listed(url: str) -> list[Figure]:
    times, sizes = [], []
    for _ in range(7):
        time.sleep(1.2)  # a page older than that is rendered again for the next request
        began = time.perf_counter()
        _, headers, body = _compressed(url + "/dashboard/services")
        times.append(time.perf_counter() - began)
        sizes.append(len(body))
        if headers.get("content-encoding") != "gzip" or b"service-" not in gzip.decompress(body):
            raise RuntimeError("the page is not what it should be")
    note = f"the first, with nothing remembered, {1000 * times[0]:.0f} ms"
    return [
        Figure(
            name="services page, 5,000 services", value=1000 * statistics.median(times), unit="ms", target=150,
            at_least=False, note=note,
        ),
        Figure(name="its size, compressed", value=max(sizes) / 1000, unit="KB", target=200, at_least=False),
    ]  # fmt: skip


def _compressed(url: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def _first_paint(chromium: Browser, url: str, path: str) -> float:
    """Milliseconds, with nothing in the browser's cache; the median of a few."""
    found = []
    for _ in range(PAINTS):
        context = chromium.new_context()
        page = context.new_page()
        page.goto(url + path)
        page.wait_for_function(f"({FIRST_PAINT})() !== undefined")
        found.append(float(page.evaluate(FIRST_PAINT)))
        context.close()
    return statistics.median(found)


def _paints(painted: list[float]) -> list[Figure]:
    names = ("first contentful paint, overview", "first contentful paint, services")
    return [
        Figure(name=name, value=value, unit="ms", target=500, at_least=False)
        for name, value in zip(names, painted, strict=True)
    ]
