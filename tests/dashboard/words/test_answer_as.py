"""What "answer as" shows is what the HTTP application and the DNS server of the region say."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from catalog.change import Record
from catalog.records.override import Scope
from catalog.view import View
from config.dialects import DIALECTS
from dashboard.words.answer_as import Asking, by_dns, by_http, dig, left_out, over_http
from discovery.http.dialect import DIALECT as HTTP
from tests.harness.dashboard.pages import Desk as Board
from tests.harness.discovery.toy.dialect import DIALECT as TOY
from tests.harness.discovery.world import opened
from tests.harness.dns.name_server import NOW as DNS_NOW
from tests.harness.dns.name_server import NameServer
from tests.harness.federated import HOME, WEST, copy, policy, sick
from tests.harness.records import NOW, override

TAGS = ("canary", "gray", "v2.beta")


def asking(region: str = HOME, **given: str) -> Asking:
    return Asking(region=region, namespace="default", service="web", **given)


async def by_the_application(data: Path, records: Iterable[Record], targets: Iterable[str]) -> tuple[View, list[Any]]:
    """What the region's own HTTP application says, and the view from which it says so."""
    async with opened(data) as world:
        world.now = NOW
        for record in records:
            await world.append(record.key, record)  # type: ignore[arg-type]
        return world.plane.view, [await world.get(target) for target in targets]


def registered(number: int, zone: str, version: str, tags: set[str], weight: int, is_sick: bool) -> Any:
    """One instance of `web`."""
    host = f"10.0.0.{number + 1}"
    made = copy(HOME, f"web-{number}", host=host, zone=zone, version=version, tags=sorted(tags), weight=weight)
    return sick(made) if is_sick else made


instances = st.lists(
    st.builds(
        registered,
        number=st.integers(0, 20),
        zone=st.sampled_from(["", "us-east-1a", "us-east-1b"]),
        version=st.sampled_from(["", "1.0", "2.0"]),
        tags=st.sets(st.sampled_from(TAGS)),
        weight=st.integers(1, 5),
        is_sick=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda record: record.id,
)
questions = st.fixed_dictionaries(
    {},
    optional={
        "zone": st.sampled_from(["us-east-1a", "nowhere"]),
        "tag": st.sampled_from([*TAGS, "none such"]),
        "version": st.sampled_from(["2.0", "9"]),
        "limit": st.sampled_from(["1", "3", "0", "many"]),
    },
)
overrides = st.sampled_from(
    [
        [],
        [override(service="web", weight=0)],
        [override(Scope.INSTANCE, service="web", instance="web-1", status="critical")],
        [override(service="web", status="passing")],
    ]
)


@settings(max_examples=25)
@given(records=instances, asked=questions, override_effect=overrides)
def test_it_says_over_http_what_the_application_says(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], asked: dict[str, str], override_effect: list[Any]
) -> None:
    question = asking(**asked)
    data = tmp_path_factory.mktemp("world")
    view, [real] = asyncio.run(by_the_application(data, [*records, *override_effect], [question.target]))

    shown = by_http(HTTP, view, question, NOW)

    assert shown.status == real.status
    assert json.loads(shown.body) == real.json()
    for name, value in shown.headers:
        assert real.headers[name] == value


@settings(max_examples=25)
@given(records=instances, asked=questions, rdtype=st.sampled_from(["A", "SRV"]))
def test_it_says_over_dns_what_the_server_says(records: list[Any], asked: dict[str, str], rdtype: str) -> None:
    server = NameServer(*records)
    question = asking(**asked)

    shown = {answer.type: answer for answer in by_dns(server.view, question, server.zone, DNS_NOW)}

    if "none such" in asked.values():
        name = "none\\032such.web.service.consul."
    else:
        name = ".".join([*([asked["tag"]] if "tag" in asked else []), "web.service.consul."])
    real = server.ask(name, rdtype)
    answer = shown[rdtype]
    assert answer.name == name
    assert answer.rcode == dns.rcode.to_text(real.rcode())
    assert in_order(answer.lines) == in_order(dug(real))


def dug(message: dns.message.Message) -> list[str]:
    """Every record of a message, and the headings of its sections."""
    sections = {"ANSWER": message.answer, "AUTHORITY": message.authority, "ADDITIONAL": message.additional}
    lines = []
    for title, section in sections.items():
        records = [line for rrset in section for line in rrset.to_text().splitlines()]
        lines += [f";; {title} SECTION:", *records] if records else []
    return lines


def in_order(lines: Iterable[str]) -> list[str]:
    """Which records come first is drawn by lot."""
    return sorted(lines)


def test_a_region_is_answered_by_its_own_policy_and_not_by_ours() -> None:
    ours, theirs = copy(HOME, "ours"), copy(WEST, "theirs")
    board = Board(sick(ours), theirs, policy())

    at_home = by_http(HTTP, board.view, asking(HOME), NOW)
    in_the_west = by_http(HTTP, board.view, asking(WEST), NOW)

    assert [found["id"] for found in json.loads(at_home.body)] == ["theirs"]
    assert [found["id"] for found in json.loads(in_the_west.body)] == ["theirs"]
    board.put(sick(theirs))
    assert json.loads(by_http(HTTP, board.view, asking(WEST), NOW).body) == []


def test_a_long_answer_is_cut_where_it_is_shown_and_counted_whole() -> None:
    server = NameServer(*(copy(HOME, f"web-{number}", host=f"10.0.1.{number + 1}") for number in range(40)))

    http = by_http(HTTP, server.view, asking(), NOW)
    a, srv = by_dns(server.view, asking(), server.zone, NOW)

    assert (len(json.loads(http.body)), len(json.loads(http.text)), http.hidden) == (40, 10, 30)
    assert (a.records, a.hidden) == (40, 30)
    assert srv.truncated


def test_a_tag_that_no_name_can_hold_is_said_to_be_one() -> None:
    server = NameServer(copy(HOME, "web-1", tags=["größe"]))

    [answer] = by_dns(server.view, asking(tag="größe"), server.zone, NOW)

    assert "no name can hold it" in answer.problem


def test_a_dialect_that_is_added_to_the_list_is_shown_beside_the_others() -> None:
    server = NameServer(copy(HOME, "web-1", host="10.0.0.1", port=80))

    native, toy = over_http(
        (*DIALECTS, TOY), server.view, asking(version="2"), NOW, base="http://127.0.0.1:8500", token=True
    )

    assert (native.title, native.curl.split()[-1]) == ("HTTP", "'http://127.0.0.1:8500/services/web?version=2'")
    assert (toy.title, toy.status, toy.left_out) == ("Toy", 200, "version")
    assert toy.curl == """curl -H "toy-key: $TOKEN" -H 'accept: text/plain' http://127.0.0.1:8500/toy/where/web"""
    assert dict(toy.headers)["content-type"] == "text/plain"


def test_the_commands_can_be_pasted_whatever_was_asked() -> None:
    question = asking(tag="it's; rm -rf /", version="$(boom)")
    server = NameServer(copy(HOME, "web-1"))
    answer = by_dns(server.view, question, server.zone, NOW)[0]

    command = by_http(HTTP, server.view, question, NOW, base="http://127.0.0.1:8500", token=True).curl

    assert "it%27s%3B+rm+-rf+%2F" in command
    assert "%24%28boom%29" in command
    assert dig(answer, "127.0.0.1", 8600).startswith("dig @127.0.0.1 -p 8600 '")
    assert left_out(asking(zone="a", version="2", limit="1")) == "zone, version and limit"
