"""How old an answer may be, asking a region itself, and writing to another one."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from catalog.errors import Unavailable
from registry import forwarding
from registry.forwarding import Call, Reply
from tests.harness.discovery.mirrored import SOUTH, WEST, MirroringWorld, federated
from tests.harness.discovery.world import BEGAN


@pytest.fixture
async def fed(tmp_path: Path) -> AsyncIterator[MirroringWorld]:
    async with federated(tmp_path) as running:
        await running.put("web", "here")
        await running.far(WEST, "west")
        await running.far(SOUTH, "south")
        yield running


async def test_a_lag_that_is_kept_is_answered(fed: MirroringWorld) -> None:
    await fed.unheard(WEST, since=BEGAN - 4)
    for _ in range(2):
        assert (await fed.get("/services/web?region=eu-west&max_lag=5s")).status == 200
    assert (await fed.get("/services/web?max_lag=0")).status == 200


async def test_a_lag_that_is_not_kept_is_503_with_its_reason(fed: MirroringWorld) -> None:
    await fed.unheard(WEST, since=BEGAN - 60, reason="no route to host")
    for _ in range(2):
        answer = await fed.get("/services/web?region=eu-west&max_lag=5s")
        assert (answer.status, answer.json()["type"]) == (503, "urn:meridian:problem:too-old")
        assert "eu-west had its last contact 60.0 s ago, and 5 s are allowed" in answer.json()["detail"]
        assert "no route to host" in answer.json()["detail"]
    assert (await fed.get("/services/web?region=eu-west")).status == 200


async def test_one_region_that_is_too_old_is_named_among_several(fed: MirroringWorld) -> None:
    await fed.unheard(SOUTH, since=BEGAN - 60)
    answer = await fed.get("/services/web?region=*&max_lag=5s")
    assert answer.status == 503
    assert answer.json()["detail"].startswith("ap-south ")


async def test_the_lag_counts_for_the_region_that_answers(fed: MirroringWorld) -> None:
    await fed.policy()
    await fed.unheard(WEST, since=BEGAN - 60)
    assert (await fed.get("/services/web?max_lag=5s")).status == 200
    await fed.remove("web", "here")
    assert (await fed.get("/services/web?max_lag=5s")).status == 503


async def test_a_lag_grows_without_anybody_telling(fed: MirroringWorld) -> None:
    assert (await fed.get("/services/web?region=eu-west&max_lag=5s")).status == 200
    fed.now += 6
    assert (await fed.get("/services/web?region=eu-west&max_lag=5s")).status == 503


@pytest.mark.parametrize("query", ["max_lag=soon", "max_lag=-1", "consistent=perhaps", "consistent&max_lag=1s"])
async def test_words_about_age_that_mean_nothing_are_refused(fed: MirroringWorld, query: str) -> None:
    assert (await fed.get(f"/services/web?{query}")).status == 400


@pytest.mark.parametrize("path", ["/services/web", "/services/web/explain", "/services/web/west"])
async def test_a_consistent_question_is_answered_by_the_region_itself(fed: MirroringWorld, path: str) -> None:
    answer = await fed.get(f"{path}?region=eu-west&consistent&namespace=blue")
    assert (answer.status, answer.json()) == (200, "from eu-west")
    assert answer.headers["meridian-region"] == WEST
    [call] = fed.calls
    assert (call.region, call.method) == (WEST, "GET")
    assert call.target == f"{path}?namespace=blue&region=eu-west&consistent=true"
    assert call.actor == "anonymous@127.0.0.1/http"


async def test_a_consistent_question_at_home_asks_the_log(fed: MirroringWorld) -> None:
    assert (await fed.get("/services/web?consistent")).json()[0]["id"] == "here"
    assert fed.calls == []


async def test_a_consistent_question_at_home_sees_what_was_written_a_moment_ago(fed: MirroringWorld) -> None:
    known = fed.plane.view.region("us-east").services["default", "web"]["here"]
    for number in range(20):
        record = msgspec.structs.replace(known, id=f"new-{number}")
        fed.log.append(record.key, record)
        answer = await fed.get("/services/web?consistent")
        assert record.id in [instance["id"] for instance in answer.json()]


async def test_a_consistent_question_at_home_is_503_when_the_log_cannot_be_read(tmp_path: Path) -> None:
    async with federated(tmp_path) as before:
        await before.put("web", "here")
    async with federated(tmp_path, is_away=True) as after:
        assert (await after.get("/services/web")).status == 200
        assert (await after.get("/services/web?consistent")).status == 503


@pytest.mark.parametrize("region", ["*", "nearest", "eu-west,ap-south"])
async def test_only_one_region_can_be_asked_itself(fed: MirroringWorld, region: str) -> None:
    answer = await fed.get(f"/services/web?region={region}&consistent=true")
    assert (answer.status, answer.json()["field"]) == (400, "consistent")


async def test_a_consistent_question_does_not_wait(fed: MirroringWorld) -> None:
    assert (await fed.get("/services/web?region=eu-west&consistent&index=1")).status == 400


async def out_of_reach(call: Call) -> Reply:
    raise Unavailable(f"{call.region} cannot be reached: no route to host")


async def hanging(call: Call) -> Reply:
    raise TimeoutError


@pytest.mark.parametrize(
    ("way", "told"), [(out_of_reach, "no route to host"), (hanging, "did not answer within"), (None, "no way")]
)
async def test_a_region_that_cannot_be_asked_is_503(
    fed: MirroringWorld, way: forwarding.Send | None, told: str
) -> None:
    forwarding.use(way)
    answer = await fed.get("/services/web?region=eu-west&consistent")
    assert answer.status == 503
    assert told in answer.json()["detail"]
    assert "retry-after" in answer.headers


BODY = b'{"host": "10.9.0.2", "port": 80}'
WRITES = [
    ("PUT", "/services/web/a", BODY),
    ("PUT", "/services/web/watch", BODY),
    ("DELETE", "/services/web/a", b""),
    ("PUT", "/services/web/a/renew", b""),
    ("PUT", "/services/web/a/checks/self", b'{"status": "passing"}'),
    ("POST", "/services/bulk", b'{"services": [{"service": "web", "id": "a", "host": "10.9.0.2", "port": 80}]}'),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_write_for_another_region_is_answered_by_it(
    fed: MirroringWorld, method: str, path: str, body: bytes
) -> None:
    answer = await fed.ask(method, f"{path}?region=eu-west", body=body)
    assert (answer.status, answer.json(), answer.headers["meridian-region"]) == (200, "from eu-west", WEST)
    [call] = fed.calls
    assert (call.method, call.target, call.body) == (method, path, body)


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_write_for_a_region_out_of_reach_is_503_and_nothing_is_done(
    fed: MirroringWorld, method: str, path: str, body: bytes
) -> None:
    forwarding.use(out_of_reach)
    heads = [log.head for log in (fed.log, *fed.logs.values())]
    answer = await fed.ask(method, f"{path}?region=eu-west", body=body)
    assert answer.status == 503
    assert [log.head for log in (fed.log, *fed.logs.values())] == heads


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_a_write_for_a_region_that_nobody_knows_is_404(
    fed: MirroringWorld, method: str, path: str, body: bytes
) -> None:
    assert (await fed.ask(method, f"{path}?region=mars", body=body)).status == 404
    assert fed.calls == []


@pytest.mark.parametrize("region", ["*", "nearest", "eu-west,ap-south"])
async def test_a_write_is_for_one_region(fed: MirroringWorld, region: str) -> None:
    answer = await fed.ask("PUT", f"/services/web/a?region={region}", body=BODY)
    assert (answer.status, answer.json()["field"]) == (400, "region")


async def test_what_may_not_be_written_here_is_not_passed_on(tmp_path: Path) -> None:
    async with federated(tmp_path, is_open=False) as fed:
        token = fed.token("ci", "write:pay")
        bulk = b'{"services": [{"service": "web", "id": "a", "host": "10.9.0.2", "port": 80}]}'
        refused = [
            await fed.ask("PUT", "/services/web/a?region=eu-west", body=BODY),
            await fed.ask("PUT", "/services/web/a?region=eu-west", body=BODY, headers=token),
            await fed.ask("POST", "/services/bulk?region=eu-west", body=bulk, headers=token),
        ]
        assert [answer.status for answer in refused] == [401, 403, 403]
        assert fed.calls == []
        assert (await fed.ask("PUT", "/services/pay/a?region=eu-west", body=BODY, headers=token)).status == 200
        assert fed.calls[0].actor == "token:ci@127.0.0.1/http"


async def test_a_peer_is_believed_and_needs_no_token_of_this_region(tmp_path: Path) -> None:
    async with federated(tmp_path, is_open=False) as fed:
        await fed.put("web", "here")
        answer = await fed.passed_on("GET", "/services/web?region=us-east&consistent=true").answer()
        assert (answer.status, answer.json()[0]["id"]) == (200, "here")
        assert (await fed.get("/services/web")).status == 401


@pytest.mark.parametrize(
    ("method", "target"),
    [("PUT", "/services/web/a?region=ap-south"), ("GET", "/services/web?region=ap-south&consistent")],
)
async def test_what_a_peer_has_passed_on_goes_no_further(fed: MirroringWorld, method: str, target: str) -> None:
    answer = await fed.passed_on(method, target, body=BODY).answer()
    assert (answer.status, answer.json()["field"]) == (400, "region")
    assert fed.calls == []
