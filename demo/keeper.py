"""Keeping one instance registered: register, renew in time, register again when forgotten, never give up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from demo.registration import LEASE_SECONDS
from demo.registry import Answer, Outcome, Registry

RENEWALS_PER_LEASE = 3
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 5.0
# A refused registration does not become right by asking often.
REFUSED_RETRY_SECONDS = 30.0
MOST_RETRY_AFTER = 30.0


def renewal_delay(rng: random.Random) -> float:
    """Seconds until the next renewal: a third of the lease, up to a fifth earlier so that a fleet spreads out."""
    return LEASE_SECONDS / RENEWALS_PER_LEASE * rng.uniform(0.8, 1.0)


def retry_delay(rng: random.Random, *, attempt: int, answer: Answer) -> float:
    """Seconds until the next attempt after `attempt` failures in a row, doubling, with half of it jitter."""
    if answer.outcome is Outcome.REFUSED:
        return REFUSED_RETRY_SECONDS * rng.uniform(0.5, 1.0)
    doubled = FIRST_RETRY_SECONDS * 2.0 ** min(attempt, 10)
    wished = max(min(doubled, LAST_RETRY_SECONDS), min(answer.retry_after, MOST_RETRY_AFTER))
    # A wait that the registry asked for is a minimum: jitter goes on top of it.
    return wished * (rng.uniform(1.0, 1.2) if answer.retry_after else rng.uniform(0.5, 1.0))


class Keeper:
    """The task that keeps one instance registered until it is stopped.

    `body` is asked for before each registration, so that an instance that moved registers what it is now.
    `on_registered` is called when the registry has accepted it, `on_refused` with the registry's message when it
    refuses. `answered` is set once the registry has done either.
    """

    def __init__(
        self,
        registry: Registry,
        rng: random.Random,
        tasks: asyncio.TaskGroup,
        *,
        service: str,
        instance: str,
        body: Callable[[], dict[str, object]],
        on_registered: Callable[[], None],
        on_refused: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._rng = rng
        self._service = service
        self._instance = instance
        self._body = body
        self._on_registered = on_registered
        self._on_refused = on_refused
        self._changed = asyncio.Event()
        self.registered = False
        self.answered = asyncio.Event()
        self._task = tasks.create_task(self._keep(), name=f"keeper of {instance}")

    def register_again(self) -> None:
        """Register at once, because what the instance says about itself has changed."""
        self.registered = False
        self._changed.set()

    async def stop(self) -> None:
        """Renew no more; says nothing to the registry."""
        self._task.cancel()
        # Until it has ended it may begin another registration, which would undo a deregistration.
        await asyncio.wait([self._task])

    async def _keep(self) -> None:
        while True:
            await self._register()
            await self._renew_until_forgotten()

    async def _register(self) -> None:
        attempt = 0
        while True:
            self._changed.clear()
            answer = await self._registry.register(self._service, self._instance, self._body())
            if answer.outcome is Outcome.ACCEPTED:
                self._accepted()
                return
            if answer.outcome is not Outcome.UNAVAILABLE:
                self.answered.set()
                self._on_refused(answer.detail)
            await self._wait(retry_delay(self._rng, attempt=attempt, answer=answer))
            attempt += 1

    def _accepted(self) -> None:
        # If it changed while the request was on its way, then what was accepted is what it no longer is.
        if not self._changed.is_set():
            self.registered = True
            self._on_registered()
        self.answered.set()

    async def _renew_until_forgotten(self) -> None:
        failures, delay = 0, renewal_delay(self._rng)
        while not await self._wait(delay):
            answer = await self._registry.renew(self._service, self._instance)
            if answer.outcome is Outcome.UNKNOWN:
                self.registered = False
                return
            if answer.outcome is Outcome.ACCEPTED:
                failures, delay = 0, renewal_delay(self._rng)
            else:
                delay = retry_delay(self._rng, attempt=failures, answer=answer)
                failures += 1

    async def _wait(self, seconds: float) -> bool:
        """Wait, but not longer than until the instance changed; says whether it did."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True
