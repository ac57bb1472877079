"""Failover policies and opinions in two real regions, over HTTP and DNS alike."""

from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.harness.calls import call, deregister, register
from tests.harness.federation.regions import await_converged, join, running
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Region, Region]]:
    """Two peers that both have `web`; eu-west's answers on port 81."""
    place: Path = tmp_path_factory.mktemp("failover")
    us, eu = Region(place / "us", name="us-east"), Region(place / "eu", name="eu-west")
    with running(us, eu):
        register(us, "web", "here", port=80)
        register(eu, "web", "there", port=81)
        join(us, eu)
        await_converged(us, eu)
        yield us, eu


def over_http(region: Region, query: str = "") -> list[str]:
    """Who answers for `web`."""
    status, instances = call(region, "GET", f"/services/web{query}")
    return [instance["id"] for instance in instances] if status == 200 else []


def over_dns(region: Region, name: str = "web.service.consul") -> list[int]:
    """On which ports `web` is to be found."""
    answer = dns.query.udp(dns.message.make_query(name, "SRV"), "127.0.0.1", port=region.dns_port, timeout=5)
    return sorted(item.port for rrset in answer.answer for item in rrset)


def both(region: Region, ids: list[str], ports: list[int]) -> None:
    """Wait until both ways say so."""
    what = f"{region.name} answers with {ids}"
    eventually(lambda: over_http(region) == ids and over_dns(region) == ports, within=10, what=what)


def test_a_policy_leads_elsewhere_and_back_over_http_and_dns(pair: tuple[Region, Region]) -> None:
    us, _ = pair
    both(us, ["here"], [80])
    status, _ = call(us, "PUT", "/api/v1/policies/web", {"order": ["eu-west"], "hold_down": "3s"})
    assert status == 201
    deregister(us, "web", "here")
    both(us, ["there"], [81])
    register(us, "web", "here", port=80)
    status, told = call(us, "GET", "/services/web/explain")
    assert "held down" in told["regions"][0]["step"]
    assert over_http(us) == ["there"]
    both(us, ["here"], [80])
    assert call(us, "DELETE", "/api/v1/policies/web")[0] == 204


def test_a_region_is_evacuated_for_this_regions_consumers_alone(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    body = {"scope": "region", "target": "eu-west", "status": "critical", "reason": "packet loss", "expires_in": "1h"}
    status, override = call(us, "POST", "/api/v1/overrides", body)
    assert status == 201
    eventually(lambda: over_http(us, "?region=eu-west") == [], within=10, what="us-east sends nobody to eu-west")
    eventually(lambda: over_dns(us, "web.service.eu-west.consul") == [], within=10, what="nor over DNS")
    await_converged(us, eu)
    assert over_http(eu) == ["there"]
    assert call(us, "DELETE", f"/api/v1/overrides/{override['id']}")[0] == 204
    eventually(lambda: over_http(us, "?region=eu-west") == ["there"], within=10, what="eu-west is used again")


def test_an_override_for_another_region_is_its_own(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    body = {"scope": "service", "service": "pay", "status": "critical", "reason": "drill"}
    status, override = call(us, "POST", "/api/v1/overrides?region=eu-west", body)
    assert (status, override["region"]) == (201, "eu-west")
    assert call(eu, "GET", f"/api/v1/overrides/{override['id']}")[0] == 200
    assert call(us, "DELETE", f"/api/v1/overrides/{override['id']}?region=eu-west")[0] == 204
    assert call(eu, "GET", f"/api/v1/overrides/{override['id']}")[0] == 404


def test_a_region_that_is_gone_is_answered_for_and_its_age_is_told(pair: tuple[Region, Region]) -> None:
    us, eu = pair
    assert call(us, "GET", "/services/web?region=eu-west&max_lag=10s")[0] == 200
    eu.stop()
    problem = eventually(lambda: _too_old(us), within=30, what="us-east says that eu-west is too old")
    assert "eu-west had its last contact" in problem["detail"]
    assert over_http(us, "?region=eu-west") == ["there"]
    assert over_dns(us, "web.service.eu-west.consul") == [81]
    for method, path in (("GET", "/services/web?region=eu-west&consistent"), ("PUT", "/services/web/x?region=eu-west")):
        body = {"host": "10.0.0.9", "port": 82} if method == "PUT" else None
        assert call(us, method, path, body)[0] == 503


def _too_old(region: Region) -> dict[str, str] | None:
    status, answer = call(region, "GET", "/services/web?region=eu-west&max_lag=2s")
    return answer if status == 503 else None
