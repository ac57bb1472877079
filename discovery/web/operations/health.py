"""How the process is doing: looked at in the background, told from memory, so that asking never waits for anything."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum

import msgspec

from catalog.errors import Unavailable
from catalog.view import State
from discovery.plane import Plane
from discovery.view.probe_heartbeat import Pulse

LOOK_EVERY = 1.0  # seconds
ANSWER_WITHIN = 1.0  # seconds; what takes longer is called slow, and is not waited for

OK = "ok"
Probe = Callable[[], Awaitable[None]]


class Condition(StrEnum):
    """`degraded` still answers lookups, with what it has."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class Report(msgspec.Struct, frozen=True):
    """The body of `/health`: the whole, and each part with `ok` or what is wrong with it.

    Below `parts` stands what has failed lately within this process, when something has.
    """

    status: Condition
    checks: dict[str, str]


class Health:
    """Looks after the parts that `probes` name. A probe returns when its part answers, and raises Unavailable."""

    def __init__(self, plane: Plane, pulse: Pulse, probes: Mapping[str, Probe]) -> None:
        self._plane, self._pulse = plane, pulse
        self._probes = dict(probes)
        self._found = dict.fromkeys(self._probes, "not looked at yet")

    def report(self) -> Report:
        """How things stand, from memory."""
        checks = {**self._found, "view": self._view(), "workers": self._workers()}
        if faults := "; ".join(self._plane.faults()):
            checks["parts"] = faults[:400]
        if not self._plane.following.ready.is_set():
            return Report(Condition.UNHEALTHY, checks)
        return Report(Condition.HEALTHY if set(checks.values()) == {OK} else Condition.DEGRADED, checks)

    @property
    def is_ready(self) -> bool:
        """Whether lookups can be answered: from the log, or from the copy on disk."""
        return self._plane.following.ready.is_set()

    async def watch(self) -> None:
        """Look at every part each second until cancelled."""
        async with asyncio.TaskGroup() as group:  # all end with one that fails, so that a second run has none twice
            for name, probe in self._probes.items():
                group.create_task(self._watch(name, probe))

    async def _watch(self, name: str, probe: Probe) -> None:
        asking: asyncio.Task[None] | None = None
        while True:
            # A question that hangs is left hanging and not asked a second time.
            asking = asking or asyncio.create_task(_ask(probe))
            done, _ = await asyncio.wait({asking}, timeout=ANSWER_WITHIN)
            self._found[name] = _outcome(asking) if done else "does not answer"
            asking = None if done else asking
            await asyncio.sleep(LOOK_EVERY)

    def _view(self) -> str:
        if not self._plane.following.ready.is_set():
            return "not loaded yet"
        freshness = self._plane.view.region(self._plane.region).freshness
        return OK if freshness.state is State.LIVE else freshness.state.value

    def _workers(self) -> str:
        return OK if self._pulse.beats else f"no round of probes for {self._pulse.silent_for:.0f} s"


async def _ask(probe: Probe) -> None:
    await probe()


def _outcome(asking: asyncio.Task[None]) -> str:
    error = asking.exception()
    if error is None:
        return OK
    return str(error)[:200] if isinstance(error, Unavailable) else f"cannot be asked: {type(error).__name__}"
