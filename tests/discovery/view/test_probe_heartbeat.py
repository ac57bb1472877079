"""Noticing that no probes run."""

from catalog.records.status import Status
from registry.waits import PROBING_STOPPED_AFTER
from tests.harness.discovery.world import REGION, World

CHECK = {"type": "tcp", "interval": "2s", "timeout": "1s", "status": "passing"}


def blind(world: World) -> float | None:
    return world.plane.view.region(REGION).blind_since


async def test_rounds_that_go_on_are_no_blindness(world: World) -> None:
    for second in range(20):
        world.now += 1
        world.round = world.now - 3600 + second  # the workers' clock is an hour behind
        await world.pulse.look()
    assert world.pulse.beats
    assert blind(world) is None


async def test_silence_is_blindness_since_the_last_round(world: World) -> None:
    await world.pulse.look()
    last = world.now
    world.now += PROBING_STOPPED_AFTER
    await world.pulse.look()
    assert blind(world) == last
    assert not world.pulse.beats


async def test_a_new_round_ends_it(world: World) -> None:
    await world.pulse.look()
    world.now += PROBING_STOPPED_AFTER
    await world.pulse.look()
    world.round = world.now
    await world.pulse.look()
    assert blind(world) is None


async def test_a_verdict_that_nobody_confirms_becomes_unknown_and_still_serves(world: World) -> None:
    await world.put("web", "a", checks=[CHECK])
    await world.put("web", "b", status=Status.CRITICAL)
    await world.pulse.look()
    world.now += PROBING_STOPPED_AFTER
    await world.pulse.look()
    assert [one["status"] for one in (await world.get("/services/web")).json()] == ["passing"]
    world.now += 3 * 2 + 1 - PROBING_STOPPED_AFTER
    world.plane.view.blind(REGION, None)
    await world.pulse.look()
    assert [one["status"] for one in (await world.get("/services/web")).json()] == ["unknown"]
