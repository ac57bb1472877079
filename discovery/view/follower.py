"""The view as a follower: in step with the region's log, with a copy on disk for the day the database is down."""

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import structlog

from catalog.change import Change, Position
from catalog.errors import Unavailable
from catalog.follow import Follower, follow
from catalog.log import Log, Snapshot
from catalog.view import View, as_snapshot
from discovery.view import snapshot_file

SAVE_EVERY = 30.0  # seconds between two copies on disk
LARGEST_SHARE = 0.02  # of the time may go into writing them: a big view is written less often

logger = structlog.get_logger(__name__)


class Following:
    """Keeps a view in step with one region's log while `run` runs.

    `ready` is set once the view can answer: it holds the copy on disk, or what the log said. With `save` false the
    copy is read but never written, for a second process that shares the directory. A mirror is not fresh because its
    tables can be read: how fresh it is, and `heard_at`, is for others to say. `clock` gives wall time. The followers
    `beside` get the same, each time before the view does: there they find the state before.
    """

    def __init__(
        self,
        region: str,
        view: View,
        log: Log,
        data_dir: Path,
        *,
        clock: Callable[[], float],
        save: bool = True,
        is_mirror: bool = False,
        beside: Collection[Follower] = (),
    ) -> None:
        self.region = region
        self.ready = asyncio.Event()
        self.heard_at: float | None = None  # when everything the log had was last known to be applied
        self.applied = 0  # changes since the start
        self.in_step = False  # whether the log was reached when it was last tried
        self.stepped: Callable[[], None] | None = None  # called when that has changed
        self.lost_at: float | None = None  # since when the log cannot be followed; None while it is
        self.is_sound = True  # whether the digest has proved what the view holds
        self._view = view
        self._log = log
        self._path = snapshot_file.path_in(data_dir, region)
        self._clock = clock
        self._save = save
        self._is_mirror = is_mirror
        self._beside = beside
        self._saved: Position | None = None
        self._said = set[str]()  # the reasons that were given since the log could last be followed
        # A write that was under way when its task was cancelled goes on in its thread; the last one waits for it.
        self._writing = threading.Lock()
        self._changed = asyncio.Event()
        self._next: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Load the copy on disk, then follow the log until cancelled; what is new is saved on the way out.

        May be run again when a defect has ended it. Until then the view says that it grows old.
        """
        if self._view.position(self.region) is None:  # or the copy on disk would take the view back in time
            await self._load()
        saving = asyncio.create_task(self._keep_saving()) if self._save else None
        try:
            await follow(self._log, self)
        except Exception as error:
            self._lose(Unavailable(f"following ended: {error!r}"))
            raise
        finally:
            if saving is not None:
                saving.cancel()
                await asyncio.gather(saving, return_exceptions=True)
                await self._save_now()

    async def reached(self, index: int, *, timeout: float) -> bool:
        """Wait until the view holds the log up to `index`; False when it does not within `timeout` seconds."""
        if self._view.region(self.region).index >= index:
            return True
        loop = asyncio.get_running_loop()
        try:
            # The timeout itself ends the wait. A timer that wakes and then compares clocks may fire a hair before its
            # time (uvloop's has whole milliseconds) and would find nothing due, and nothing to wake it again.
            async with asyncio.timeout(timeout):
                while self._view.region(self.region).index < index:
                    # One future for all who wait for whatever comes next: thousands of writers wait a moment here.
                    self._next = self._next or loop.create_future()
                    await asyncio.shield(self._next)
        except TimeoutError:
            return self._view.region(self.region).index >= index
        return True

    def position(self, region: str) -> Position | None:
        """See `catalog.follow.Follower.position`."""
        return self._view.position(region)

    async def reset(self, snapshot: Snapshot) -> None:
        """See `catalog.follow.Follower.reset`."""
        for follower in self._beside:
            await follower.reset(snapshot)
        await self._view.reset(snapshot)
        self.is_sound = True
        self._advanced()

    async def apply(self, changes: Sequence[Change]) -> None:
        """See `catalog.follow.Follower.apply`."""
        for follower in self._beside:
            await follower.apply(changes)
        self.is_sound = False  # a view that has diverged must be neither kept on disk nor vouched for
        await self._view.apply(changes)
        self.is_sound = True
        self.applied += len(changes)
        self._advanced()

    def heard(self, region: str) -> None:
        """See `catalog.follow.Follower.heard`."""
        if self._said:
            self._said.clear()
            logger.info("the log is followed again", region=region)
        self.lost_at = None
        self._step(True)
        if not self._is_mirror:
            self.heard_at = self._clock()
            self._view.heard(region)
        self.ready.set()

    def lost(self, region: str, error: Unavailable) -> None:
        """See `catalog.follow.Follower.lost`. A reason is logged once, however often the log is tried."""
        reason = str(error)
        if reason not in self._said:
            self._said.add(reason)
            logger.warning("the log cannot be followed", region=region, reason=reason)
        self._lose(error)

    def _lose(self, error: Unavailable) -> None:
        if self.lost_at is None:
            self.lost_at = self._clock()
        self._step(False)
        self._view.lost(self.region, error)

    def _step(self, in_step: bool) -> None:
        changed, self.in_step = self.in_step is not in_step, in_step
        if changed and self.stepped is not None:
            self.stepped()

    def _advanced(self) -> None:
        self._changed.set()
        self._wake()

    def _wake(self) -> None:
        waited, self._next = self._next, None
        if waited is not None and not waited.done():
            waited.set_result(None)

    async def _load(self) -> None:
        try:
            found = snapshot_file.read(self._path)
            if found is None:
                return
            header, snapshot = found
            if snapshot.region != self.region:
                return
            await self._view.reset(snapshot)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the log has it all
            logger.warning("the copy of the view on disk is of no use", path=str(self._path), reason=str(error))
            return
        self._saved = snapshot.head.position
        self._view.mark_stale(self.region, header.known_at)
        self.ready.set()

    async def _keep_saving(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._changed.wait()
            self._changed.clear()
            began = loop.time()
            try:
                await self._save_now()
            except Exception:
                logger.exception("the view could not be copied to disk", path=str(self._path))
            await asyncio.sleep(max(SAVE_EVERY, (loop.time() - began) / LARGEST_SHARE))

    async def _save_now(self) -> None:
        view = self._view.region(self.region)
        if view.position is None or view.position == self._saved or not self.is_sound:
            return
        head, changes = as_snapshot(self.region, view)
        header = snapshot_file.Header(
            region=self.region,
            log_id=head.position.log_id,
            index=head.position.index,
            digest=head.digest,
            known_at=self.heard_at or self._clock(),
        )
        try:
            await asyncio.to_thread(self._write, header, changes)
            self._saved = head.position
        except OSError as error:
            logger.warning("the view could not be copied to disk", path=str(self._path), reason=str(error))

    def _write(self, header: snapshot_file.Header, changes: Sequence[Change]) -> None:
        with self._writing:
            snapshot_file.write(self._path, header, changes)
