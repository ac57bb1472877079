"""The follower of this region's log that keeps the schedule of probes in step with it.

One worker process at a time leads: it alone follows the log and writes the schedule; the others claim what is due and
need neither the log nor the database to probe. Should it die, another leads within seconds; meanwhile every known
check goes on being probed, and only new ones wait. Followers in every worker would each read each change and hold each
check in memory, and one that lags could bring back what another has removed already.

Leadership is a key in the same Valkey as the schedule. If Valkey loses its data it loses that key too, so the leader is
elected again, begins with a snapshot and makes the schedule from it.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence

import msgspec
import structlog

from catalog.change import Change, Position
from catalog.digest import EMPTY, record_hash
from catalog.errors import Unavailable
from catalog.follow import follow
from catalog.ledger import Ledger, totalled
from catalog.log import Log, Snapshot
from catalog.records.instance import Instance
from catalog.records.status import Status
from registry.checks.probe_spec import Definition, definitions
from registry.checks.schedule import Alignment, Schedule
from registry.leader_lock import Term
from registry.valkey import cancel_all
from registry.waits import LEADER_RENEWED

logger = structlog.get_logger(__name__)


class Known(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a record: its hash for the digest, and its probed checks."""

    hash: int
    checks: tuple[Definition, ...] = ()


class Scheduler:
    """Folds a log into the schedule.

    `who` is the leader's name. `spread` gives a number from 0 to 1 for each check that is scheduled again after a gap,
    so that not all are due at once.
    """

    def __init__(self, schedule: Schedule, who: str, *, spread: Callable[[], float] = random.random) -> None:
        self._schedule = schedule
        self._who = who
        self._spread = spread
        self._known: dict[str, Known] = {}
        self._ledger: Ledger | None = None

    def position(self, region: str) -> Position | None:
        """See `Follower.position`."""
        return self._ledger.position if self._ledger else None

    @property
    def digest(self) -> int:
        """The digest of what was folded in."""
        return self._ledger.digest if self._ledger else EMPTY

    async def reset(self, snapshot: Snapshot) -> None:
        """See `Follower.reset`. Checks that are in the schedule already keep their time and what is remembered."""
        fresh: dict[str, Known] = {}
        async for chunk in snapshot.chunks:
            fresh.update((change.key, _known(change)) for change in chunk)
        ledger = totalled(snapshot.region, snapshot.head, (known.hash for known in fresh.values()))
        wanted = {check.key: check for known in fresh.values() for check in known.checks}
        scheduled = {key: definition async for key, definition in self._schedule.scheduled()}
        await self._align([*self._reconciled(wanted, scheduled)])
        self._known, self._ledger = fresh, ledger

    async def apply(self, changes: Sequence[Change]) -> None:
        """See `Follower.apply`. A check that is new is due at once."""
        ledger = self._ledger or Ledger()
        changes = ledger.unseen(changes)
        ledger = ledger.follow(changes, lambda key: self._known.get(key, NOTHING).hash)
        edited = {change.key: _known(change) for change in changes}
        # Nothing is taken for known before the schedule has it: if Valkey fails now, the same changes come again.
        await self._align([step for key, known in edited.items() for step in self._edits(key, known)])
        self._known.update(edited)
        for key in [key for key, known in edited.items() if known is NOTHING]:
            del self._known[key]
        self._ledger = ledger

    def heard(self, region: str) -> None:
        """See `Follower.heard`."""

    def lost(self, region: str, error: Unavailable) -> None:
        """See `Follower.lost`. Known checks go on being probed."""
        logger.warning("the schedule of probes cannot be kept in step", region=region, reason=str(error))

    def _edits(self, key: str, known: Known) -> Iterator[Alignment]:
        before = {check.key: check for check in self._known.get(key, NOTHING).checks}
        for check in known.checks:
            yield from _step(check, before.pop(check.key, None), delay=0.0)
        for gone in before:
            yield Alignment(gone, forget=True)

    def _reconciled(
        self, wanted: dict[str, Definition], scheduled: dict[str, Definition | None]
    ) -> Iterator[Alignment]:
        for key, definition in wanted.items():
            # What has no verdict yet is waited for; what has one can take its turn.
            within = 0.5 if definition.recorded is Status.UNKNOWN else definition.check.interval
            if scheduled.get(key) == definition:
                yield Alignment(key, definition)
            else:
                yield from _step(definition, scheduled.get(key), delay=within * self._spread())
        for key in scheduled.keys() - wanted.keys():
            yield Alignment(key, forget=True)

    async def _align(self, steps: list[Alignment]) -> None:
        if steps and not await self._schedule.align(self._who, steps):
            raise Unavailable("another worker keeps the schedule in step")


NOTHING = Known(0)


def _known(change: Change) -> Known:
    record = change.record
    if record is None:
        return NOTHING
    return Known(record_hash(record), tuple(definitions(record)) if isinstance(record, Instance) else ())


def _step(definition: Definition, before: Definition | None, *, delay: float) -> Iterator[Alignment]:
    if before == definition:
        return
    if before is None or not before.keeps_state_of(definition):
        yield Alignment(definition.key, definition, delay, forget=True)
    elif (before.host, before.port) != (definition.host, definition.port):
        yield Alignment(definition.key, definition, delay)
    else:
        yield Alignment(definition.key, definition)


async def keep_in_step(log: Log, schedule: Schedule, who: str) -> None:
    """Follow `log` into `schedule` whenever `who` leads, until cancelled."""
    following: asyncio.Task[None] | None = None
    try:
        while True:
            term = await _term(schedule, who)
            if following and (term is not Term.RENEWED or following.done()):
                await _end(following)
                following = None
            if term and not following:
                following = asyncio.create_task(follow(log, Scheduler(schedule, who)))
            await asyncio.sleep(LEADER_RENEWED)
    finally:
        if following:
            await _end(following)
            await schedule.resign(who)


async def _term(schedule: Schedule, who: str) -> Term:
    """See `Schedule.lead`. Lost while Valkey cannot be reached, because its data may be gone by then."""
    try:
        return await schedule.lead(who)
    except Unavailable:
        return Term.LOST


async def _end(following: asyncio.Task[None]) -> None:
    await cancel_all([following])
    if not following.cancelled() and (error := following.exception()):  # a defect; the next turn begins with a snapshot
        logger.error("keeping the schedule in step failed", exc_info=error)
