"""Takes the pictures of the README from a running demo: `make pictures`.

Three regions over a temporary directory, on ports that are free, live for some minutes before Chromium looks at them,
so that the pages have something to show. `python -m scripts.pictures --after 30` looks sooner.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from config.environment import Address
from config.local.child_lifetime import die_with
from config.local.plan import APART, BASE_DIR
from config.local.ports import Claim, busy_claim, free_port

REGIONS = ("us-east", "eu-west", "ap-south")
STARTED_WITHIN = 180.0  # seconds
TROUBLE_WITHIN = 600.0  # the demo has some often
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage")
DESK, LOW, TALL, PHONE = (1280, 800), (1280, 720), (1280, 1140), (390, 844)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: `name`.png of a path, as wide and as high as `size`; `steps` leads from there to what is shown."""

    name: str
    path: str
    size: tuple[int, int] = DESK
    scheme: str = "light"
    steps: Callable[[Page], None] = lambda page: None


def preview(page: Page) -> None:
    """From the form of a correction to its preview, which changes nothing."""
    page.get_by_label("Reason").fill("the power of the site is worked on, change 4711")
    page.get_by_role("button", name="Show what it changes").click()
    page.get_by_role("heading", name="What changes").wait_for()


def shots(service: str) -> tuple[Shot, ...]:
    """What is taken; `service` is the one that is looked at closely."""
    return (
        Shot("service-dark", f"/dashboard/services/default/{service}", TALL, scheme="dark"),
        Shot("service-phone", f"/dashboard/services/default/{service}", PHONE),
        Shot("overview-light", "/dashboard/", TALL),
        Shot("federation-light", "/dashboard/federation", LOW),
        Shot("preview-light", "/dashboard/correct/override?scope=region&target=us-east&do=out", steps=preview),
    )


def main() -> None:
    """Start, wait, look."""
    parser = argparse.ArgumentParser(description="Take the pictures of the README from a running demo.")
    parser.add_argument("--after", type=float, default=300.0, metavar="SECONDS", help="how long the demo lives first")
    parser.add_argument("--into", type=Path, default=BASE_DIR / "docs/pictures", metavar="DIR")
    given = parser.parse_args()
    given.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="meridian-pictures-") as data, demo(Path(data)) as url:
        say(f"{url} is up; it lives for {given.after:g} s")
        time.sleep(given.after)
        take_all(url, operator(Path(data) / REGIONS[0]), given.into)


def take_all(url: str, password: str, into: Path) -> None:
    """All pictures of the federation whose first region is at `url`, once one of its services has some trouble."""
    deadline = time.monotonic() + TROUBLE_WITHIN
    while not (service := troubled(url)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no service had any trouble within {TROUBLE_WITHIN:g} s")
        time.sleep(1.0)
    correct(url, service)
    with browser() as chromium:
        page = signed_in(chromium, url, password)
        for shot in shots(service):
            take(page, shot, into)


@contextmanager
def demo(data: Path) -> Iterator[str]:
    """The three regions with their fleets; gives the address of the first."""
    http, dns = free_row(), free_row()
    flags = ["--regions", ",".join(REGIONS), "--port", str(http), "--dns-port", str(dns), "--data", str(data), "--demo"]
    log = data / "up.log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, str(BASE_DIR / "manage.py"), "up", *flags], env=plain(), stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, process_group=0, preexec_fn=partial(die_with, os.getpid()),
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{http}"
        until(lambda: b"Ctrl-C here stops" in log.read_bytes(), f"the demo is up; it said\n{log.read_text()[-2000:]}")
        yield url
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60.0)


def free_row() -> int:
    """The first of as many free ports as there are regions, as far apart as `manage.py up` has them."""
    while True:
        first = free_port()
        row = [Address("127.0.0.1", first + number * APART) for number in range(len(REGIONS))]
        if row[-1].port < 65_536 and busy_claim(tuple(Claim(address, "", "") for address in row)) is None:
            return first


def troubled(url: str) -> str:
    """A service of several regions of which an instance here is critical and others serve; empty when there is none."""
    found = {}
    with httpx.Client(base_url=url, timeout=10.0) as http:
        for name in [row["name"] for row in http.get("/services").json()]:
            instances = http.get(f"/services/{name}?region=*&status=any").json()
            here = [instance["status"] for instance in instances if instance["region"] == REGIONS[0]]
            if "critical" in here and here.count("passing") > 1 and len(instances) > len(here):
                found[name] = len(instances)
    return max(found, key=lambda name: found[name], default="")


def correct(url: str, service: str) -> None:
    """What operators have done: failover policies, and two overrides that stand for a while."""
    last = httpx.get(f"{url}/services/{service}?region={REGIONS[0]}").json()[-1]["id"]
    drained = {"scope": "instance", "service": service, "instance": last, "weight": 0, "reason": "kernel upgrade",
               "expires_in": "2h"}  # fmt: skip
    warned = {"scope": "service", "service": "sms-service", "status": "warning", "reason": "the provider is slow",
              "expires_in": "45m"}  # fmt: skip
    policy = {"min_healthy": 2, "order": list(REGIONS[1:]), "stale": "demote", "stale_after": "5m"}
    with httpx.Client(base_url=f"{url}/api/v1", timeout=10.0) as api:
        for name in {service, "user-service", "order-service", "payment-service"}:
            api.put(f"/policies/{name}", json=policy).raise_for_status()
        for given in (drained, warned):
            api.post("/overrides", json=given).raise_for_status()


def operator(data: Path) -> str:
    """The password of a new operator of the region over `data`."""
    command = [sys.executable, str(BASE_DIR / "manage.py"), "user", "olga", "--role", "operator", "--generate"]
    variables = {**plain(), "MERIDIAN_DATA": str(data)}
    done = subprocess.run(
        command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield running
        running.close()


def signed_in(chromium: Browser, url: str, password: str) -> Page:
    """A tab of the operator."""
    page = chromium.new_context(base_url=url, reduced_motion="reduce").new_page()
    page.goto("/admin/login/?next=/dashboard/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/dashboard/")
    return page


def take(page: Page, shot: Shot, into: Path) -> None:
    """Keep what the tab shows of a page once it is live."""
    width, height = shot.size
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if shot.scheme == "dark" else "light", reduced_motion="reduce")
    page.goto(shot.path)
    shot.steps(page)
    page.wait_for_timeout(3000)  # what is asked of the database and of peers comes a moment after the page
    path = into / f"{shot.name}.png"
    # As it is: hiding the caret or stopping animations would take a style that the pages' policy refuses.
    page.screenshot(path=path, caret="initial", animations="allow")
    say(f"{path}: {path.stat().st_size:,} bytes")


def until(probe: Callable[[], bool], what: str) -> None:
    """Wait until it is so. Raises TimeoutError with `what`."""
    deadline = time.monotonic() + STARTED_WITHIN
    while not probe():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {STARTED_WITHIN:g} s: {what}")
        time.sleep(0.2)


def plain() -> dict[str, str]:
    """The environment without what the caller's own region is called and where it is."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("MERIDIAN_", "DJANGO_"))}


def say(line: str) -> None:
    """Tell who waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
