"""What the dashboard keeps of what the logs tell: each entry once, with what was before."""

from catalog.log import MemoryLog
from catalog.view import View
from dashboard.follower import DashboardFollower
from dashboard.memory.history import Histories
from dashboard.memory.recent import Recent
from tests.harness.records import NOW, instance


class Beside:
    """A view and the dashboard's follower beside it, fed by hand."""

    def __init__(self) -> None:
        self.log = MemoryLog("us-east")
        self.view = View(clock=lambda: NOW)
        self.recent = Recent(kept=10)
        self.live = DashboardFollower(self.view, self.recent, Histories())

    async def begin(self) -> None:
        await self.view.reset(await self.log.snapshot())

    async def deliver(self, *changes) -> None:
        await self.live.apply(changes)
        await self.view.apply(changes)

    def kept(self) -> list[tuple[int, object]]:
        return [(entry.change.index, entry.before) for entry in self.recent.newest()]


async def test_an_entry_is_kept_with_the_record_before_it() -> None:
    world, first, second = Beside(), instance(weight=1), instance(weight=2)
    await world.begin()
    await world.deliver(world.log.append(first.key, first, at=NOW))
    await world.deliver(world.log.append(first.key, second, at=NOW))
    assert world.kept() == [(2, first), (1, None)]


async def test_in_one_batch_each_entry_follows_the_one_before_it() -> None:
    world, first, second = Beside(), instance(weight=1), instance(weight=2)
    await world.begin()
    await world.deliver(world.log.append(first.key, first, at=NOW), world.log.append(first.key, second, at=NOW))
    assert world.kept() == [(2, first), (1, None)]


async def test_a_batch_that_is_delivered_twice_is_kept_once() -> None:
    world, record = Beside(), instance()
    await world.begin()
    change = world.log.append(record.key, record, at=NOW)
    await world.deliver(change)
    await world.deliver(change)
    assert world.kept() == [(1, None)]


async def test_only_the_newest_are_kept() -> None:
    world, record = Beside(), instance()
    await world.begin()
    for _ in range(15):
        await world.deliver(world.log.append(record.key, record, at=NOW))
    assert [index for index, _ in world.kept()] == list(range(15, 5, -1))
