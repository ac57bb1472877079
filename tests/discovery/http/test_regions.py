"""Lookups of other regions over HTTP: which answer, in which order, how fresh, and by which step."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from catalog.change import Change, Position
from catalog.records.status import Status
from discovery.web.operations import metrics
from registry.freshness import MirrorStatus
from tests.harness.discovery.mirrored import SOUTH, WEST, MirroringWorld, MirrorLog, federated
from tests.harness.discovery.world import BEGAN, REGION


@pytest.fixture
async def fed(tmp_path: Path) -> AsyncIterator[MirroringWorld]:
    async with federated(tmp_path) as running:
        yield running


@pytest.fixture
async def spread(fed: MirroringWorld) -> MirroringWorld:
    """`web` with one instance in every region."""
    await fed.put("web", "here")
    await fed.far(WEST, "west")
    await fed.far(SOUTH, "south")
    return fed


async def ids(fed: MirroringWorld, target: str) -> list[str]:
    answer = await fed.get(target)
    assert answer.status == 200, answer.body
    return [instance["id"] for instance in answer.json()]


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("eu-west", ["west"]),
        ("EU-WEST", ["west"]),
        ("us-east", ["here"]),
        ("eu-west,ap-south", ["south", "west"]),
        ("eu-west,us-east", ["here", "west"]),
        ("*", ["here", "south", "west"]),
        ("nearest", ["here"]),
    ],
)
async def test_a_lookup_names_one_region_several_all_or_the_nearest(
    spread: MirroringWorld, region: str, expected: list[str]
) -> None:
    assert await ids(spread, f"/services/web?region={region}") == expected


async def test_nearest_is_by_measured_delay(spread: MirroringWorld) -> None:
    await spread.put("web", "here", status=Status.CRITICAL)
    assert await ids(spread, "/services/web?region=nearest") == ["south"]
    spread.statuses[SOUTH] = msgspec.structs.replace(spread.statuses[SOUTH], delay=0.2)
    await spread.mirrors.look()
    assert await ids(spread, "/services/web?region=nearest") == ["west"]


async def test_the_headers_of_one_other_region_are_its_own(spread: MirroringWorld) -> None:
    answer = await spread.get("/services/web?region=eu-west")
    assert answer.headers["meridian-region"] == WEST
    assert answer.headers["meridian-index"] == "1"
    assert answer.headers["meridian-freshness"] == "live"


async def test_the_headers_of_several_name_each_with_its_freshness(spread: MirroringWorld) -> None:
    await spread.unheard(WEST, since=BEGAN - 60)
    answer = await spread.get("/services/web?region=*")
    assert answer.headers["meridian-regions"] == (
        "us-east;index=1;freshness=live, ap-south;index=1;freshness=live, "
        'eu-west;index=1;freshness=stale;since="2027-01-15T07:59:00Z"'
    )
    assert answer.headers["meridian-freshness"] == "stale; since=2027-01-15T07:59:00Z"
    assert [instance.get("freshness") for instance in answer.json()] == [
        None, None, "stale; since=2027-01-15T07:59:00Z",
    ]  # fmt: skip


async def test_an_unknown_name_in_a_list_is_unknown_and_the_rest_answers(spread: MirroringWorld) -> None:
    answer = await spread.get("/services/web?region=eu-west,mars")
    assert [instance["id"] for instance in answer.json()] == ["west"]
    assert "mars;index=0;freshness=unknown" in answer.headers["meridian-regions"]


@pytest.mark.parametrize("region", ["mars", "mars,venus"])
async def test_regions_of_which_none_is_known_are_404(spread: MirroringWorld, region: str) -> None:
    answer = await spread.get(f"/services/web?region={region}")
    assert answer.status == 404
    assert "ap-south, eu-west, us-east" in answer.json()["detail"]


@pytest.mark.parametrize("region", ["*,eu-west", "nearest,eu-west", "a%20b", ",".join(f"r{n}" for n in range(65))])
async def test_a_region_that_cannot_be_one_is_refused(spread: MirroringWorld, region: str) -> None:
    answer = await spread.get(f"/services/web?region={region}")
    assert (answer.status, answer.json()["field"]) == (400, "region")


async def test_cached_answers_follow_every_region_that_they_rest_on(spread: MirroringWorld) -> None:
    for _ in range(3):
        assert await ids(spread, "/services/web?region=*") == ["here", "south", "west"]
    await spread.far(WEST, "more")
    assert await ids(spread, "/services/web?region=*") == ["here", "south", "more", "west"]
    await spread.put("web", "too")
    assert await ids(spread, "/services/web?region=*") == ["here", "too", "south", "more", "west"]


async def test_a_region_that_appears_joins_and_one_that_goes_leaves(spread: MirroringWorld) -> None:
    assert await ids(spread, "/services/web?region=*") == ["here", "south", "west"]
    log = spread.logs["sa-east"] = MirrorLog("sa-east")
    spread.statuses["sa-east"] = MirrorStatus(region="sa-east", last_contact=BEGAN)
    await spread.mirrors.look()
    await spread.far("sa-east", "new")
    assert await ids(spread, "/services/web?region=*") == ["here", "south", "west", "new"]
    del spread.logs["sa-east"]
    await spread.mirrors.look()
    assert await ids(spread, "/services/web?region=*") == ["here", "south", "west"]
    assert (await spread.get("/services/web?region=sa-east")).status == 404
    assert log.closed


async def test_waiting_on_all_regions_ends_with_a_change_in_any(spread: MirroringWorld) -> None:
    index = (await spread.get("/services/web?region=*")).index
    waiting = spread.send("GET", f"/services/web?region=*&index={index}&wait=30s")
    await spread.parked(1)
    await spread.far(SOUTH, "more")
    answer = await waiting.answer()
    assert "more" in [instance["id"] for instance in answer.json()]
    assert answer.index > index


async def test_waiting_on_another_region_goes_by_its_own_index(spread: MirroringWorld) -> None:
    for number in range(5):
        await spread.put("other", f"o-{number}")  # us-east's log is further than eu-west's
    waiting = spread.send("GET", "/services/web?region=eu-west&index=1&wait=30s")
    await spread.parked(1)
    await spread.far(WEST, "more")
    assert (await waiting.answer()).index == 2


async def test_a_stream_over_regions_goes_on_with_each(spread: MirroringWorld) -> None:
    stream = spread.send("GET", "/services/web/watch?region=*")
    await stream.event()
    await spread.far(WEST, "more")
    event = await stream.event()
    assert "more" in [instance["id"] for instance in json.loads(event["data"])]
    stream.hang_up()
    await stream.task


async def test_the_services_of_several_regions_are_added_up(spread: MirroringWorld) -> None:
    await spread.far(WEST, "only", service="pay")
    listed = (await spread.get("/services?region=*")).json()
    assert [(one["name"], one["instances"]) for one in listed] == [("pay", 1), ("web", 3)]
    assert [one["name"] for one in (await spread.get("/services")).json()] == ["web"]
    await spread.opinion()
    listed = (await spread.get("/services?region=eu-west")).json()
    assert [one["statuses"] for one in listed] == [{"critical": 1}, {"critical": 1}]


async def test_one_instance_is_read_from_the_region_that_is_named(spread: MirroringWorld) -> None:
    answer = await spread.get("/services/web/west?region=eu-west")
    assert (answer.status, answer.json()["region"]) == (200, WEST)
    assert (await spread.get("/services/web/west")).status == 404
    assert (await spread.get("/services/web/west?region=*")).status == 400


async def test_a_policy_leads_elsewhere_while_home_has_too_few(spread: MirroringWorld) -> None:
    await spread.policy()
    assert await ids(spread, "/services/web") == ["here"]
    await spread.put("web", "here", status=Status.CRITICAL)
    answer = await spread.get("/services/web")
    assert [instance["region"] for instance in answer.json()] == [WEST]
    assert answer.headers["meridian-region"] == WEST
    assert await ids(spread, "/services/web?region=us-east") == []
    await spread.put("web", "here")
    assert await ids(spread, "/services/web") == ["here"]


async def test_a_policy_that_comes_wakes_whoever_waits(spread: MirroringWorld) -> None:
    await spread.put("web", "here", status=Status.CRITICAL)
    index = (await spread.get("/services/web")).index
    waiting = spread.send("GET", f"/services/web?index={index}&wait=30s")
    await spread.parked(1)
    await spread.policy()
    assert [instance["id"] for instance in (await waiting.answer()).json()] == ["west"]


async def test_home_by_name_stays_home_for_whoever_waits(spread: MirroringWorld) -> None:
    await spread.put("web", "here", status=Status.CRITICAL)
    index = (await spread.get("/services/web?region=us-east")).index
    waiting = spread.send("GET", f"/services/web?region=us-east&index={index}&wait=30s")
    await spread.parked(1)
    await spread.policy()
    await asyncio.sleep(0)
    assert not waiting.is_answered
    waiting.hang_up()
    await waiting.task


async def test_the_explanation_tells_which_step_chose_each_instance(spread: MirroringWorld) -> None:
    await spread.policy(stale="drop", stale_after=30.0)
    await spread.put("web", "here", status=Status.CRITICAL)
    await spread.unheard(WEST, since=BEGAN - 60)
    told = (await spread.get("/services/web/explain")).json()
    assert [(one["region"], one["used"], one["freshness"].split(";")[0]) for one in told["regions"]] == [
        (REGION, False, "live"), (WEST, False, "stale"), (SOUTH, True, "live"),
    ]  # fmt: skip
    assert told["regions"][1]["step"] == "eu-west is left out: stale for longer than 30 s"
    chosen = next(one for one in told["instances"] if one["returned"])
    assert (chosen["id"], chosen["region"]) == ("south", SOUTH)
    assert chosen["step"] == "step 1 of 1, ap-south: 1 of 1 serve, 1 needed"


async def test_a_region_is_evacuated_by_one_override_and_back_after_its_end(spread: MirroringWorld) -> None:
    opinion = await spread.opinion()
    assert await ids(spread, "/services/web?region=*") == ["here", "south"]
    assert await ids(spread, "/services/web?region=eu-west") == []
    await spread.write(REGION, opinion, removed=True)
    assert await ids(spread, "/services/web?region=*") == ["here", "south", "west"]


async def test_what_is_known_of_other_regions_outlives_a_restart_without_database_and_valkey(tmp_path: Path) -> None:
    async with federated(tmp_path) as before:
        await before.put("web", "here")
        await before.far(WEST, "west")
    async with federated(tmp_path, is_away=True) as after:
        async with asyncio.timeout(5):
            while WEST not in after.plane.view.regions:
                await asyncio.sleep(0.001)
        answer = await after.get("/services/web?region=*")
        assert [instance["id"] for instance in answer.json()] == ["here", "west"]
        assert answer.headers["meridian-freshness"].startswith("stale")


async def test_nothing_heard_any_more_grows_old_by_itself(spread: MirroringWorld) -> None:
    spread.valkey_is_away = True
    spread.now += 60
    await spread.mirrors.look()
    answer = await spread.get("/services/web?region=eu-west")
    assert answer.headers["meridian-freshness"] == "stale; since=2027-01-15T08:00:00Z"
    assert [instance["id"] for instance in answer.json()] == ["west"]


@pytest.mark.parametrize("target", ["/services/web", "/services/web?region=eu-west"])
async def test_another_regions_answer_is_at_hand_like_a_local_one_however_often_it_is_heard(
    spread: MirroringWorld, target: str
) -> None:
    answers = spread.plane.answers
    await spread.get(target)
    hits, computed = answers.hits(), answers.computed
    for beat in range(1, 6):
        spread.now += 1
        status = spread.statuses[WEST]
        spread.statuses[WEST] = msgspec.structs.replace(
            status, last_contact=spread.now, delay=0.080 + 0.001 * (beat % 2)
        )
        await spread.mirrors.look()
        await spread.get(target)
        assert (answers.hits(), answers.computed) == (hits + beat, computed)


async def test_the_metrics_tell_the_lag_of_every_region(spread: MirroringWorld) -> None:
    await spread.unheard(WEST, since=BEGAN - 60)
    told = metrics.exposition(spread.plane).decode()
    assert 'meridian_follower_lag_seconds{region="eu-west"} 60.0' in told
    assert 'meridian_view_live{region="eu-west"} 0.0' in told
    assert 'meridian_view_live{region="ap-south"} 1.0' in told


async def test_a_mirror_that_could_not_be_followed_is_followed_anew(spread: MirroringWorld) -> None:
    broken, spread.logs[WEST] = spread.logs[WEST], BrokenLog(WEST)
    task = next(task for task in asyncio.all_tasks() if task.get_name() == f"mirror of {WEST}")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await spread.mirrors.look()  # ends at once, and harms nobody
    assert await ids(spread, "/services/web?region=*") == ["here", "south", "west"]
    spread.logs[WEST] = broken
    async with asyncio.timeout(5):
        await spread.mirrors.look()
        await spread.far(WEST, "more")
    assert await ids(spread, "/services/web?region=eu-west") == ["more", "west"]


class BrokenLog(MirrorLog):
    """A log with a fault that nobody thought of."""

    async def read(self, after: Position, *, limit: int) -> Sequence[Change]:
        raise ValueError("not thought of")
