"""The schedule: which check is due when, in the region's Valkey, shared by all workers that probe.

    probes:due          sorted set: a check's key; score: when it is due, or when its claim lapses
    probes:definitions  hash: what to ask and how, by key
    probes:states       hash: tally, flap score and last outcomes, by key
    probes:leader       who keeps the schedule in step with the log
    probes:seen         when a worker last completed a round, see `probe_heartbeat`

Nothing here is the only copy of anything: `registry/checks/follower.py` makes it again from the log.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

import msgspec
from redis.asyncio import Redis

from registry.checks.judge import State
from registry.checks.probe_spec import Definition, decode, encode
from registry.checks.scripts import ALIGN, CLAIM, FINISH
from registry.leader_lock import LeaderLock, Term
from registry.valkey import key, reaching
from registry.waits import LEADER_LASTS

PART = "the schedule of probes"
AT_ONCE = 500  # checks in one script, so that none holds Valkey up for long
SCAN = 1000  # keys in one step of a scan


class Claim(NamedTuple):
    """One check to probe. `token` proves the claim when its result comes back."""

    key: str
    token: str
    definition: Definition
    state: State | None


class Claims(NamedTuple):
    """What was due. `lateness` is for how long the first of it had been, `pause` the seconds until more is; None when
    nothing is scheduled."""

    checks: list[Claim]
    lateness: float
    pause: float | None


class Result(NamedTuple):
    """What a claim led to. Without a state the old one stays."""

    claim: Claim
    state: State | None
    delay: float  # seconds until the check is due again


class Alignment(NamedTuple):
    """One step towards the log. No definition removes the check, no delay leaves its time as it is."""

    key: str
    definition: Definition | None = None
    delay: float | None = None
    forget: bool = False  # what is remembered of it


def probes_key(region: str, part: str) -> str:
    """Where one part of a region's schedule is in its Valkey: `due`, `definitions`, `states`, `leader` or `seen`."""
    return key(region, "probes", part)


_encode_state = msgspec.json.Encoder().encode
_decode_state = msgspec.json.Decoder(State).decode


class Schedule:
    """The schedule of one region, for one event loop. Every method raises Unavailable when Valkey is."""

    def __init__(self, client: Redis, region: str) -> None:
        self._client = client
        self._due, self._definitions, self._states, self._leader = (
            probes_key(region, part) for part in ("due", "definitions", "states", "leader")
        )
        self._lock = LeaderLock(client, self._leader, lasts=LEADER_LASTS, part=PART)
        self._aligned = asyncio.Event()
        self._scripts = {text: client.register_script(text) for text in (ALIGN, CLAIM, FINISH)}

    async def claim(self, limit: int) -> Claims:
        """Take up to `limit` checks that are due; no other worker gets them before their claim lapses."""
        self._aligned.clear()
        lateness, pause, *parts = await self._run(CLAIM, (self._due, self._definitions, self._states), [limit])
        rows = zip(parts[0::4], parts[1::4], parts[2::4], parts[3::4], strict=True)
        claims = [Claim(key, token, decode(text), decode_state(state)) for key, token, text, state in rows]
        return Claims(claims, float(lateness), float(pause) if float(pause) >= 0 else None)

    async def finish(self, results: Sequence[Result]) -> list[bool]:
        """Remember what came of claims and when they are due again; False for each that came too late to count."""
        accepted: list[bool] = []
        for start in range(0, len(results), AT_ONCE):
            arguments: list[Any] = []
            for claim, state, delay in results[start : start + AT_ONCE]:
                arguments += [claim.key, claim.token, f"{max(0.0, delay):.6f}", _encode_state(state) if state else ""]
            accepted += [bool(answer) for answer in await self._run(FINISH, (self._due, self._states), arguments)]
        return accepted

    async def lead(self, who: str) -> Term:
        """Be the one that keeps the schedule in step; see `LeaderLock.take`."""
        return await self._lock.take(who)

    async def resign(self, who: str) -> None:
        """Let another lead at once."""
        await self._lock.release(who)

    async def align(self, who: str, steps: Iterable[Alignment]) -> bool:
        """Bring the schedule in step with the log; False when `who` does not lead, and then the rest is not done."""
        steps, keys = list(steps), (self._leader, self._due, self._definitions, self._states)
        for start in range(0, len(steps), AT_ONCE):
            arguments: list[Any] = [who]
            for step in steps[start : start + AT_ONCE]:
                delay = "" if step.delay is None else f"{step.delay:.6f}"
                definition = encode(step.definition) if step.definition else ""
                arguments += [step.key, definition, delay, "1" if step.forget else "0"]
            if not await self._run(ALIGN, keys, arguments):
                return False
        self._aligned.set()
        return True

    async def aligned(self, *, within: float) -> None:
        """Return when this process has brought the schedule in step since the last claim, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._aligned.wait()

    async def scheduled(self) -> AsyncIterator[tuple[str, Definition | None]]:
        """Every check in the schedule; None for a definition that this version cannot read."""
        with reaching(PART):
            async for key, text in self._client.hscan_iter(self._definitions, count=SCAN):
                yield key, _readable(text)

    async def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        with reaching(PART):
            return await cast("Awaitable[Any]", self._scripts[script](keys=keys, args=arguments))


def decode_state(text: str | None) -> State | None:
    """What is remembered of a check; None for nothing, and for what another version remembered differently."""
    try:
        return _decode_state(text) if text else None
    except msgspec.DecodeError:
        return None


def _readable(text: str) -> Definition | None:
    try:
        return decode(text)
    except msgspec.DecodeError:
        return None
