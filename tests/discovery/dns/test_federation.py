"""Other regions over DNS: names with a region, failover policies, opinions, and how fresh it all is."""

import msgspec
import pytest
from dns.rcode import NOERROR, NXDOMAIN
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.query import Query, answer
from catalog.records.policy import Policy, StaleAction
from catalog.records.status import Status
from catalog.view import Freshness, State
from tests.harness.dns.name_server import NOW, REGION, NameServer, data, instance, override

WEST, SOUTH = "eu-west", "ap-south"


def policy(**fields: object) -> Policy:
    given = {"region": REGION, "service": "web", "order": (WEST, SOUTH), **fields}
    return Policy(**given)  # type: ignore[arg-type]


def spread(*more: object, home: Status = Status.PASSING) -> NameServer:
    """`web` with one instance in every region."""
    return NameServer(
        instance("here", host="10.0.0.1", status=home),
        instance("west", host="10.1.0.1", region=WEST, tags=("blue",), ports={"grpc": 5001}),
        instance("south", host="10.2.0.1", region=SOUTH),
        *more,  # type: ignore[arg-type]
        regions=[WEST, SOUTH],
    )


def test_a_name_without_a_region_is_answered_at_home() -> None:
    assert data(spread().ask("web.service.consul", times=3)) == ["10.0.0.1"]
    assert data(spread(home=Status.CRITICAL).ask("web.service.consul", times=3)) == []


def test_a_policy_leads_elsewhere_as_over_http() -> None:
    name_server = spread(policy(), home=Status.CRITICAL)
    for _ in range(3):
        assert data(name_server.ask("web.service.consul")) == ["10.1.0.1"]
    assert data(name_server.ask("web.service.consul", "SRV")) == [f"1 1 8080 0a010001.addr.{WEST}.consul."]
    assert data(name_server.ask("web.service.us-east.consul")) == []


def test_answers_follow_a_policy_and_every_region_that_it_may_lead_to() -> None:
    name_server = spread(home=Status.CRITICAL)
    steps = [data(name_server.ask("web.service.consul", times=3))]
    ruled = policy()
    name_server.put(ruled)
    steps.append(data(name_server.ask("web.service.consul", times=3)))
    name_server.put(instance("west", host="10.1.0.1", region=WEST, status=Status.CRITICAL))
    steps.append(data(name_server.ask("web.service.consul", times=3)))
    name_server.put(instance("here", host="10.0.0.1"))
    steps.append(data(name_server.ask("web.service.consul", times=3)))
    assert steps == [[], ["10.1.0.1"], ["10.2.0.1"], ["10.0.0.1"]]


def test_a_name_that_only_another_region_has_exists_where_a_policy_leads_there() -> None:
    far = instance("f1", service="pay", region=WEST, host="10.1.0.9")
    assert spread(far).ask("pay.service.consul").rcode() == NXDOMAIN
    name_server = spread(far, policy(service="pay"))
    assert data(name_server.ask("pay.service.consul")) == ["10.1.0.9"]


@pytest.mark.parametrize("name", ["blue.web.service.consul", "_web._grpc.service.consul", "_web._blue.service.consul"])
def test_tags_and_ports_lead_elsewhere_too(name: str) -> None:
    name_server = spread(policy(), home=Status.CRITICAL)
    assert data(name_server.ask(name)) == ["10.1.0.1"]


def test_home_is_held_down_and_comes_back_by_itself() -> None:
    back = msgspec.structs.replace(instance("here", host="10.0.0.1"), recovered_at=NOW)
    name_server = NameServer(
        back, instance("west", host="10.1.0.1", region=WEST), policy(order=(WEST,), hold_down=30.0), regions=[WEST]
    )
    assert data(name_server.ask("web.service.consul", times=3)) == ["10.1.0.1"]
    name_server.now = NOW + 30
    name_server.table.expire(name_server.now)
    assert data(name_server.ask("web.service.consul", times=3)) == ["10.0.0.1"]


def test_an_opinion_takes_another_region_out_for_askers_here() -> None:
    evacuation = override(scope="region", service="", target=WEST)
    name_server = spread()
    assert data(name_server.ask("web.service.eu-west.consul", times=3)) == ["10.1.0.1"]
    name_server.put(evacuation)
    assert data(name_server.ask("web.service.eu-west.consul", times=3)) == []
    name_server.remove(evacuation)
    assert data(name_server.ask("web.service.eu-west.consul", times=3)) == ["10.1.0.1"]


def strings(name_server: NameServer, name: str) -> list[str]:
    return data(name_server.ask(name, "TXT", times=3))


def test_the_freshness_of_a_region_can_be_asked_for() -> None:
    name_server = spread()
    assert strings(name_server, "_freshness.web.service.eu-west.consul") == [
        '"region=eu-west" "freshness=live" "index=1" "used=yes"'
    ]
    name_server.view.freshen(WEST, Freshness(State.STALE, 1_700_000_000.0))
    assert strings(name_server, "_freshness.web.service.eu-west.consul") == [
        '"region=eu-west" "freshness=stale" "since=2023-11-14T22:13:20Z" "index=1" "used=yes"'
    ]


def test_the_freshness_of_a_failover_names_every_region_and_its_step() -> None:
    name_server = spread(policy(), home=Status.CRITICAL)
    assert strings(name_server, "_freshness.web.service.consul") == [
        '"region=ap-south" "freshness=live" "index=1" "used=no" "step=not needed"',
        '"region=eu-west" "freshness=live" "index=1" "used=yes" "step=step 1 of 2, eu-west: 1 of 1 serve, 1 needed"',
        '"region=us-east" "freshness=live" "index=2" "used=no" "step=home, us-east: 0 of 1 serve, 1 needed"',
    ]


def test_freshness_has_no_addresses_and_none_of_what_does_not_exist() -> None:
    name_server = spread()
    answer = name_server.ask("_freshness.web.service.eu-west.consul", "A")
    assert (answer.rcode(), answer.answer) == (NOERROR, [])
    assert name_server.ask("_freshness.nobody.service.eu-west.consul", "TXT").rcode() == NXDOMAIN
    assert name_server.ask("_freshness.web.service.mars.consul", "TXT").rcode() == NXDOMAIN


def test_the_freshness_in_txt_is_that_of_the_instances_own_region() -> None:
    name_server = spread(policy(), home=Status.CRITICAL)
    name_server.view.freshen(WEST, Freshness(State.STALE, NOW))
    assert '"freshness=stale"' in strings(name_server, "web.service.consul")[0]


def test_an_answer_from_a_stale_region_says_so() -> None:
    name_server = spread(policy(), home=Status.CRITICAL)
    name_server.view.freshen(WEST, Freshness(State.STALE, 1_700_000_000.0))
    [option] = name_server.ask("web.service.consul").options
    assert "eu-west as of 2023-11-14T22:13:20Z" in option.to_text()


fleets = st.lists(st.sampled_from([Status.PASSING, Status.CRITICAL]), max_size=3)


@given(
    fleets,
    fleets,
    fleets,
    st.none()
    | st.builds(
        policy,
        min_healthy=st.integers(0, 3),
        min_share=st.sampled_from([0.0, 0.6]),
        stale=st.sampled_from(list(StaleAction)),
    ),
    st.sampled_from(["", WEST, SOUTH]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_dns_and_the_query_agree_over_regions(
    home: list[Status], west: list[Status], south: list[Status], ruled: Policy | None, wanted: str, stale: bool
) -> None:
    fleet = [
        instance(f"i{number}", region=region, status=status)
        for region, statuses in ((REGION, home), (WEST, west), (SOUTH, south))
        for number, status in enumerate(statuses)
    ]
    name_server = NameServer(*fleet, *([ruled] if ruled else []), regions=[WEST, SOUTH])
    if stale:
        name_server.view.freshen(WEST, Freshness(State.STALE, NOW - 100))
    query = Query(region=REGION, service="web", regions=(wanted,) if wanted else ())
    decided = answer(name_server.view, query, NOW).decisions
    name = f"web.service.{wanted}.consul" if wanted else "web.service.consul"
    assert set(data(name_server.ask(name))) == {decision.instance.host for decision in decided}
