"""`GET /services/{name}`: what a lookup returns."""

import pytest

from catalog.records.status import Status
from tests.harness.discovery.world import World


async def ids(world: World, target: str, **given: str) -> list[str]:
    answer = await world.get(target, **given)
    assert answer.status == 200, answer.body
    return [instance["id"] for instance in answer.json()]


async def test_a_lookup_tells_everything_that_a_client_needs(world: World) -> None:
    await world.put(
        "user-service", "user-1", ports={"grpc": 50051}, zone="us-east-1a", version="2.1.0", tags=["primary"],
        metadata={"team": "accounts"}, weight=10,
    )  # fmt: skip
    answer = await world.get("/services/user-service")
    assert answer.json() == [
        {
            "id": "user-1", "service": "user-service", "host": "10.0.1.5", "port": 8080, "ports": {"grpc": 50051},
            "status": "passing", "zone": "us-east-1a", "version": "2.1.0", "tags": ["primary"],
            "metadata": {"team": "accounts"}, "weight": 10, "namespace": "default", "region": "us-east",
        }
    ]  # fmt: skip


async def test_the_headers_say_which_region_how_far_and_how_fresh(world: World) -> None:
    change = await world.put("web", "a")
    answer = await world.get("/services/web")
    assert answer.headers["meridian-region"] == "us-east"
    assert answer.headers["meridian-index"] == str(change.index)
    assert answer.headers["meridian-freshness"] == "live"


async def test_an_unknown_name_is_404(world: World) -> None:
    answer = await world.get("/services/nobody")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "nobody" in answer.json()["detail"]


async def test_a_known_service_with_nothing_to_serve_is_an_empty_list(world: World) -> None:
    await world.put("web", "a", status=Status.CRITICAL)
    answer = await world.get("/services/web")
    assert (answer.status, answer.json()) == (200, [])


async def test_names_are_compared_without_regard_to_case(world: World) -> None:
    await world.put("web", "a")
    assert await ids(world, "/services/WEB") == ["a"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=primary", ["a"]),
        ("tag=primary&tag=eu", []),
        ("tag=eu", ["b"]),
        ("version=2.0", ["b"]),
        ("zone=z2", ["b", "a"]),
        ("status=critical", ["c"]),
        ("status=passing,critical", ["a", "b", "c"]),
        ("status=passing&status=critical", ["a", "b", "c"]),
        ("status=any", ["a", "b", "c"]),
        ("port=grpc", ["a"]),
        ("filter=metadata['team']%20%3D%3D%20'accounts'", ["b"]),
        ("region=us-east", ["a", "b"]),
    ],
)
async def test_parameters_narrow_or_order_the_answer(world: World, query: str, expected: list[str]) -> None:
    await world.put("web", "a", tags=["primary"], zone="z1", version="1.0", ports={"grpc": 50051})
    await world.put("web", "b", tags=["eu"], zone="z2", version="2.0", metadata={"team": "accounts"})
    await world.put("web", "c", status=Status.CRITICAL)
    assert await ids(world, f"/services/web?{query}") == expected


async def test_a_named_port_takes_the_place_of_the_main_one(world: World) -> None:
    await world.put("web", "a", ports={"grpc": 50051})
    answer = await world.get("/services/web?port=grpc")
    assert answer.json()[0]["port"] == 50051


async def test_namespaces_are_rooms_of_their_own(world: World) -> None:
    await world.put("web", "a", namespace="blue")
    assert await ids(world, "/services/web?namespace=blue") == ["a"]
    assert (await world.get("/services/web")).status == 404


async def test_a_limit_gives_each_client_its_own_stable_share(world: World) -> None:
    for number in range(20):
        await world.put("web", f"i{number}")
    shares = {client: tuple(await ids(world, "/services/web?limit=3", client=client)) for client in _clients(8)}
    again = {client: tuple(await ids(world, "/services/web?limit=3", client=client)) for client in _clients(8)}
    assert shares == again
    assert {len(share) for share in shares.values()} == {3}
    assert len(set(shares.values())) > 1


def _clients(number: int) -> list[str]:
    return [f"10.0.0.{client}" for client in range(number)]


async def test_another_region_is_404_and_the_known_ones_are_named(world: World) -> None:
    answer = await world.get("/services/web?region=mars")
    assert answer.status == 404
    assert "us-east" in answer.json()["detail"]


async def test_an_answer_that_the_client_has_is_not_sent_again(world: World) -> None:
    await world.put("web", "a")
    first = await world.get("/services/web")
    for _ in range(2):  # the second time from the answers at hand
        second = await world.get("/services/web", headers={"if-none-match": first.headers["etag"]})
        assert (second.status, second.body) == (304, b"")
    await world.put("web", "b")
    third = await world.get("/services/web", headers={"if-none-match": first.headers["etag"]})
    assert third.status == 200


async def test_head_has_the_headers_of_get_and_no_body(world: World) -> None:
    await world.put("web", "a")
    got, headed = await world.get("/services/web"), await world.ask("HEAD", "/services/web")
    assert headed.body == b""
    assert headed.headers["content-length"] == str(len(got.body))


async def test_one_instance_can_be_read_whatever_its_status(world: World) -> None:
    await world.put("web", "a", status=Status.CRITICAL)
    answer = await world.get("/services/web/a")
    assert (answer.status, answer.json()["status"]) == (200, "critical")
    assert (await world.get("/services/web/b")).status == 404


async def test_an_override_counts_in_the_lookup_and_ends_by_itself(world: World) -> None:
    await world.put("web", "a")
    await world.override("o1", service="web", status=Status.CRITICAL, expires_at=world.now + 0.05)
    assert await ids(world, "/services/web") == []
    world.now += 0.06
    while not await ids(world, "/services/web"):  # the time limit of the test is the deadline
        pass


async def test_requests_keep_the_id_that_they_came_with(world: World) -> None:
    await world.put("web", "a")
    for _ in range(2):
        answer = await world.get("/services/web", headers={"x-request-id": "abc-1"})
        assert answer.headers["x-request-id"] == "abc-1"


async def test_other_paths_are_not_ours(world: World) -> None:
    assert (await world.get("/admin/")).status == 418


async def test_a_service_may_be_called_what_a_path_is_called(world: World) -> None:
    await world.put("bulk", "a")
    assert [instance["id"] for instance in (await world.get("/services/bulk")).json()] == ["a"]
