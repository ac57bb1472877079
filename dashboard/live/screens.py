"""Screens: one for each address that somebody looks at, rendered once for all who do.

A change marks the screens that may show it; they are rendered together, a few times a second at most, on a thread of
their own, so that lookups do not wait for a page. What a browser has not got is found by the version that it has.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import structlog

from dashboard.live.fragments import Edition
from dashboard.live.page import Gathered, Page, gathered
from dashboard.live.state import State
from registry.database import as_a_request

COALESCE = 0.25  # seconds between two renderings of a screen: a person sees no more than a few a second
KEPT = 30.0  # seconds that a screen stays after the last look at it
AT_ONCE = 8  # screens that are drawn before whoever looks for the first time gets a turn
PATIENCE = 1.0  # seconds that a first look waits for what is not in memory
NOTICES = 50  # the latest ones, for browsers that are slow to take them
MOST_SCREENS = 500  # addresses at a time; those that nobody watches go first

logger = structlog.get_logger(__name__)


class Screen:
    """One page as it is now. `changed` is set, and replaced, whenever there is a new version."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.epoch = secrets.token_hex(6)
        self.edition = Edition()
        self.changed = asyncio.Event()
        self.watchers = 0
        self.looking = 0  # who wait for it to be drawn
        self.looked_at = 0.0
        self.rendered_at = float("-inf")
        self.gathered_at = float("-inf")
        self.gathered = Gathered()
        self.gathering: asyncio.Task[None] | None = None
        self.dirty = True
        self.state = State()
        self._messages: dict[int, str] = {}

    @property
    def version(self) -> int:
        """How often it has changed."""
        return self.edition.version

    @property
    def is_needed(self) -> bool:
        """Whether somebody would miss it."""
        return bool(self.watchers or self.looking)

    def take(self, edition: Edition, state: State) -> None:
        """Become a newer edition, and tell all who watch."""
        if edition is self.edition:
            return
        self.edition, self.state = edition, state
        self._messages.clear()
        self.wake()

    def wake(self) -> None:
        """There is something to be said to all who watch."""
        event, self.changed = self.changed, asyncio.Event()
        event.set()

    def message(self, epoch: str, version: int) -> str:
        """What brings a browser that has `version` of `epoch` up to date; encoded once for all that have the same."""
        after = version if epoch == self.epoch and 0 <= version <= self.version else 0
        known = self._messages.get(after)
        if known is None:
            whole = {
                "kind": "sheet", "epoch": self.epoch, "after": after, "version": self.version,
                "state": self.state, **self.edition.since(after),
            }  # fmt: skip
            known = self._messages[after] = msgspec.json.encode(whole).decode()
        return known


class Screens:
    """All screens of a process. Belongs to one event loop; `clock` gives wall time."""

    def __init__(self, state: Callable[[float], State], *, clock: Callable[[], float]) -> None:
        self._state, self._clock = state, clock
        self._screens: dict[Hashable, Screen] = {}
        self._bell = asyncio.Event()
        self._turn = asyncio.Lock()
        self._drawing = ThreadPoolExecutor(1, thread_name_prefix="dashboard-draw")
        self._asking = ThreadPoolExecutor(4, thread_name_prefix="dashboard-ask")
        self._beat, self._beat_at = "", float("-inf")
        self.renderings = 0
        self.told = 0  # notices so far
        self._notices: deque[tuple[int, str]] = deque(maxlen=NOTICES)

    def __len__(self) -> int:
        return len(self._screens)

    @property
    def watchers(self) -> int:
        """How many browsers watch."""
        return sum(screen.watchers for screen in self._screens.values())

    def beat(self) -> str:
        """That there is nothing new, and how things stand; encoded once a second."""
        now = self._clock()
        if now - self._beat_at >= 1.0:
            self._beat_at = now
            self._beat = msgspec.json.encode({"kind": "beat", "state": self._state(now)}).decode()
        return self._beat

    def tell(self, text: str) -> None:
        """Have a sentence shown to everybody who watches a page, whichever it is."""
        notice = {"kind": "notice", "state": self._state(self._clock()), "text": text}
        self.told += 1
        self._notices.append((self.told, msgspec.json.encode(notice).decode()))
        for screen in self._screens.values():
            screen.wake()

    def hear(self, text: str) -> None:
        """Somebody has corrected something by hand: say so, and look at everything again."""
        self.tell(text)
        self.ring()

    def notices(self, after: int) -> list[str]:
        """The messages of the notices told after that many."""
        return [message for number, message in self._notices if number > after]

    async def look(self, page: Page) -> Screen:
        """The screen of a page, as of now."""
        screen = self._screens.get(page.key)
        if screen is None:
            self._make_room()
            screen = self._screens[page.key] = Screen(page)
        screen.looked_at = self._clock()
        screen.looking += 1  # or it might be forgotten before whoever waits for it can watch it
        try:
            await self._bring_up(screen, page)
        finally:
            screen.looking -= 1
        return screen

    async def _bring_up(self, screen: Screen, page: Page) -> None:
        if page.gathers and screen.gathering is None and self._clock() - screen.gathered_at > page.every:
            screen.gathering = asyncio.create_task(self._gather(screen))
            await asyncio.wait({screen.gathering}, timeout=PATIENCE)
        if screen.dirty or self._clock() - screen.rendered_at > 1.0:
            await self._draw([screen])

    def touched(self, region: str, names: frozenset[str], index: int) -> None:
        """See `catalog.view.Listener`."""
        for screen in self._screens.values():
            if not screen.dirty and screen.page.touched_by(region, names):
                screen.dirty = True
                self._bell.set()

    def ring(self) -> None:
        """Something that no log tells has changed: look at everything again."""
        for screen in self._screens.values():
            screen.dirty = True
            screen.gathered_at = float("-inf")
        self._bell.set()

    async def run(self) -> None:
        """Keep the screens that are watched up to date until cancelled."""
        clocking = asyncio.create_task(self._clockwork())
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._bell.wait()
                self._bell.clear()
                began = loop.time()
                dirty = [screen for screen in self._screens.values() if screen.dirty and screen.watchers]
                for start in range(0, len(dirty), AT_ONCE):
                    await self._draw(dirty[start : start + AT_ONCE])
                await asyncio.sleep(max(0.0, COALESCE - (loop.time() - began)))
        except asyncio.CancelledError:  # for good; after anything else it is run again
            self._drawing.shutdown(wait=False, cancel_futures=True)
            self._asking.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            clocking.cancel()

    async def _clockwork(self) -> None:
        """Once a second: what time alone changes, and screens that nobody needs any more."""
        while True:
            await asyncio.sleep(1.0)
            now = self._clock()
            for key, screen in list(self._screens.items()):
                if not screen.is_needed and now - screen.looked_at > KEPT:
                    del self._screens[key]
                elif screen.watchers:
                    self._keep_fresh(screen, now)

    def _keep_fresh(self, screen: Screen, now: float) -> None:
        page = screen.page
        if now - screen.rendered_at >= page.every:
            screen.dirty = True
            self._bell.set()
        if page.gathers and screen.gathering is None and now - screen.gathered_at >= page.every:
            screen.gathering = asyncio.create_task(self._gather(screen))

    async def _gather(self, screen: Screen) -> None:
        loop = asyncio.get_running_loop()
        screen.gathered_at = self._clock()
        try:
            found = await loop.run_in_executor(self._asking, _asked, screen.page, self._clock())
            # What was known stays when it cannot be asked again, and says since when it is known.
            kept = screen.gathered
            screen.gathered = Gathered(kept.value, kept.at, found.problem) if found.problem and kept.at else found
            screen.dirty = True
            self._bell.set()
        finally:
            screen.gathering = None

    async def _draw(self, screens: list[Screen]) -> None:
        loop = asyncio.get_running_loop()
        async with self._turn:
            now = self._clock()
            for screen in screens:
                screen.dirty = False
            try:
                editions = await loop.run_in_executor(self._drawing, _drawn, screens, now)
            except asyncio.CancelledError:  # whoever looked has gone; others may wait for what was drawn
                for screen in screens:
                    screen.dirty = True
                self._bell.set()
                raise
            state = self._state(now)
            for screen, edition in zip(screens, editions, strict=True):
                screen.rendered_at = now
                self.renderings += 1
                screen.take(edition, state)

    def _make_room(self) -> None:
        if len(self._screens) < MOST_SCREENS:
            return
        idle = [(screen.looked_at, key) for key, screen in self._screens.items() if not screen.is_needed]
        for _, key in sorted(idle, key=lambda pair: pair[0])[: MOST_SCREENS // 10]:
            del self._screens[key]


def _asked(page: Page, now: float) -> Gathered:
    try:
        with as_a_request():
            return gathered(page, now)
    except Exception as error:  # a part of a page must not take the page with it: it says what went wrong instead
        logger.exception("a page could not be told something", page=page.heading)
        return Gathered(problem=f"this could not be read: {type(error).__name__}")


def _drawn(screens: list[Screen], now: float) -> list[Edition]:
    """The next edition of each."""
    editions = []
    for screen in screens:
        edition = screen.edition
        try:
            editions.append(edition.next(screen.page.sheet(screen.gathered, now)))
        except Exception:  # one broken page must not freeze all others; what was shown stays
            logger.exception("a page could not be drawn", page=screen.page.heading)
            editions.append(edition)
    return editions
