"""A plan says which processes a region consists of and what each is told."""

from dataclasses import replace
from pathlib import Path

from config.environment import Address
from config.plan import demo_process, plan_region, preparation, region_claims, region_processes, valkey_process
from config.welcome import welcome

PLAN = plan_region(
    region="eu-west",
    data=Path("/data"),
    http=Address("127.0.0.1", 8510),
    dns=Address("127.0.0.1", 8610),
    demo=False,
    valkey=None,
    free_port=7000,
)


def test_a_region_is_server_beat_worker_and_dns() -> None:
    assert [process.name for process in region_processes(PLAN)] == ["server", "beat", "worker", "dns"]


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
