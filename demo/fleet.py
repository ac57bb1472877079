"""The running fleet: makes true what the story tells, with real servers and a real registry."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime

from demo.http_server import Behaviour
from demo.instance import Instance
from demo.options import Options
from demo.plan import InstancePlan, draw_fleet
from demo.registry import Outcome, Registry
from demo.report import Report
from demo.story import Event, Kind, begin, step

# `SIGTERM` is followed by `SIGKILL` in most process managers; the leases take care of what is left.
GOODBYE_SECONDS = 3.0
BEHAVIOUR_AFTER = {
    Kind.FAIL: Behaviour.FAILING,
    Kind.HANG: Behaviour.HANGING,
    Kind.RECOVER: Behaviour.HEALTHY,
}


class Fleet:
    """All instances of one fleet. `await run(stop)` runs it until `stop` is set."""

    def __init__(self, options: Options, report: Report) -> None:
        self._options = options
        self._report = report
        # Jitter has its own source: how often it is asked depends on the network, and must not change the story.
        self._jitter = random.Random(options.seed)
        self._registry = Registry(options.url, token=options.token, on_reachable=self._tell_reachable)
        self._last_refusal = ""
        self._tasks = asyncio.TaskGroup()
        self.instances: dict[str, Instance] = {}
        self._acts: Mapping[Kind, Callable[[Event], Coroutine[None, None, None]]] = {
            Kind.FAIL: self._behave,
            Kind.HANG: self._behave,
            Kind.RECOVER: self._behave,
            Kind.VANISH: self._vanish,
            Kind.COME_BACK: self._start,
            Kind.REPLACE: self._start,
            Kind.SCALE_UP: self._start,
            Kind.SCALE_DOWN: self._scale_down,
            Kind.UPGRADE: self._upgrade,
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Live until `stop` is set, then take leave (or vanish, if so told)."""
        async with self._registry:
            living = asyncio.create_task(self._live())
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait([living, stopping], return_when=asyncio.FIRST_COMPLETED)
                await self._end_life(living)
                await self._take_leave()
            finally:
                stopping.cancel()
                living.cancel()
                for instance in self.instances.values():
                    await instance.close()

    async def _live(self) -> None:
        """Start everything and follow the story for ever. Being cancelled ends all keepers, too."""
        rng = random.Random(self._options.seed)
        options = self._options
        plans = draw_fleet(rng, services=options.services, zones=options.zones, share=options.share)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await self._start_all(plans)
            await self._follow_story(rng, plans)

    async def _end_life(self, living: asyncio.Task[None]) -> None:
        """End every keeper. Raises what ended `living` if it ended by itself."""
        living.cancel()
        await asyncio.wait([living])
        if not living.cancelled():
            living.result()

    async def _start_all(self, plans: tuple[InstancePlan, ...]) -> None:
        services = len({plan.service for plan in plans})
        size = f"{services} services, {len(plans)} instances, seed {self._options.seed}"
        self._notice("fleet", f"{size}, registering at {self._options.url}")
        loop = asyncio.get_running_loop()
        began = loop.time()
        for plan in plans:
            await self._start_instance(plan)
        await self._await_registration()
        registered = sum(instance.keeper.registered for instance in self.instances.values())
        self._notice("fleet", f"{registered} of {len(plans)} are registered after {loop.time() - began:.1f} s")

    async def _follow_story(self, rng: random.Random, plans: tuple[InstancePlan, ...]) -> None:
        if self._options.pace == 0:
            await asyncio.Event().wait()
        start, state = asyncio.get_running_loop().time(), begin(rng, plans, zones=self._options.zones)
        while True:
            event, state = step(rng, state)
            await asyncio.sleep(start + event.at / self._options.pace - asyncio.get_running_loop().time())
            self._report.event(datetime.now().astimezone(), event)
            if event.kind in self._acts:
                await self._acts[event.kind](event)

    async def _await_registration(self) -> None:
        """Wait until every instance has an answer of the registry, however long it is away."""
        for instance in list(self.instances.values()):
            await instance.keeper.answered.wait()

    async def _start_instance(self, plan: InstancePlan) -> None:
        instance = Instance(plan, self._registry, self._jitter, self._tasks, on_refused=self._tell_refused)
        self.instances[plan.id] = instance
        await instance.start()

    async def _start(self, event: Event) -> None:
        await self._start_instance(event.instance)

    async def _behave(self, event: Event) -> None:
        self.instances[event.instance.id].process.behave(BEHAVIOUR_AFTER[event.kind], event.detail)

    async def _vanish(self, event: Event) -> None:
        await self.instances[event.instance.id].vanish()
        del self.instances[event.instance.id]

    async def _upgrade(self, event: Event) -> None:
        await self.instances[event.instance.id].upgrade(event.instance)

    async def _scale_down(self, event: Event) -> None:
        self._tasks.create_task(self._leave(event.instance.id))

    async def _leave(self, instance: str) -> None:
        """Goes on beside the story, because it waits for the registry."""
        await self.instances[instance].leave()
        del self.instances[instance]

    async def _take_leave(self) -> None:
        if self._options.vanish:
            self._notice("fleet", f"{len(self.instances)} instances vanish without deregistering")
            return
        self._notice("fleet", f"{len(self.instances)} instances take their leave")
        leaving = [asyncio.create_task(self._deregister(instance)) for instance in self.instances.values()]
        if not leaving:
            return
        done, late = await asyncio.wait(leaving, timeout=GOODBYE_SECONDS)
        for task in late:
            task.cancel()
        self._notice("fleet", f"{sum(task.result() for task in done)} of {len(leaving)} are deregistered")

    async def _deregister(self, instance: Instance) -> bool:
        if self._registry.lost:
            return False
        answer = await self._registry.deregister(instance.plan.service, instance.plan.id)
        return answer.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN)

    def _notice(self, who: str, what: str) -> None:
        self._report.notice(datetime.now().astimezone(), who, what)

    def _tell_reachable(self, reachable: bool) -> None:
        self._notice("registry", "answers again" if reachable else "is unavailable; all instances keep trying")

    def _tell_refused(self, instance: str, detail: str) -> None:
        # Usually all are refused for one reason: say it once.
        if detail != self._last_refusal:
            self._last_refusal = detail
            self._notice(instance, f"is refused by the registry: {detail}")
