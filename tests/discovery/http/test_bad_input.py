"""Bad requests get a clear problem that names the field, and never an error of ours."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.discovery.world import Answer, World, opened


def assert_problem(answer: Answer, status: int, field: str | None = None) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()
    if field is not None:
        assert problem["field"] == field


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("tagg=primary", "tagg"),
        ("limit=0", "limit"),
        ("limit=many", "limit"),
        ("status=great", "status"),
        ("status=", "status"),
        ("wait=forever", "wait"),
        ("index=-1", "index"),
        ("index=1&index=2", "index"),
        ("namespace=a%20b", "namespace"),
        ("port=-", "port"),
        ("zone=a%20b", "zone"),
        ("filter=nonsense%20(", "filter"),
        ("filter=" + "x" * 600, "filter"),
        ("tag=" + "x" * 600, "tag[0]"),
        ("zone=%ff", "query"),
        ("zone=%zz", "query"),
        ("&".join("tag=a" for _ in range(200)), "query"),
        ("index=" + "9" * 5000, "index"),
    ],
)
async def test_a_bad_parameter_is_named(world: World, query: str, field: str) -> None:
    assert_problem(await world.get(f"/services/web?{query}"), 400, field)


@pytest.mark.parametrize("target", ["/services/-web", "/services/a_b", "/services/" + "x" * 64, "/services/b%C3%A4r"])
async def test_a_name_that_cannot_be_a_dns_label_is_refused(world: World, target: str) -> None:
    assert_problem(await world.get(target), 400, "service")


@pytest.mark.parametrize("target", ["/services/%ff", "/services/a%00b", "/services/%zz", "/services/web/%ff%fe/renew"])
async def test_a_path_that_is_no_text_is_refused(world: World, target: str) -> None:
    assert_problem(await world.get(target), 400, "path")


@pytest.mark.parametrize(
    "target",
    ["/services/", "/services/web/a/b/c/d", "/services//", "/services/web/", "/services/web/a/checks", "/health/x"],
)
async def test_a_path_where_nothing_lives_says_what_there_is(world: World, target: str) -> None:
    answer = await world.get(target)
    assert_problem(answer, 404)
    assert "there are " in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("POST", "/services/web", "GET"),
        ("DELETE", "/services", "GET"),
        ("GET", "/services/web/a/renew", "PUT"),
        ("PATCH", "/services/web/a", "PUT"),
        ("POST", "/health", "GET"),
        ("BREW", "/services/bulk", "POST"),
    ],
)
async def test_a_method_that_does_not_fit_is_told_which_do(
    world: World, method: str, target: str, allowed: str
) -> None:
    answer = await world.ask(method, target)
    assert_problem(answer, 405)
    assert allowed in answer.headers["allow"].split(", ")


async def test_options_says_which_methods_there_are(world: World) -> None:
    answer = await world.ask("OPTIONS", "/services/web/a")
    assert answer.status == 204
    assert answer.headers["allow"] == "GET, PUT, DELETE, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"\xff\xfe", None),
        (b"{}", "host"),
        (b'{"host": "10.0.0.1", "port": "80"}', "port"),
        (b'{"host": "10.0.0.1", "port": 70000}', "port"),
        (b'{"host": "10.0.0.1", "port": 80, "colour": "red"}', "colour"),
        (b'{"host": "not a host", "port": 80}', "host"),
        (b'{"host": "10.0.0.1", "port": 80, "lease": {"ttl": "soon"}}', "lease.ttl"),
        (b'{"host": "10.0.0.1", "port": 80, "checks": [{"type": "http"}]}', "checks[0].url"),
        (b'{"host": "10.0.0.1", "port": 80, "metadata": {"a": 1}}', "metadata[a]"),
    ],
)
@pytest.mark.django_db(transaction=True)
async def test_a_bad_registration_is_refused_with_its_field(world: World, body: bytes, field: str | None) -> None:
    answer = await world.ask("PUT", "/services/web/a", body=body)
    assert_problem(answer, 400, field)
    assert (await world.get("/services/web")).status == 404


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(world: World) -> None:
    answer = await world.ask("PUT", "/services/web/a", headers={"content-length": "999999999"}, body=b"{")
    assert_problem(answer, 413)


async def test_a_body_that_turns_out_too_large_is_refused(world: World) -> None:
    assert_problem(await world.ask("PUT", "/services/web/a", body=b" " * 70_000), 413)


async def test_half_a_request_changes_nothing_and_harms_nobody(world: World) -> None:
    exchange = world.send("PUT", "/services/web/a", body=b"")
    exchange._requests.get_nowait()
    exchange._requests.put_nowait({"type": "http.request", "body": b'{"host": "10.', "more_body": True})
    exchange.hang_up()
    await exchange.task
    assert not exchange.is_answered
    assert (await world.get("/services/web")).status == 404


async def test_an_unknown_instance_is_told_to_register_again(world: World) -> None:
    answer = await world.ask("PUT", "/services/web/a/renew")
    assert_problem(answer, 404)
    assert "register" in answer.json()["detail"]


async def test_a_check_that_is_probed_takes_no_reports(world: World) -> None:
    await world.put("web", "a", checks=[{"type": "tcp", "name": "tcp"}])
    body = json.dumps({"status": "passing"}).encode()
    assert_problem(await world.ask("PUT", "/services/web/a/checks/tcp", body=body), 400, "check")
    assert_problem(await world.ask("PUT", "/services/web/a/checks/other", body=body), 404)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"services": []}', b'{"services": 1}', b'{"services": [], "x": 1}'])
async def test_a_bad_bulk_is_refused_as_a_whole(world: World, body: bytes) -> None:
    assert_problem(await world.ask("POST", "/services/bulk", body=body), 400)


async def test_a_bulk_in_which_nothing_is_right_has_a_verdict_for_each(world: World) -> None:
    entries = [{"service": "web", "id": "a"}, {"service": "-", "id": "b", "host": "h", "port": 1}, "nonsense"]
    answer = await world.ask("POST", "/services/bulk", body=json.dumps({"services": entries}).encode())
    assert answer.status == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [400, 400, 400]
    assert [result["problem"].get("field") for result in results] == ["host", "service", None]


@pytest.mark.parametrize("given", [{"namespace": "\0"}, {"namespace": "a b"}, {"id": "\0"}, {"id": ""}])
async def test_a_bad_name_in_a_bulk_comes_no_further(world: World, given: dict[str, str]) -> None:
    entry = {"service": "web", "id": "a", "host": "10.0.0.1", "port": 1, **given}
    answer = await world.ask("POST", "/services/bulk", body=json.dumps({"services": [entry]}).encode())
    [result] = answer.json()["results"]
    assert (result["status"], result["problem"]["field"]) == (400, *given)


SEGMENT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="?#"), max_size=12)
PIECE = st.one_of(
    SEGMENT, st.sampled_from(["services", "web", "a", "renew", "checks", "watch", "explain", "bulk", "%", "%2f"])
)
NAME = st.sampled_from(
    ["tag", "zone", "status", "filter", "limit", "index", "wait", "port", "namespace", "region", "x"]
)
QUERY = st.lists(st.tuples(NAME, SEGMENT), max_size=4).map(lambda pairs: "&".join(f"{k}={v}" for k, v in pairs))


@pytest.mark.django_db(transaction=True)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "get", ""]),
    segments=st.lists(PIECE, max_size=5),
    query=QUERY,
    body=st.binary(max_size=60).filter(lambda body: b"host" not in body),  # what is right is written elsewhere
)
async def test_nothing_that_can_be_sent_is_an_error_of_ours(
    tmp_path: Path, method: str, segments: list[str], query: str, body: bytes
) -> None:
    async with opened(tmp_path) as world:
        await world.put("web", "a", tags=["primary"])
        path = "/".join(["/services", *segments])
        exchange = world.send(method, f"{path}?{query}", body=body)
        for _ in range(200):
            if exchange.is_answered or world.plane.watchers.count:
                break
            await asyncio.sleep(0.001)
        exchange.hang_up()
        await exchange.task
        assert exchange.status < 500, (method, path, query, exchange.body)
