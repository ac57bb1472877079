"""How many may wait at once."""

from pathlib import Path

from tests.harness.discovery.world import World, opened


async def fill(world: World, number: int, client: str) -> None:
    before = world.plane.watchers.count
    for _ in range(number):
        world.send("GET", "/services/web?wait=30s", client=client)
    await world.parked(before + number)


async def test_a_client_with_too_many_watchers_is_told_to_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path, watchers_per_client=3) as world:
        await fill(world, 3, "10.0.0.1")
        answer = await world.get("/services/web?wait=30s", client="10.0.0.1")
        assert (answer.status, answer.headers["content-type"]) == (429, "application/problem+json")
        assert int(answer.headers["retry-after"]) >= 1


async def test_one_client_does_not_use_up_the_places_of_another(tmp_path: Path) -> None:
    async with opened(tmp_path, watchers_per_client=3) as world:
        await fill(world, 3, "10.0.0.1")
        await fill(world, 3, "10.0.0.2")


async def test_all_watchers_together_are_limited(tmp_path: Path) -> None:
    async with opened(tmp_path, most_watchers=4, watchers_per_client=3) as world:
        await fill(world, 3, "10.0.0.1")
        await fill(world, 1, "10.0.0.2")
        assert (await world.get("/services/web?wait=30s", client="10.0.0.2")).status == 429


async def test_lookups_that_do_not_wait_are_never_turned_away(tmp_path: Path) -> None:
    async with opened(tmp_path, most_watchers=1, watchers_per_client=1) as world:
        await fill(world, 1, "10.0.0.1")
        assert (await world.get("/services/web", client="10.0.0.1")).status == 404


async def test_streams_count_as_watchers(tmp_path: Path) -> None:
    async with opened(tmp_path, watchers_per_client=1) as world:
        await fill(world, 1, "10.0.0.1")
        assert (await world.get("/services/web/watch", client="10.0.0.1")).status == 429
