"""Writing over HTTP, against a region of real processes."""

from collections.abc import Iterator
from itertools import count

import httpx
import pytest

from tests.harness.region import Region
from tests.harness.waiting import eventually

BODY = {
    "host": "10.0.1.5", "port": 8080, "ports": {"grpc": 50051}, "zone": "us-east-1a", "version": "2.1.0",
    "tags": ["primary"], "metadata": {"team": "accounts"}, "weight": 10, "lease": {"ttl": "60s"},
    "checks": [{"name": "self", "type": "ttl", "ttl": "60s"}], "deregister_critical_after": "10m",
}  # fmt: skip
numbers = count()


@pytest.fixture
def client(region: Region) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=region.url, timeout=10) as client:
        yield client


@pytest.fixture
def service() -> str:
    """A name that no other test uses."""
    return f"web-{next(numbers)}"


def test_a_registration_is_201_and_seen_by_the_very_next_lookup(client: httpx.Client, service: str) -> None:
    for number in range(50):
        answer = client.put(f"/services/{service}/i{number}", json=BODY)
        assert answer.status_code == 201, answer.text
        found = client.get(f"/services/{service}")
        assert len(found.json()) == number + 1
        assert int(found.headers["meridian-index"]) == int(answer.headers["meridian-index"])


def test_the_answer_says_what_was_registered_and_where_it_is(client: httpx.Client, service: str) -> None:
    answer = client.put(f"/services/{service}/a", json=BODY)
    assert answer.json() == client.get(answer.headers["location"]).json()
    assert answer.json()["host"] == "10.0.1.5"


def test_registering_again_replaces_and_is_200(client: httpx.Client, service: str) -> None:
    client.put(f"/services/{service}/a", json=BODY)
    answer = client.put(f"/services/{service}/a", json={**BODY, "weight": 3})
    assert answer.status_code == 200
    assert client.get(f"/services/{service}").json()[0]["weight"] == 3


def test_namespaces_are_kept_apart(client: httpx.Client, service: str) -> None:
    answer = client.put(f"/services/{service}/a?namespace=blue", json=BODY)
    assert answer.status_code == 201
    assert client.get(f"/services/{service}").status_code == 404
    assert len(client.get(f"/services/{service}?namespace=blue").json()) == 1
    assert client.get(answer.headers["location"]).status_code == 200
    assert client.put(f"/services/{service}/a/renew?namespace=blue").status_code == 204
    assert client.delete(f"/services/{service}/a?namespace=blue").status_code == 204


def test_deregistering_is_204_and_gone_at_once(client: httpx.Client, service: str) -> None:
    client.put(f"/services/{service}/a", json=BODY)
    assert client.delete(f"/services/{service}/a").status_code == 204
    assert client.get(f"/services/{service}").status_code == 404
    assert client.delete(f"/services/{service}/a").status_code == 404


def test_a_renewal_is_204_and_404_means_register_again(client: httpx.Client, service: str) -> None:
    client.put(f"/services/{service}/a", json=BODY)
    assert client.put(f"/services/{service}/a/renew").status_code == 204
    client.delete(f"/services/{service}/a")
    answer = client.put(f"/services/{service}/a/renew")
    assert answer.status_code == 404
    assert "register it again" in answer.json()["detail"]


def test_an_instance_that_stops_renewing_goes_and_comes_back_when_it_renews(client: httpx.Client, service: str) -> None:
    client.put(f"/services/{service}/a", json={**BODY, "lease": {"ttl": "1s"}, "checks": []})
    eventually(lambda: client.get(f"/services/{service}").json() == [], within=30, what="its lease expires")
    assert client.put(f"/services/{service}/a/renew").status_code == 204
    eventually(lambda: len(client.get(f"/services/{service}").json()) == 1, within=5, what="it is served again")


def test_a_reported_check_counts_at_once(client: httpx.Client, service: str) -> None:
    client.put(f"/services/{service}/a", json=BODY)
    report = {"status": "critical", "output": "disk full"}
    assert client.put(f"/services/{service}/a/checks/self", json=report).status_code == 204
    assert client.get(f"/services/{service}").json() == []
    explained = client.get(f"/services/{service}/explain").json()["instances"][0]
    assert "disk full" in explained["explanation"]
    assert client.put(f"/services/{service}/a/checks/self", json={"status": "passing"}).status_code == 204
    assert len(client.get(f"/services/{service}").json()) == 1


def test_many_are_registered_at_once_with_a_verdict_each(client: httpx.Client, service: str) -> None:
    entries = [{"service": service, "id": f"i{number}", **BODY} for number in range(500)]
    entries[7]["port"] = 0
    results = client.post("/services/bulk", json={"services": entries}).json()["results"]
    assert [result["id"] for result in results] == [entry["id"] for entry in entries]
    assert [number for number, result in enumerate(results) if result["status"] != 201] == [7]
    assert results[7]["problem"]["field"] == "port"
    assert len(client.get(f"/services/{service}").json()) == 499
    again = client.post("/services/bulk", json={"services": entries}).json()["results"]
    assert {result["status"] for result in again} == {200, 400}


def test_a_bulk_of_more_than_a_thousand_is_refused(client: httpx.Client, service: str) -> None:
    entries = [{"service": service, "id": f"i{number}", "host": "h", "port": 1} for number in range(1001)]
    answer = client.post("/services/bulk", json={"services": entries})
    assert (answer.status_code, answer.json()["field"]) == (400, "services")


def test_an_oversize_body_is_413_and_the_connection_goes_on(client: httpx.Client, service: str) -> None:
    answer = client.put(f"/services/{service}/a", content=b"x" * 1_000_000)
    assert answer.status_code == 413
    assert client.get("/services").status_code == 200


def test_an_instance_may_be_named_like_a_path(client: httpx.Client, service: str) -> None:
    for id in ("watch", "explain", "renew", "bulk"):
        assert client.put(f"/services/{service}/{id}", json=BODY).status_code == 201
        assert client.put(f"/services/{service}/{id}/renew").status_code == 204
        assert client.delete(f"/services/{service}/{id}").status_code == 204


def test_the_log_names_who_did_it(client: httpx.Client, service: str) -> None:
    client.put(f"/services/{service}/a", json=BODY)
    changes = client.get("/api/v1/changes", params={"service": service}).json()["results"]
    assert changes[0]["actor"] == "anonymous@127.0.0.1/http"


def test_the_metrics_count_what_was_done(client: httpx.Client, service: str) -> None:
    client.put(f"/services/{service}/a", json=BODY)
    client.put(f"/services/{service}/a/renew")
    for _ in range(3):
        client.get(f"/services/{service}")
    text = client.get("/metrics").text
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}
    assert values['meridian_lookups_total{dialect="http"}'] >= 3
    assert values["meridian_answers_hot_total"] >= 2
    assert values["meridian_renewals_total"] >= 1
    assert values['meridian_view_index{region="us-east"}'] >= 1
    assert values["meridian_commit_commands_count"] >= 1


def test_health_is_healthy_when_all_is_well(client: httpx.Client) -> None:
    eventually(
        lambda: (
            client.get("/health").json()
            == {"status": "healthy", "checks": {"database": "ok", "cache": "ok", "view": "ok", "workers": "ok"}}
        ),
        within=20,
        what="everything is ok",
    )
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200
