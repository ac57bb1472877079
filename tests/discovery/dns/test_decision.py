"""DNS returns what the one query returns, whatever the catalog looks like."""

import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.query import Query, answer
from catalog.records.check import Check, CheckType
from catalog.records.status import Status
from tests.harness.dns.name_server import NOW, REGION, NameServer, data, instance, override

statuses = st.sampled_from(list(Status))
instances = st.builds(
    lambda number, status, zone, tags, weight: instance(
        f"w{number}", host=f"10.0.1.{number + 1}", status=status, zone=zone, tags=tuple(sorted(tags)), weight=weight
    ),
    st.integers(0, 200),
    statuses,
    st.sampled_from(["a", "b"]),
    st.sets(st.sampled_from(["blue", "green"])),
    st.integers(1, 9),
)
overrides = st.builds(
    lambda number, scope, status, weight, expires: override(
        f"o{number}",
        **{"service": "", **{"service": {"service": "web"}, "zone": {"zone": "a"}, "tag": {"tag": "blue"}}[scope]},
        scope=scope,
        status=status,
        weight=weight,
        expires_at=expires,
    ),
    st.integers(0, 5),
    st.sampled_from(["service", "zone", "tag"]),
    st.sampled_from([None, Status.PASSING, Status.CRITICAL]),
    st.sampled_from([None, 0, 5]),
    st.sampled_from([None, NOW - 1, NOW + 1]),
)


@given(
    st.lists(instances, min_size=1, max_size=12, unique_by=lambda item: item.id),
    st.lists(overrides, max_size=3, unique_by=lambda item: item.id),
    st.sampled_from(["", "blue", "green"]),
)
@settings(max_examples=60, deadline=None)
def test_dns_and_the_query_agree(registered: list, ruled: list, tag: str) -> None:
    name_server = NameServer(*registered, *ruled)
    decided = answer(name_server.view, Query(region=REGION, service="web", tags=(tag,) if tag else ()), NOW).decisions
    name = f"{tag}.web.service.consul" if tag else "web.service.consul"
    assert set(data(name_server.ask(name, "A"))) == {decision.instance.host for decision in decided}
    assert set(data(name_server.ask(name, "SRV"))) == {
        f"1 {decision.weight} {decision.port} {target(decision.instance.host)}" for decision in decided
    }


def target(host: str) -> str:
    return f"{ipaddress.ip_address(host).packed.hex()}.addr.{REGION}.consul."


def test_an_unknown_verdict_still_serves() -> None:
    name_server = NameServer(instance("w1", host="10.0.0.1", status=Status.UNKNOWN))
    assert data(name_server.ask("web.service.consul")) == ["10.0.0.1"]


def test_a_verdict_that_nobody_confirms_is_unknown_and_still_serves() -> None:
    probed = instance("w1", host="10.0.0.1", checks=(Check(name="http", type=CheckType.HTTP, url="http://10.0.0.1/"),))
    name_server = NameServer(probed)
    assert "status=passing" in data(name_server.ask("web.service.consul", "TXT", times=3))[0]
    name_server.view.blind(REGION, NOW)
    assert "status=passing" in data(name_server.ask("web.service.consul", "TXT", times=3))[0]
    name_server.now = NOW + 3 * 10 + 2  # three intervals and the timeout
    name_server.table.expire(name_server.now)
    assert "status=unknown" in data(name_server.ask("web.service.consul", "TXT", times=3))[0]
    assert data(name_server.ask("web.service.consul")) == ["10.0.0.1"]
