"""A view of several regions, for the tests of what is asked of more than one."""

import msgspec

from catalog.change import Record
from catalog.log import MemoryLog
from catalog.query import Query
from catalog.records.instance import Instance, with_lease
from catalog.records.policy import Policy
from catalog.view import View
from tests.harness.records import NOW, instance

HOME, WEST, SOUTH = "us-east", "eu-west", "ap-south"
BEGAN = NOW - 1000.0  # when the instances registered


def copy(region: str, id: str, *, service: str = "web", **fields: object) -> Instance:
    """An instance of `web` in a region, passing and long there."""
    made = instance(service, id, now=BEGAN, **fields)
    return msgspec.structs.replace(made, region=region)


def sick(record: Instance, *, since: float = NOW - 100.0) -> Instance:
    """The same with its lease expired at `since`."""
    return with_lease(record, expired=True, now=since)


def well(record: Instance, *, since: float) -> Instance:
    """The same with its lease renewed after all."""
    return with_lease(record, expired=False, now=since)


def policy(**fields: object) -> Policy:
    """The failover policy of `web` at home: to eu-west, then ap-south."""
    return Policy(**{"region": HOME, "service": "web", "order": (WEST, SOUTH), **fields})  # type: ignore[arg-type]


class FederatedView:
    """A view of three regions, and the logs behind it."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.logs = {region: MemoryLog(region) for region in (HOME, WEST, SOUTH)}

    async def put(self, *records: Record) -> None:
        """Write records, each into its own region's log, and let the view follow."""
        for record in records:
            await self.view.apply([self.logs[record.region].append(record.key, record)])

    async def remove(self, record: Record) -> None:
        """Remove a record."""
        await self.view.apply([self.logs[record.region].append(record.key, None)])


async def federation(*records: Record) -> FederatedView:
    """Three live regions that hold these records."""
    made = FederatedView(View(clock=lambda: NOW))
    for log in made.logs.values():
        await made.view.reset(await log.snapshot())
        made.view.heard(log.region)
    await made.put(*records)
    return made


def asking(*regions: str, **fields: object) -> Query:
    """A lookup of `web` from us-east."""
    return Query(region=HOME, service="web", regions=regions, **fields)  # type: ignore[arg-type]
