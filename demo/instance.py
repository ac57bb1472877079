"""One running instance: its servers and the keeper of its registration."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from demo.keeper import Keeper
from demo.plan import InstancePlan
from demo.registration import registration
from demo.registry import Registry
from demo.server import LOOPBACK, Behaviour, InstanceServer

# How long an instance goes on answering after it has taken leave or moved, for callers that have not heard of it.
GRACE_SECONDS = 2.0


class Instance:
    """A running instance. `await start()` it; then let it `vanish`, `leave` or `upgrade` as the story goes."""

    def __init__(
        self,
        plan: InstancePlan,
        registry: Registry,
        rng: random.Random,
        tasks: asyncio.TaskGroup,
        *,
        on_refused: Callable[[str, str], None],
    ) -> None:
        self.plan = plan
        self.server = InstanceServer(plan)
        self._registry = registry
        self._rng = rng
        self._tasks = tasks
        self._on_refused = on_refused
        self._keeper: Keeper | None = None
        self._outdated: list[InstanceServer] = []

    @property
    def keeper(self) -> Keeper:
        """The keeper of its registration. Raises RuntimeError before `start`."""
        if self._keeper is None:
            raise RuntimeError(f"{self.plan.id} has not started")
        return self._keeper

    async def start(self) -> None:
        """Listen, then begin to register."""
        await self.server.start()
        self._keeper = Keeper(
            self._registry,
            self._rng,
            self._tasks,
            service=self.plan.service,
            instance=self.plan.id,
            body=self.registration,
            on_registered=self._retire_outdated,
            on_refused=lambda detail: self._on_refused(self.plan.id, detail),
        )

    def registration(self) -> dict[str, object]:
        """What it tells the registry about itself now."""
        return registration(self.plan, host=LOOPBACK, port=self.server.port, ports={})

    def behave(self, behaviour: Behaviour, reason: str) -> None:
        """Let `/health` say something else from now on."""
        self.server.behaviour = behaviour
        self.server.reason = reason

    async def upgrade(self, plan: InstancePlan) -> None:
        """Start the new version beside the old one, which is closed once the registry knows the new one."""
        new = InstanceServer(plan)
        await new.start()
        self._outdated.append(self.server)
        self.plan, self.server = plan, new
        self.keeper.register_again()

    async def vanish(self) -> None:
        """Stop at once and tell nobody."""
        self.close()
        await self.keeper.stop()

    async def leave(self) -> None:
        """Deregister, answer a little longer, close. If the registry is away the lease runs out by itself."""
        await self.keeper.stop()
        await self._registry.deregister(self.plan.service, self.plan.id)
        await asyncio.sleep(GRACE_SECONDS)
        self.close()

    def close(self) -> None:
        """Close its servers, nothing else."""
        for server in (self.server, *self._outdated):
            server.close()

    def _retire_outdated(self) -> None:
        outdated, self._outdated = self._outdated, []
        for server in outdated:
            asyncio.get_running_loop().call_later(GRACE_SECONDS, server.close)
