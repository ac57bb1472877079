"""The lease store: every deadline of the region in one sorted set of Valkey, and the observed clock beside it.

    leases       sorted set: `instance/…` for a lease, `instance/…|check` for a reported check; score: the deadline
    expired      set: instances whose lease ran out, so that a renewal which comes after all is noticed
    clock        hash: the observed clock, and how far the log has been turned into leases
    listening    when a server last said that it takes renewals
    reviewed     when the breaker last judged all that was overdue
    sweeping     the lock of the sweep that runs
    losses:KIND  sorted set: what the breaker let happen lately; score: when
    spared:KIND  sorted set: what a person told the breaker to leave alone; score: until when

Nothing here is the only copy of anything: all of it can be lost, and is then made again from the tables.
Unless a caller gives `now`, the time is Valkey's own, so that clocks that differ between hosts expire no lease.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain, islice
from typing import Any, TypeVar, cast

import msgspec
import redis
from django.conf import settings

from catalog.breaker import Kind
from catalog.records.check import Check, CheckType
from catalog.records.instance import Instance
from catalog.records.lease import Clock, Lease, deadline
from catalog.records.status import Status
from registry.leader_lock import held
from registry.leases.keys import LeaseKeys
from registry.valkey import connection
from registry.waits import SWEEP_LOCK_LASTS

PART = "the lease store"
CHUNK = 1000  # members in one command: a fraction of a millisecond of Valkey's time

T = TypeVar("T")
Deadlines = Mapping[str, float]

# Removes members whose deadline has not moved past ARGV[1], and returns the others: they renewed at the last moment.
DROP = """
local alive = {}
for i = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score and tonumber(score) > tonumber(ARGV[1]) then
    alive[#alive + 1] = ARGV[i]
  else
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return alive
"""


class Observation(msgspec.Struct, frozen=True):
    """What the `clock` hash holds.

    `since` is when the present observation began, on the wall clock; `deaf` says that no server was taking renewals at
    the last look; `log_id` and `index` say up to which change leases were granted; `ended_at` is when the last sweep
    came to its end.
    """

    clock: Clock
    since: float
    deaf: bool = False
    log_id: str = ""
    index: int = 0
    ended_at: float = 0.0

    @property
    def seen_at(self) -> float:
        """When a sweep was last at work: one that takes long is slow, not absent."""
        return max(self.clock.looked_at, self.ended_at)


def lease_member(key: str, check: str = "") -> str:
    """How a lease, or a reported check, is named in the store. No instance id holds the bar."""
    return f"{key}|{check}" if check else key


def split_member(member: str) -> tuple[str, str]:
    """The instance's key, and the check's name or nothing."""
    key, _, check = member.partition("|")
    return key, check


def lease_terms(instance: Instance) -> Iterator[tuple[str, Lease]]:
    """What of an instance has a deadline: its lease unless expired, and its reported checks unless critical."""
    if instance.lease is not None and not instance.lease_expired:
        yield instance.key, instance.lease
    for check, verdict in zip(instance.checks, instance.verdicts, strict=True):
        if check.type is CheckType.TTL and verdict.status is not Status.CRITICAL:
            yield lease_member(instance.key, check.name), Lease(check.ttl)


def named_check(instance: Instance, name: str) -> Check | None:
    """An instance's check by name."""
    return next((check for check in instance.checks if check.name == name), None)


class LeaseStore:
    """The store as the sweep sees it: blocking, in bulk. Its methods raise redis.RedisError when Valkey is away.

    The client decodes its answers, as `registry.valkey.connection()` does.
    """

    def __init__(self, client: "redis.Redis", region: str) -> None:
        self._client = client
        self._keys = LeaseKeys(region)
        self._drop = client.register_script(DROP)

    def sweeping(self) -> AbstractContextManager[bool]:
        """Hold the sweep's lock; False when another sweep holds it.

        The lock saves work and keeps decisions of the breaker whole. Correctness does not hang on it: a sweep that
        outlives its lock only does what another does, too.
        """
        return held(self._client, self._keys.sweeping, lasts=SWEEP_LOCK_LASTS)

    def now(self) -> float:
        """Valkey's wall clock."""
        seconds, micros = self._client.time()
        return seconds + micros / 1e6

    def observation(self) -> Observation | None:
        """The clock and what is kept with it; None in a store that is new, or has lost everything."""
        kept = cast("dict[str, str]", self._client.hgetall(self._keys.clock))
        if "looked_at" not in kept:
            return None
        return Observation(
            clock=Clock(float(kept["looked_at"]), float(kept.get("blind", 0))),
            since=float(kept.get("since", 0)),
            deaf=kept.get("deaf") == "1",
            log_id=kept.get("log_id", ""),
            index=int(kept.get("index", 0)),
            ended_at=float(kept.get("ended_at", 0)),
        )

    def save(self, observation: Observation) -> None:
        """Keep the clock and what belongs to it."""
        fields: dict[Any, Any] = {
            "looked_at": observation.clock.looked_at,
            "blind": observation.clock.blind,
            "since": observation.since,
            "deaf": int(observation.deaf),
            "log_id": observation.log_id,
            "index": observation.index,
        }
        self._client.hset(self._keys.clock, mapping=fields)

    def note_end(self, now: float) -> None:
        """Note that a sweep came to its end."""
        self._client.hset(self._keys.clock, "ended_at", str(now))

    def server_noted_at(self) -> float | None:
        """When a server last noted that it takes renewals; see `Renewals.listen`."""
        noted = cast("str | None", self._client.get(self._keys.listening))
        return float(noted) if noted is not None else None

    def grant(self, terms: Iterable[tuple[str, Lease]], clock: Clock, now: float) -> int:
        """Give these members their full time from `now`; returns how many."""
        return self.set_deadlines({member: deadline(lease, clock, now) for member, lease in terms})

    def set_deadlines(self, deadlines: Deadlines) -> int:
        """Write deadlines on the observed clock; returns how many."""
        for part in _chunks(deadlines.items()):
            self._client.zadd(self._keys.leases, dict(part))
        return len(deadlines)

    def deadlines(self, members: Sequence[str]) -> dict[str, float]:
        """The deadlines of those members that have one."""
        found: dict[str, float] = {}
        for part in _chunks(members):
            scores = self._client.zmscore(self._keys.leases, part)
            found.update((member, score) for member, score in zip(part, scores, strict=True) if score is not None)
        return found

    def overdue(self, clock: Clock, now: float) -> list[str]:
        """All members whose deadline has passed, the longest overdue first."""
        found = self._client.zrangebyscore(self._keys.leases, "-inf", clock.observed(now))
        return list(cast("list[str]", found))

    def drop_overdue(self, members: Sequence[str], clock: Clock, now: float) -> list[str]:
        """Forget these members; returns those that were renewed meanwhile and stay."""
        alive: list[str] = []
        for part in _chunks(members):
            found = self._drop(keys=[self._keys.leases], args=[clock.observed(now), *part])
            alive += cast("list[str]", found)
        return alive

    def forget(self, members: Sequence[str]) -> None:
        """Remove members whatever their deadline, and from the expired ones."""
        for part in _chunks(members):
            self._client.zrem(self._keys.leases, *part)
            self._client.srem(self._keys.expired, *part)

    def add_expired(self, keys: Sequence[str]) -> None:
        """Remember instances whose lease ran out."""
        for part in _chunks(keys):
            self._client.sadd(self._keys.expired, *part)

    def remove_expired(self, keys: Sequence[str]) -> None:
        """Forget that their lease ran out."""
        for part in _chunks(keys):
            self._client.srem(self._keys.expired, *part)

    def forget_expired(self) -> None:
        """Forget them all."""
        self._client.delete(self._keys.expired)

    def expired(self) -> list[str]:
        """The instances whose lease ran out."""
        return sorted(cast("set[str]", self._client.smembers(self._keys.expired)))

    def note_review(self, now: float) -> None:
        """Remember when all that is overdue was last judged."""
        self._client.set(self._keys.reviewed, now)

    def was_reviewed(self, now: float, *, within: float) -> bool:
        """Whether all that is overdue was judged within so many seconds before."""
        reviewed = cast("str | None", self._client.get(self._keys.reviewed))
        return reviewed is not None and 0.0 <= now - float(reviewed) < within

    def count_losses(self, kind: Kind, losses: Mapping[str, float]) -> None:
        """Remember what the breaker let happen, for the window; the keys are of `breaker.Loss` in JSON."""
        for part in _chunks(losses.items()):
            self._client.zadd(self._keys.losses(kind), dict(part))

    def losses_since(self, kind: Kind, since: float) -> list[str]:
        """What happened after `since`; what is older is forgotten."""
        return self._after(self._keys.losses(kind), since)

    def spare(self, kind: Kind, keys: Iterable[str], until: float) -> None:
        """Have the breaker leave these instances alone until then."""
        for part in _chunks(keys):
            self._client.zadd(self._keys.spared(kind), dict.fromkeys(part, until))

    def spared(self, kind: Kind, now: float) -> set[str]:
        """The instances that are to be left alone."""
        return set(self._after(self._keys.spared(kind), now))

    def _after(self, name: str, score: float) -> list[str]:
        self._client.zremrangebyscore(name, "-inf", score)
        return list(cast("list[str]", self._client.zrange(name, 0, -1)))


def store() -> LeaseStore:
    """The lease store of this process's region."""
    return LeaseStore(connection(), settings.MERIDIAN.region)


def grant_renewed(instances: list[Instance]) -> None:
    """A hook: registering again without any change renews, though the log says nothing of it."""
    leases = store()
    observation = leases.observation()
    if observation is not None:  # without a clock the next sweep grants every lease again
        terms = chain.from_iterable(map(lease_terms, instances))
        leases.grant(terms, observation.clock, leases.now())


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, CHUNK)):
        yield part
