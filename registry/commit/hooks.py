"""Hooks: what else happens once a change is committed, on a thread of its own that cannot hold up a commit."""

from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TypeVar

import structlog

from catalog.change import Change
from catalog.records.instance import Instance

ChangesHook = Callable[[list[Change]], None]
RenewalsHook = Callable[[list[Instance]], None]
T = TypeVar("T")
log = structlog.get_logger(__name__)


class Hooks:
    """The hooks of this process, called in the order of commits.

    A slow hook delays the next call, which then gets everything that was committed meanwhile. One that raises is
    passed over, and logged when that is news: the commit is done, and what a hook keeps must be able to mend itself.
    """

    def __init__(self) -> None:
        self._on_changes: list[ChangesHook] = []
        self._on_renewals: list[RenewalsHook] = []
        self._queue = SimpleQueue[tuple[list[Change], list[Instance]] | None]()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._failing: set[str] = set()

    def after_commit(self, hook: ChangesHook) -> ChangesHook:
        """Call `hook` with the changes of each commit; usable as a decorator."""
        if hook not in self._on_changes:
            self._on_changes.append(hook)
        return hook

    def after_renewal(self, hook: RenewalsHook) -> RenewalsHook:
        """Call `hook` with instances that were registered again without any change; usable as a decorator."""
        if hook not in self._on_renewals:
            self._on_renewals.append(hook)
        return hook

    def all(self) -> list[ChangesHook | RenewalsHook]:
        """Every hook."""
        return [*self._on_changes, *self._on_renewals]

    def remove(self, hook: ChangesHook | RenewalsHook) -> None:
        """Call this hook no more."""
        self._on_changes = [kept for kept in self._on_changes if kept != hook]
        self._on_renewals = [kept for kept in self._on_renewals if kept != hook]

    def tell(self, changes: list[Change], renewed: list[Instance]) -> None:
        """Have the hooks called soon."""
        if not (changes or renewed):
            return
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="meridian-hooks", daemon=True)
                self._thread.start()
        self._queue.put((changes, renewed))

    def close(self) -> None:
        """Call the hooks for what is waiting, then end the thread. The next commit starts another."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(10.0)

    def after_fork(self) -> None:
        """Threads do not survive a fork."""
        self._lock, self._thread, self._queue = Lock(), None, SimpleQueue()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            changes, renewed = list(item[0]), list(item[1])
            ended = self._drain(changes, renewed)
            self._call(self._on_changes, changes)
            self._call(self._on_renewals, renewed)
            if ended:
                return

    def _drain(self, changes: list[Change], renewed: list[Instance]) -> bool:
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                return False
            if item is None:
                return True
            changes += item[0]
            renewed += item[1]

    def _call(self, hooks: Sequence[Callable[[list[T]], None]], items: list[T]) -> None:
        if not items:
            return
        for hook in hooks:
            name = getattr(hook, "__qualname__", repr(hook))
            try:
                hook(items)
            except Exception:  # one hook's fault must not keep the others from hearing of the commit
                if name not in self._failing:  # a store that is away fails at every commit: once is enough
                    log.exception("a hook failed after a commit", hook=name)
                self._failing.add(name)
            else:
                if name in self._failing:
                    log.info("a hook works again", hook=name)
                self._failing.discard(name)


hooks = Hooks()
