"""Screens: one for each address that is open in a browser, rendered once for all its viewers.

A change marks the screens that may show it. They are rendered together, a few times a second at most, on a thread of
their own, so that lookups do not wait for a page. A browser is sent what changed since the version that it has.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from dashboard.live.fragments import Version
from dashboard.live.page import Gathered, Page, gathered
from dashboard.live.state import DashboardState
from registry.database import as_a_request

COALESCE = 0.25  # seconds between two renderings of a screen: a person sees no more than a few a second
KEPT = 30.0  # seconds that a screen without viewers is kept
BATCH = 8  # screens rendered before a screen that is opened for the first time gets its turn
FIRST_GATHER = 1.0  # seconds that opening a screen waits for what is not in memory
NOTICES = 50  # the latest ones, for browsers that are slow to take them
MAX_SCREENS = 500  # addresses at a time; those without viewers go first

logger = structlog.get_logger(__name__)


class Screen:
    """One page as it is now. `changed` is set, and replaced, whenever there is a new version."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.epoch = secrets.token_hex(6)
        self.version = Version()
        self.changed = asyncio.Event()
        self.watchers = 0
        self.opening = 0  # requests that wait for it to be rendered
        self.opened_at = 0.0
        self.rendered_at = float("-inf")
        self.gathered_at = float("-inf")
        self.gathered = Gathered()
        self.gathering: asyncio.Task[None] | None = None
        self.dirty = True
        self.state = DashboardState()
        self._messages: dict[int, str] = {}

    @property
    def in_use(self) -> bool:
        """Whether it has a viewer, or is about to have one."""
        return bool(self.watchers or self.opening)

    def update(self, version: Version, state: DashboardState) -> None:
        """Show a newer version, and wake all viewers."""
        if version is self.version:
            return
        self.version, self.state = version, state
        self._messages.clear()
        self.wake()

    def wake(self) -> None:
        """Wake all viewers: there is something to send."""
        event, self.changed = self.changed, asyncio.Event()
        event.set()

    def message(self, epoch: str, number: int) -> str:
        """What brings a browser that has version `number` of `epoch` up to date; encoded once for all that have it."""
        after = number if epoch == self.epoch and 0 <= number <= self.version.number else 0
        known = self._messages.get(after)
        if known is None:
            whole = {
                # "sheet" is what tabs that were opened before an upgrade take; another word would freeze them.
                "kind": "sheet", "epoch": self.epoch, "after": after, "version": self.version.number,
                "state": self.state, **self.version.since(after),
            }  # fmt: skip
            known = self._messages[after] = msgspec.json.encode(whole).decode()
        return known


class Screens:
    """All screens of a process. Belongs to one event loop; `clock` gives wall time."""

    def __init__(self, state: Callable[[float], DashboardState], *, clock: Callable[[], float]) -> None:
        self._state, self._clock = state, clock
        self._screens: dict[Hashable, Screen] = {}
        self._dirty = asyncio.Event()
        self._rendering = asyncio.Lock()
        self._renderer = ThreadPoolExecutor(1, thread_name_prefix="dashboard-render")
        self._gatherers = ThreadPoolExecutor(4, thread_name_prefix="dashboard-gather")
        self._heartbeat, self._heartbeat_at = "", float("-inf")
        self.renderings = 0
        self.notices_sent = 0
        self._notices: deque[tuple[int, str]] = deque(maxlen=NOTICES)

    def __len__(self) -> int:
        return len(self._screens)

    @property
    def watchers(self) -> int:
        """Browsers with a live connection."""
        return sum(screen.watchers for screen in self._screens.values())

    def heartbeat(self) -> str:
        """The message that nothing is new, with the current state; encoded once a second."""
        now = self._clock()
        if now - self._heartbeat_at >= 1.0:
            self._heartbeat_at = now
            self._heartbeat = msgspec.json.encode({"kind": "beat", "state": self._state(now)}).decode()
        return self._heartbeat

    def notify(self, text: str) -> None:
        """Show a notice on every open page."""
        notice = {"kind": "notice", "state": self._state(self._clock()), "text": text}
        self.notices_sent += 1
        self._notices.append((self.notices_sent, msgspec.json.encode(notice).decode()))
        for screen in self._screens.values():
            screen.wake()

    def corrected(self, text: str) -> None:
        """A correction was made by hand: announce it, and gather everything again."""
        self.notify(text)
        self.refresh_all()

    def notices(self, after: int) -> list[str]:
        """The messages of the notices sent after that many."""
        return [message for number, message in self._notices if number > after]

    async def open(self, page: Page) -> Screen:
        """The screen of a page, rendered as of now."""
        screen = self._screens.get(page.key)
        if screen is None:
            self._make_room()
            screen = self._screens[page.key] = Screen(page)
        screen.opened_at = self._clock()
        screen.opening += 1  # else it might be dropped before the one who waits for it can watch it
        try:
            await self._bring_up_to_date(screen, page)
        finally:
            screen.opening -= 1
        return screen

    async def _bring_up_to_date(self, screen: Screen, page: Page) -> None:
        if page.gathers and screen.gathering is None and self._clock() - screen.gathered_at > page.every:
            screen.gathering = asyncio.create_task(self._gather(screen))
            await asyncio.wait({screen.gathering}, timeout=FIRST_GATHER)
        if screen.dirty or self._clock() - screen.rendered_at > 1.0:
            await self._render([screen])

    def touched(self, region: str, names: frozenset[str], index: int) -> None:
        """Mark the screens that may show a change. See `catalog.view.Listener`."""
        for screen in self._screens.values():
            if not screen.dirty and screen.page.touched_by(region, names):
                screen.dirty = True
                self._dirty.set()

    def refresh_all(self) -> None:
        """Gather and render everything again: something changed that is in no log."""
        for screen in self._screens.values():
            screen.dirty = True
            screen.gathered_at = float("-inf")
        self._dirty.set()

    async def run(self) -> None:
        """Keep the screens that have viewers up to date until cancelled."""
        ticking = asyncio.create_task(self._tick())
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._dirty.wait()
                self._dirty.clear()
                began = loop.time()
                dirty = [screen for screen in self._screens.values() if screen.dirty and screen.watchers]
                for start in range(0, len(dirty), BATCH):
                    await self._render(dirty[start : start + BATCH])
                await asyncio.sleep(max(0.0, COALESCE - (loop.time() - began)))
        except asyncio.CancelledError:  # for good; after anything else it is run again
            self._renderer.shutdown(wait=False, cancel_futures=True)
            self._gatherers.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        """Once a second: refresh what time alone changes, and drop screens that are no longer used."""
        while True:
            await asyncio.sleep(1.0)
            now = self._clock()
            for key, screen in list(self._screens.items()):
                if not screen.in_use and now - screen.opened_at > KEPT:
                    del self._screens[key]
                elif screen.watchers:
                    self._refresh(screen, now)

    def _refresh(self, screen: Screen, now: float) -> None:
        page = screen.page
        if now - screen.rendered_at >= page.every:
            screen.dirty = True
            self._dirty.set()
        if page.gathers and screen.gathering is None and now - screen.gathered_at >= page.every:
            screen.gathering = asyncio.create_task(self._gather(screen))

    async def _gather(self, screen: Screen) -> None:
        loop = asyncio.get_running_loop()
        screen.gathered_at = self._clock()
        try:
            found = await loop.run_in_executor(self._gatherers, _gathered, screen.page, self._clock())
            # The last value stays when it cannot be read again, with the time from which it is.
            kept = screen.gathered
            screen.gathered = Gathered(kept.value, kept.at, found.problem) if found.problem and kept.at else found
            screen.dirty = True
            self._dirty.set()
        finally:
            screen.gathering = None

    async def _render(self, screens: list[Screen]) -> None:
        loop = asyncio.get_running_loop()
        async with self._rendering:
            now = self._clock()
            for screen in screens:
                screen.dirty = False
            try:
                versions = await loop.run_in_executor(self._renderer, _rendered, screens, now)
            except asyncio.CancelledError:  # this viewer has gone; others may wait for what was rendered
                for screen in screens:
                    screen.dirty = True
                self._dirty.set()
                raise
            state = self._state(now)
            for screen, version in zip(screens, versions, strict=True):
                screen.rendered_at = now
                self.renderings += 1
                screen.update(version, state)

    def _make_room(self) -> None:
        if len(self._screens) < MAX_SCREENS:
            return
        idle = [(screen.opened_at, key) for key, screen in self._screens.items() if not screen.in_use]
        for _, key in sorted(idle, key=lambda pair: pair[0])[: MAX_SCREENS // 10]:
            del self._screens[key]


def _gathered(page: Page, now: float) -> Gathered:
    try:
        with as_a_request():
            return gathered(page, now)
    except Exception as error:  # a defect in one part must not take the page with it: it says what went wrong instead
        logger.exception("a page could not gather its data", page=page.heading)
        return Gathered(problem=f"this could not be read: {type(error).__name__}")


def _rendered(screens: list[Screen], now: float) -> list[Version]:
    """The next version of each."""
    versions = []
    for screen in screens:
        version = screen.version
        try:
            versions.append(version.next(screen.page.content(screen.gathered, now)))
        except Exception:  # one broken page must not freeze all others; what was shown stays
            logger.exception("a page could not be rendered", page=screen.page.heading)
            versions.append(version)
    return versions
