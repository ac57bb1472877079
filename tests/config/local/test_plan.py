"""A plan says which processes a region consists of and what each is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.environment import Address, read_environment
from config.local.plan import (
    DEMO_PLACES,
    beside,
    demo_process,
    plan_region,
    preparation,
    region_claims,
    region_environment,
    region_processes,
    valkey_process,
)
from config.local.welcome import welcome, welcome_all

PLAN = plan_region(
    region="eu-west",
    data=Path("/data"),
    http=Address("127.0.0.1", 8510),
    dns=Address("127.0.0.1", 8610),
    demo=False,
    valkey=None,
    free_port=7000,
)


def test_a_region_is_server_worker_and_dns() -> None:
    assert [process.name for process in region_processes(PLAN)] == ["server", "worker", "dns"]


def test_the_demo_registers_with_this_region() -> None:
    demo = demo_process(replace(PLAN, demo=True))
    assert demo is not None
    assert demo.command[1:] == ("-m", "demo", "--url", "http://127.0.0.1:8510")


def test_there_is_no_demo_unless_wanted() -> None:
    assert demo_process(PLAN) is None


def test_every_process_is_told_the_same_region() -> None:
    told = [dict(process.environment) for process in (*region_processes(PLAN), preparation(PLAN))]
    assert all(variables == told[0] for variables in told)
    assert told[0]["MERIDIAN_REGION"] == "eu-west"
    assert told[0]["MERIDIAN_HTTP_PORT"] == "8510"
    assert told[0]["MERIDIAN_VALKEY_URL"] == "redis://127.0.0.1:7000/0"


def test_a_valkey_that_runs_elsewhere_is_not_started() -> None:
    plan = plan_region(
        region="eu-west",
        data=PLAN.data,
        http=PLAN.http,
        dns=PLAN.dns,
        demo=False,
        valkey="redis://elsewhere:6379/1",
        free_port=7000,
    )
    assert valkey_process(plan) is None
    assert region_processes(plan)[0].environment["MERIDIAN_VALKEY_URL"] == "redis://elsewhere:6379/1"


def test_both_chosen_ports_are_claimed_with_their_flags() -> None:
    assert [(claim.address.port, claim.flag) for claim in region_claims(PLAN)] == [
        (8510, "--port"),
        (8610, "--dns-port"),
    ]


def test_a_server_on_all_addresses_is_reached_on_loopback() -> None:
    assert replace(PLAN, http=Address("0.0.0.0", 8510)).url == "http://127.0.0.1:8510"
    assert replace(PLAN, http=Address("::", 8510)).url == "http://[::1]:8510"


def test_the_welcome_names_this_region_s_ports() -> None:
    text = welcome(PLAN)
    assert "curl http://127.0.0.1:8510/services/user-service\n" in text
    assert "dig @127.0.0.1 -p 8610 user-service.service.consul SRV\n" in text


THREE = beside(PLAN, ("us-east", "eu-west", "ap-south"), iter((7001, 7002, 7003)).__next__)


def test_several_regions_share_nothing() -> None:
    assert [plan.region for plan in THREE] == ["us-east", "eu-west", "ap-south"]
    assert [str(plan.data) for plan in THREE] == ["/data/us-east", "/data/eu-west", "/data/ap-south"]
    assert [plan.http.port for plan in THREE] == [8510, 8520, 8530]
    assert [plan.dns.port for plan in THREE] == [8610, 8620, 8630]
    assert [plan.valkey_port for plan in THREE] == [7001, 7002, 7003]


def test_each_of_several_regions_runs_its_share_of_the_demo() -> None:
    demo = demo_process(replace(THREE[1], demo=True))
    assert demo is not None
    assert "--share 2/3 --seed 2 --zones eu-west-1a,eu-west-1b,eu-west-1c" in " ".join(demo.command)


def test_the_welcome_of_several_regions_asks_the_first_about_the_second() -> None:
    text = welcome_all(THREE)
    assert "Regions us-east, eu-west and ap-south are ready" in text
    assert "'http://127.0.0.1:8510/services/user-service?region=eu-west'\n" in text
    assert "dig @127.0.0.1 -p 8610 user-service.service.eu-west.consul SRV\n" in text


def test_the_welcome_of_one_region_speaks_of_no_other() -> None:
    assert welcome_all((PLAN,)) == welcome(PLAN)


def coordinates(**changes: object) -> str:
    return region_environment(replace(PLAN, **changes))["MERIDIAN_COORDINATES"]  # type: ignore[arg-type]


def test_a_region_of_a_demo_is_where_its_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MERIDIAN_COORDINATES", raising=False)
    assert coordinates(demo=True) == "53.3,-6.3"
    assert coordinates(demo=True, region="moon-base") == ""
    assert coordinates(demo=False) == ""


def test_what_the_caller_says_of_where_a_region_is_counts_for_one_region_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERIDIAN_COORDINATES", "1,2")
    assert coordinates(demo=True) == coordinates(demo=False) == "1,2"
    assert coordinates(demo=True, share="1/3") == "53.3,-6.3"
    assert coordinates(demo=False, share="1/3") == ""


@pytest.mark.parametrize("region", DEMO_PLACES)
def test_every_place_of_a_demo_is_one(region: str) -> None:
    assert read_environment({"MERIDIAN_COORDINATES": DEMO_PLACES[region]}).place is not None
