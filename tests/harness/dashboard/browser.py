"""A real browser that looks at a region, and everything it had to complain of."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, sync_playwright

from tests.harness.dashboard.people import Person

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    # Whatever a page asks of another host fails, and is found below.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]  # fmt: skip
MISSING = 'there is no "chromium" on PATH: make test installs it where it may (on Debian: apt install chromium)'
PATIENCE = 10_000  # milliseconds for whatever a page is asked to do or show
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
SIGN_IN = "/admin/login/"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium without a window. While it runs, this thread has an event loop: no async test may run in between."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.fail(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Troubles:
    """What browsers complained of while a test ran. A test that provokes complaints says so with `allow`."""

    found: list[str] = field(default_factory=list)
    allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Complaints in which this regular expression is found are no fault of the page."""
        self.allowed.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """Those that the test did not allow."""
        return [one for one in self.found if not any(pattern.search(one) for pattern in self.allowed)]

    def watch(self, context: BrowserContext, base: str) -> None:
        """Note whatever goes wrong on any page of the context, which is there to look at the server `base`."""
        context.on("console", lambda message: self._console(message.type, message.text, message.location))
        context.on("weberror", lambda error: self.found.append(f"uncaught: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)
        context.on("request", lambda request: self._asked(request.url, base))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url, base)))

    def _console(self, kind: str, text: str, location: Any) -> None:
        if kind in {"error", "warning", "assert"}:
            self.found.append(f"console {kind}: {text} ({location.get('url', '')}:{location.get('lineNumber', '')})")

    def _failed(self, request: Request) -> None:
        # A browser that goes on to the next page gives up what it was loading for the last one.
        if request.failure != "net::ERR_ABORTED":
            self.found.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.found.append(f"status {response.status}: {response.request.method} {response.url}")

    def _asked(self, url: str, base: str) -> None:
        asked = urlsplit(url)
        if asked.scheme in {"http", "https", "ws", "wss"} and asked.netloc != urlsplit(base).netloc:
            self.found.append(f"another host: {url}")


class Tabs:
    """Opens tabs, each in a browser context of its own, and closes them all. Called, it gives a `Page`."""

    def __init__(self, browser: Browser, base: str, troubles: Troubles, sessions: dict[tuple[str, str], Any]) -> None:
        self._browser = browser
        self._base = base
        self._troubles = troubles
        self._sessions = sessions
        self.pages: list[Page] = []

    def __call__(
        self,
        person: Person | None = None,
        *,
        at: str | None = None,
        scheme: str = "light",
        phone: bool = False,
        javascript: bool = True,
    ) -> Page:
        """A tab on the server `at` (the shared region unless said), signed in as `person` if one is given.

        `scheme` is what the system wishes, "light" or "dark"; `phone` makes it as narrow as one.
        """
        base = at or self._base
        options: dict[str, Any] = {
            "base_url": base,
            "color_scheme": scheme,
            "viewport": PHONE if phone else DESK,
            "has_touch": phone,
            "java_script_enabled": javascript,
            "reduced_motion": "reduce",
        }
        if person is not None:
            options["storage_state"] = self._session(base, person)
        context = self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        self._troubles.watch(context, base)
        page = context.new_page()
        self.pages.append(page)
        return page

    def _session(self, base: str, person: Person) -> Any:
        """The cookies of a user who signed in there once. Checking a password is slow on purpose."""
        if (base, person.name) not in self._sessions:
            context = self._browser.new_context(base_url=base)
            context.set_default_timeout(PATIENCE)
            signed_in(context.new_page(), person)
            self._sessions[base, person.name] = context.storage_state()
            context.close()
        return self._sessions[base, person.name]

    def close(self) -> None:
        """Close every tab."""
        for page in self.pages:
            page.context.close()


def visit(page: Page, path: str, *, status: int = 200) -> Page:
    """Go to a path of the tab's server and wait until it is loaded. Raises AssertionError on another status."""
    response = page.goto(path)
    assert response is not None, path
    assert response.status == status, f"{path}: {response.status}\n{page.inner_text('body')[:2000]}"
    return page


def signed_in(page: Page, person: Person) -> Page:
    """Fill in and send the sign-in form, and wait until the next page is there."""
    visit(page, SIGN_IN)
    page.get_by_label("Username").fill(person.name)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: not url.endswith(SIGN_IN))
    return page


def pictures() -> Path:
    """Where pictures are kept: MERIDIAN_PICTURES, or a directory beside other temporary ones."""
    chosen = os.environ.get("MERIDIAN_PICTURES") or str(Path(tempfile.gettempdir()) / "meridian-pictures")
    directory = Path(chosen)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def picture(page: Page, name: str, *, whole: bool = True) -> Path:
    """Keep what the tab shows, the whole page or what fits in it, as NAME.png outside the repository."""
    path = pictures() / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.png"
    # As it is: hiding the caret or stopping animations would take a style that a page's policy refuses.
    page.screenshot(path=path, full_page=whole, caret="initial", animations="allow")
    return path
