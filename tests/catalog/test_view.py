"""The view: what a fold of changes touches, and what it refuses."""

import msgspec
import pytest

from catalog import view as view_module
from catalog.change import Change
from catalog.errors import Diverged, Unavailable
from catalog.log import MemoryLog
from catalog.records.override import Scope
from catalog.touched import EVERYTHING
from catalog.view import State, View, as_snapshot
from tests.harness.records import NOW, instance, override


class Touches:
    """Records what a view says was touched."""

    def __init__(self, view: View) -> None:
        self.seen: list[frozenset[str]] = []
        view.listeners.append(lambda region, names, index: self.seen.append(names))


async def following(log: MemoryLog) -> tuple[View, Touches]:
    view = View(clock=lambda: NOW)
    await view.reset(await log.snapshot())
    return view, Touches(view)


async def step(log: MemoryLog, view: View, *changes: Change) -> None:
    await view.apply(changes)
    assert view.position("us-east") == log.head.position


def put(log: MemoryLog, record) -> Change:
    return log.append(record.key, record)


async def test_a_change_touches_its_service_and_its_namespace():
    log = MemoryLog("us-east")
    view, touches = await following(log)
    await step(log, view, put(log, instance()))
    assert touches.seen == [{"default/user-service", "default/"}]


async def test_a_service_that_did_not_change_is_not_touched():
    log = MemoryLog("us-east")
    put(log, instance("order-service"))
    view, _ = await following(log)
    before = view.region("us-east").touched("default/order-service")
    await step(log, view, put(log, instance()))
    assert view.region("us-east").touched("default/order-service") == before


async def test_a_zone_s_override_touches_every_service():
    log = MemoryLog("us-east")
    put(log, instance())
    put(log, instance("order-service"))
    view, touches = await following(log)
    await step(log, view, put(log, override(Scope.ZONE, zone="a")))
    assert touches.seen == [{"default/", "default/user-service", "default/order-service"}]


async def test_a_removed_instance_takes_its_service_s_name_with_it():
    log = MemoryLog("us-east")
    put(log, instance())
    view, _ = await following(log)
    await step(log, view, log.append(instance().key, None))
    assert view.region("us-east").services == {}


async def test_a_reader_keeps_the_service_it_took_while_a_change_comes():
    log = MemoryLog("us-east")
    put(log, instance())
    view, _ = await following(log)
    taken = view.region("us-east").services["default", "user-service"]
    await step(log, view, put(log, instance(id="user-2")))
    assert list(taken) == ["user-1"]


async def test_a_batch_delivered_twice_is_applied_once():
    log = MemoryLog("us-east")
    view, touches = await following(log)
    change = put(log, instance())
    await step(log, view, change)
    await step(log, view, change)
    assert len(touches.seen) == 1


async def test_a_snapshot_at_odds_with_its_digest_is_refused_and_nothing_changes():
    log = MemoryLog("us-east")
    put(log, instance())
    view, touches = await following(log)
    snapshot = await log.snapshot()
    wrong = msgspec.structs.replace(snapshot, head=msgspec.structs.replace(snapshot.head, digest="0" * 64))
    with pytest.raises(Diverged):
        await view.reset(wrong)
    assert ("default", "user-service") in view.region("us-east").services
    assert touches.seen == []


async def test_after_a_reset_no_index_is_older_than_the_snapshot():
    log = MemoryLog("us-east")
    put(log, instance())
    put(log, instance("order-service"))
    view, _ = await following(log)
    assert view.region("us-east").touched("default/user-service") == 2


async def test_names_that_no_service_has_are_forgotten_and_their_index_is_never_too_low(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(view_module, "MOST_GONE", 10)
    log = MemoryLog("us-east")
    view, _ = await following(log)
    await step(log, view, put(log, instance()))
    region, touched = view.region("us-east"), dict[str, int]()
    for number in range(100):
        preview = msgspec.structs.replace(instance(f"preview-{number}"), namespace=f"branch-{number % 40}")
        await step(log, view, put(log, preview))
        await step(log, view, log.append(preview.key, None))
        for name in (f"branch-{number % 40}/preview-{number}", f"branch-{number % 40}/"):
            touched[name] = log.head.position.index
        assert len(region._touched) <= 2 + 10 + 2
        assert all(index <= region.touched(name) <= region.index for name, index in touched.items())
    assert [region.touched(name) for name in ("default/user-service", "default/")] == [1, 1]


async def test_freshness_goes_from_unknown_to_live_to_stale_and_back():
    log = MemoryLog("us-east")
    view = View(clock=lambda: NOW)
    states = [view.region("us-east").freshness.state]
    await view.reset(await log.snapshot())
    view.heard("us-east")
    states.append(view.region("us-east").freshness.state)
    view.lost("us-east", Unavailable("cut"))
    states.append(view.region("us-east").freshness.state)
    assert view.region("us-east").freshness.since == NOW
    view.heard("us-east")
    states.append(view.region("us-east").freshness.state)
    assert states == [State.UNKNOWN, State.LIVE, State.STALE, State.LIVE]


async def test_a_change_of_freshness_touches_everything():
    log = MemoryLog("us-east")
    view, touches = await following(log)
    view.heard("us-east")
    view.heard("us-east")
    assert touches.seen == [{EVERYTHING}]


async def test_a_view_is_its_own_snapshot():
    log = MemoryLog("us-east")
    for number in range(5):
        put(log, instance(id=f"user-{number}"))
    view, _ = await following(log)
    head, changes = as_snapshot("us-east", view.region("us-east"))
    assert head == log.head
    assert [change.index for change in changes] == [1, 2, 3, 4, 5]
