"""A region's leases on a clock that the test turns: real tables, a real Valkey, the real sweep."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis.asyncio
from django.conf import settings

from catalog.records.instance import Instance, instance_key
from catalog.records.status import Status
from registry.breaker.population import instances_of
from registry.leases.keys import LeaseKeys
from registry.leases.renewals import Renewals
from registry.leases.store import LeaseStore, store
from registry.models import ChangeRow, HeldRow, InstanceRow
from registry.upkeep.removal import remove_critical
from registry.upkeep.sweep import Swept, sweep
from registry.valkey import connection
from tests.harness.registry import registering

REGION = "us-east"
TEST = "test@127.0.0.1"


def key(id: str, service: str = "web") -> str:
    return instance_key("default", service, id)


def note_server(now: float) -> None:
    """As a server notes that it takes renewals."""
    connection().set(LeaseKeys(REGION).listening, now)


class LeasedRegion:
    """Time is in seconds since the test began; a server takes renewals unless `serving` is False."""

    def __init__(self) -> None:
        self.began = time.time()
        self.store: LeaseStore = store()
        self.serving = True

    def at(self, seconds: float) -> float:
        return self.began + seconds

    def register(self, id: str, *, service: str = "web", ttl: str | None = "15s", **fields: Any) -> Instance:
        if ttl is not None:
            fields["lease"] = {"ttl": ttl}
        return registering.register(id, service=service, actor=TEST, cause="test", **fields).instance

    def register_many(self, number: int, *, service: str = "web", ttl: str = "15s", **fields: object) -> list[Instance]:
        return [self.register(f"{service}-{n}", service=service, ttl=ttl, **fields) for n in range(number)]

    def renew(self, instances: Iterable[Instance], at: float) -> None:
        self.say(lambda renewals: [renewals.renew(instance) for instance in instances], at)

    def report(self, instance: Instance, check: str, at: float) -> None:
        self.say(lambda renewals: [renewals.report(instance, check)], at)

    def say(self, what: Callable[[Renewals], Sequence["asyncio.Future[None]"]], at: float) -> None:
        async def talk() -> None:
            async with redis.asyncio.Redis.from_url(settings.MERIDIAN.valkey_url) as client:
                await asyncio.gather(*what(Renewals(client, REGION, now=self.at(at))))

        asyncio.run(talk())

    def sweep(self, at: float) -> Swept:
        if self.serving:
            note_server(self.at(at))
        swept = sweep(self.store, now=self.at(at))
        assert swept is not None
        return swept

    def live(self, since: float, until: float, *, renewing: Iterable[Instance] = ()) -> None:
        """Sweep every second of a span; these instances renew in its first second and every five seconds after."""
        renewing, second = list(renewing), since
        while second <= until:
            if renewing and (second - since) % 5 == 0:
                self.renew(renewing, second)
            self.sweep(second)
            second += 1.0

    def remove(self, at: float) -> int:
        return remove_critical(self.store, now=self.at(at))

    def instance(self, id: str, service: str = "web") -> Instance:
        return instances_of(REGION, [key(id, service)])[key(id, service)]

    def status(self, id: str, service: str = "web") -> Status | None:
        found = instances_of(REGION, [key(id, service)])
        return found[key(id, service)].status if found else None

    def critical(self) -> set[str]:
        return set(InstanceRow.objects.filter(status="critical").values_list("instance_id", flat=True))

    def holds(self, state: str = "open") -> list[HeldRow]:
        return list(HeldRow.objects.filter(state=state))

    def causes(self, verb: str) -> list[str]:
        return list(ChangeRow.objects.filter(verb=verb).order_by("index").values_list("cause", flat=True))
