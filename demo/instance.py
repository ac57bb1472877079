"""One running instance: its process and the keeper of its registration."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from demo.http_server import LOOPBACK
from demo.keeper import Keeper
from demo.plan import InstancePlan
from demo.process import Process
from demo.registration import registration
from demo.registry import Registry

# How long an instance goes on answering after it has deregistered or moved, for callers with an older answer.
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
        self.process = Process(plan)
        self._registry = registry
        self._rng = rng
        self._tasks = tasks
        self._on_refused = on_refused
        self._keeper: Keeper | None = None
        self._outdated: list[Process] = []

    @property
    def keeper(self) -> Keeper:
        """The keeper of its registration. Raises RuntimeError before `start`."""
        if self._keeper is None:
            raise RuntimeError(f"{self.plan.id} has not started")
        return self._keeper

    async def start(self) -> None:
        """Listen, then begin to register."""
        await self.process.start()
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
        return registration(self.plan, host=LOOPBACK, port=self.process.port, ports=self.process.ports)

    async def upgrade(self, plan: InstancePlan) -> None:
        """Start the new version beside the old one, which ends once the registry knows the new one."""
        new = Process(plan)
        await new.start()
        self._outdated.append(self.process)
        self.plan, self.process = plan, new
        self.keeper.register_again()

    async def vanish(self) -> None:
        """Stop at once, without deregistering."""
        await self.keeper.stop()
        await self.close()

    async def leave(self) -> None:
        """Deregister, answer a little longer, end. If the registry is away the lease runs out by itself."""
        await self.keeper.stop()
        await self._registry.deregister(self.plan.service, self.plan.id)
        await asyncio.sleep(GRACE_SECONDS)
        await self.close()

    async def close(self) -> None:
        """Close its servers, nothing else."""
        for process in (self.process, *self._outdated):
            await process.close()

    def _retire_outdated(self) -> None:
        for process in self._outdated:
            self._tasks.create_task(self._retire(process))

    async def _retire(self, process: Process) -> None:
        await asyncio.sleep(GRACE_SECONDS)
        await process.close()
        if process in self._outdated:
            self._outdated.remove(process)
