"""Waiting for an answer to change: blocking queries and streams, the same for every dialect.

A topic is a read that clients wait on. A change that touches it has it repeated once, however many wait; when the bytes
are the same no client is woken, and when they differ all get the same ones.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import structlog

from catalog.errors import CatalogError
from catalog.view import View
from discovery.answers.cache import Answers, CacheKey, Encoded, Form, Read
from discovery.answers.dependents import Dependents
from registry.asgi import Message

SLICE = 50  # waiters answered before others get their turn: about a millisecond
TOPICS_SLICE = 20  # reads repeated before others get their turn
JITTER = 1 / 16  # of the wait, as Consul has it, so that those who came together do not come back together

Deliver = Callable[[Encoded], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

logger = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Waiter:
    """A client that awaits an answer. `deliver` sends it; only when `is_slow` may that have to wait for the client."""

    deliver: Deliver
    is_slow: Callable[[], bool]
    timer: asyncio.TimerHandle | None = None
    answered: bool = False


@dataclass(eq=False, slots=True)
class Topic:
    """A read that clients wait on, and its answer as all of them know it."""

    read: Read
    form: Form
    current: Encoded
    waiters: dict[Waiter, None] = field(default_factory=dict)
    streams: dict[asyncio.Event, None] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None

    @property
    def key(self) -> CacheKey:
        """That of its answer in the cache."""
        return self.form.name, self.read.key


class Topics:
    """Everything that is waited on in this process. Belongs to one event loop."""

    def __init__(self, view: View, answers: Answers, *, clock: Callable[[], float]) -> None:
        self.recomputed = 0
        self.woken = 0
        self._answers, self._clock = answers, clock
        self._topics: dict[CacheKey, Topic] = {}
        self._dependents = Dependents[CacheKey]()
        self._touched: dict[CacheKey, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # After the listener of the cache: when a topic repeats its read, the old answer must be gone.
        view.listeners.append(self._changed)

    async def wait(
        self,
        read: Read,
        form: Form,
        deliver: Deliver,
        receive: Receive,
        *,
        seconds: float,
        is_slow: Callable[[], bool],
    ) -> None:
        """Park until the answer changes or the time is over, deliver it, and return when the client has it or is gone.

        The handler's own coroutine does nothing but listen for the client; what is sent is sent by the topic. That
        keeps a parked query at one coroutine and one timer.
        """
        topic = self._join(read, form)
        waiter = Waiter(deliver, is_slow)
        loop = asyncio.get_running_loop()
        length = seconds * (1 + random.random() * JITTER)  # noqa: S311 - spreads load, guards nothing
        waiter.timer = loop.call_later(length, self._time_is_over, topic, waiter)
        topic.waiters[waiter] = None
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            waiter.timer.cancel()
            waiter.answered = True
            topic.waiters.pop(waiter, None)
            self._leave(topic)

    async def stream(
        self, read: Read, form: Form, *, heartbeat: float, known: Callable[[Encoded], bool]
    ) -> AsyncGenerator[Encoded | None, None]:
        """The answer, unless `known` says that the reader has it, and each time it changes; None as a heartbeat."""
        topic = self._join(read, form)
        changed = asyncio.Event()
        topic.streams[changed] = None
        sent: Encoded | None = topic.current if known(topic.current) else None
        try:
            while True:
                changed.clear()
                if sent is None or topic.current.is_news_after(sent):
                    sent = topic.current
                    yield sent
                    continue
                try:
                    async with asyncio.timeout(heartbeat):
                        await changed.wait()
                except TimeoutError:
                    yield None
        finally:
            topic.streams.pop(changed, None)
            self._leave(topic)

    def __len__(self) -> int:
        return len(self._topics)

    def _join(self, read: Read, form: Form) -> Topic:
        topic = self._topics.get((form.name, read.key))
        if topic is None:
            topic = Topic(read, form, self._answers.ask(read, form))
            self._topics[topic.key] = topic
            self._depend(topic)
        elif topic.key in self._touched:
            # Its turn to be repeated has not come yet. A client that joins now judged by the new answer, and would wait
            # for a change that has happened.
            self._refresh(topic)
        return topic

    def _leave(self, topic: Topic) -> None:
        if not topic.waiters and not topic.streams and self._topics.get(topic.key) is topic:
            del self._topics[topic.key]
            self._undepend(topic)

    def _depend(self, topic: Topic) -> None:
        self._dependents.add(topic.key, topic.current.depends)
        if topic.current.valid_until is not None:
            delay = max(0.0, topic.current.valid_until - self._clock()) + 0.001
            topic.timer = asyncio.get_running_loop().call_later(delay, self._touch, [topic.key])

    def _undepend(self, topic: Topic) -> None:
        self._dependents.discard(topic.key, topic.current.depends)
        if topic.timer is not None:
            topic.timer.cancel()
            topic.timer = None

    def _changed(self, region: str, names: frozenset[str], _index: int) -> None:
        self._touch(self._dependents.touched(region, names))

    def _touch(self, keys: list[CacheKey]) -> None:
        if not keys:
            return
        if not self._touched:
            # Once for all changes of this turn of the loop.
            self._run(self._repeat_touched())
        self._touched.update(dict.fromkeys(keys))

    async def _repeat_touched(self) -> None:
        for number in count(1):
            if not self._touched:
                return
            key = next(iter(self._touched))
            topic = self._topics.get(key)
            if topic is not None:
                self._refresh(topic)
            del self._touched[key]
            if number % TOPICS_SLICE == 0:
                await asyncio.sleep(0)

    def _refresh(self, topic: Topic) -> None:
        self._undepend(topic)
        before = topic.current
        try:
            topic.current = self._answers.ask(topic.read, topic.form)
        except CatalogError as error:
            # A filter that new records make undecidable, say. Waiting clients get the error when they ask again.
            logger.info("a read that is waited on cannot be repeated", reason=str(error))
        self._depend(topic)
        self.recomputed += 1
        if not topic.current.is_news_after(before):
            return
        for changed in topic.streams:
            changed.set()
        if topic.waiters:
            waiters, topic.waiters = topic.waiters, {}
            self._run(self._answer_all(list(waiters), topic.current))

    async def _answer_all(self, waiters: list[Waiter], encoded: Encoded) -> None:
        for start in range(0, len(waiters), SLICE):
            for waiter in waiters[start : start + SLICE]:
                if waiter.is_slow():
                    self._run(self._answer(waiter, encoded))  # by itself, so that no other waits behind it
                else:
                    await self._answer(waiter, encoded)
            await asyncio.sleep(0)

    async def _answer(self, waiter: Waiter, encoded: Encoded) -> None:
        if waiter.answered:
            return
        waiter.answered = True
        if waiter.timer is not None:
            waiter.timer.cancel()
        self.woken += 1
        try:
            await waiter.deliver(encoded)
        except Exception as error:  # noqa: BLE001 - one client that cannot be answered must not cost the others theirs
            logger.info("a waiting client could not be answered", reason=repr(error))

    def _time_is_over(self, topic: Topic, waiter: Waiter) -> None:
        topic.waiters.pop(waiter, None)
        self._run(self._answer(waiter, topic.current))

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
