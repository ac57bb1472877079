"""The page of a service, without a browser: what it shows, what it draws again, and what it never lets through."""

import re
from typing import Any

import msgspec
import pytest

from catalog.query import explain
from catalog.query_types import Query
from catalog.records.instance import Instance, with_verdict
from catalog.records.override import Scope
from catalog.records.status import Status
from dashboard.pages.service.facts import ServiceFacts
from dashboard.pages.service.page import ServicePage
from registry.checks.probe_spec import check_key
from registry.checks.results import CheckResult
from tests.harness.dashboard.pages import Desk, text
from tests.harness.federated import HOME, SOUTH, WEST, copy, policy, sick
from tests.harness.records import NOW, override

CHECKED: dict[str, Any] = {"checks": [{"name": "http", "type": "http", "url": "http://10.0.0.1/health"}]}
HOSTILE = "<script>alert(1)</script>&\"'\u202egnp.exe"


def page(desk: Desk, service: str = "web", **query: str) -> ServicePage:
    made = desk.page(ServicePage, "default", service, **query)
    assert isinstance(made, ServicePage)
    return made


def keys(desk: Desk, shown: ServicePage) -> list[str]:
    """The rows in the order in which they stand."""
    return list(desk.content(shown).lists["service-instances"])


def test_instances_stand_by_region_and_zone_and_trouble_first() -> None:
    desk = Desk(
        copy(HOME, "web-10", zone="a"), copy(HOME, "web-2", zone="a"), sick(copy(HOME, "web-3", zone="a")),
        copy(HOME, "web-1", zone="b"), copy(WEST, "web-1", zone="w"), copy(HOME, "web-4", zone="a"),
        override(Scope.INSTANCE, service="web", instance="web-4", weight=0),
    )  # fmt: skip

    assert keys(desk, page(desk)) == [
        "us-east//a", "us-east/web-3", "us-east/web-4", "us-east/web-2", "us-east/web-10",
        "us-east//b", "us-east/web-1",
        "eu-west//w", "eu-west/web-1",
    ]  # fmt: skip


def test_regions_stand_in_the_order_in_which_a_lookup_looks() -> None:
    desk = Desk(sick(copy(HOME, "web-1")), copy(SOUTH, "web-1"), copy(WEST, "web-1"), policy(order=(WEST, SOUTH)))

    assert [key for key in keys(desk, page(desk)) if key.endswith("//")] == ["us-east//", "eu-west//", "ap-south//"]


def test_the_region_that_asks_stands_first() -> None:
    desk = Desk(copy(HOME, "web-1"), copy(WEST, "web-1"))

    assert keys(desk, page(desk, as_=WEST))[0] == "eu-west//"


def test_one_change_among_five_hundred_instances_draws_one_row() -> None:
    records = [copy(HOME, f"web-{number}", zone=f"zone-{number % 3}", **CHECKED) for number in range(500)]
    desk = Desk(*records)
    shown = page(desk)
    before = desk.content(shown)
    assert shown.rows.rendered == 500

    desk.put(sick(records[42]))
    after = desk.content(shown)

    assert shown.rows.rendered == 501
    rows = after.lists["service-instances"]
    changed = {key for key, html in rows.items() if before.lists["service-instances"].get(key) != html}
    assert changed == {"us-east/web-42", "us-east//zone-0"}
    assert "critical" in rows["us-east/web-42"]


def test_every_instance_has_the_reason_why_a_lookup_returns_it_or_not() -> None:
    desk = Desk(
        sick(copy(HOME, "sick")), copy(HOME, "well"), copy(HOME, "old", version="1"), copy(HOME, "out"),
        copy(WEST, "far"), override(Scope.INSTANCE, service="web", instance="out", reason="a disk is full"),
        policy(min_healthy=1),
    )  # fmt: skip

    rows = desk.content(page(desk)).lists["service-instances"]

    said = explain(desk.view, Query(region=HOME, service="web"), NOW)
    assert {decision.instance.id for decision in said.decisions if decision.returned} == {"well", "old"}
    for decision in said.decisions:
        row = rows[f"{decision.region}/{decision.instance.id}"]
        assert ("returned" in row.partition('class="answered"')[2]) == decision.returned
        if not decision.returned:
            assert decision.explanation.partition(" (")[0] in row
    assert "serving, but a lookup in us-east does not use eu-west" in rows["eu-west/far"]


def test_the_steps_of_a_failover_stand_beside_the_regions() -> None:
    desk = Desk(sick(copy(HOME, "web-1")), copy(WEST, "web-2"), copy(SOUTH, "web-3"), policy())

    regions = desk.content(page(desk)).lists["service-regions"]

    assert "home, us-east: 0 of 1 serve, 1 needed" in regions[HOME]
    assert "step 1 of 2, eu-west: 1 of 1 serve, 1 needed" in regions[WEST]
    assert "not needed" in regions[SOUTH]


def test_what_is_asked_narrows_the_answer_and_says_why() -> None:
    desk = Desk(copy(HOME, "new", version="2", tags=["canary"]), copy(HOME, "old", version="1"))

    content = desk.content(page(desk, version="2", tag="canary"))

    assert "returned" in content.lists["service-instances"]["us-east/new"]
    assert "does not have the tag" in content.lists["service-instances"]["us-east/old"]
    assert "/services/web?tag=canary&amp;version=2" in content.fragments["service-http"]
    assert "canary.web.service.consul." in content.fragments["service-dns"]
    assert "DNS cannot express version" in content.fragments["service-dns"]


def test_a_question_that_breaks_a_rule_is_answered_as_http_answers_it() -> None:
    desk = Desk(copy(HOME, "web-1"))

    content = desk.content(page(desk, limit="none"))

    assert "<strong>400</strong>" in content.fragments["service-http"]
    assert "is not a whole number" in content.fragments["service-http"]
    assert "us-east/web-1" in content.lists["service-instances"]


def test_an_override_is_shown_with_who_why_and_until_and_can_be_undone() -> None:
    desk = Desk(
        copy(HOME, "web-1"),
        override(service="web", reason="deploying", author="alice", expires_at=NOW + 60, id="o-7"),
    )

    content = desk.content(page(desk))
    row, note = content.lists["service-instances"]["us-east/web-1"], content.fragments["service-notes"]

    assert "out of service" in row
    assert "by alice, whole service" in row
    assert 'title="deploying"' in row
    assert re.search(r"reports.*passing", row)
    assert "by alice: deploying" in note
    assert "1970-01-12 13:47:40 UTC" in note  # a minute from now
    assert 'href="/dashboard/correct/undo?id=o-7&amp;region=us-east"' in note


def test_both_overrides_are_shown_when_one_decides_the_status_and_another_the_weight() -> None:
    desk = Desk(
        copy(HOME, "web-1"),
        override(id="o-1", service="web", status="warning", reason="a doubt"),
        override(Scope.INSTANCE, id="o-2", service="web", instance="web-1", weight=0, reason="a full disk"),
    )

    row = desk.content(page(desk)).lists["service-instances"]["us-east/web-1"]

    assert "forced to warning" in row
    assert "drained" in row
    assert "by alice: a full disk" in row
    assert 'href="/dashboard/correct/undo?id=o-2&amp;region=us-east"' in row


def test_what_another_region_overrode_in_its_own_log_is_undone_there() -> None:
    desk = Desk(copy(WEST, "web-1"), override(Scope.INSTANCE, id="o-3", region=WEST, service="web", instance="web-1"))

    row = desk.content(page(desk)).lists["service-instances"][f"{WEST}/web-1"]

    assert f'href="/dashboard/correct/undo?id=o-3&amp;region={WEST}"' in row


def test_an_opinion_counts_where_it_is_held_and_is_shown_nowhere_else() -> None:
    opinion = override(id="o-1", service="web", region=WEST, target=HOME, reason="unreachable from here")
    desk = Desk(copy(HOME, "web-1"), copy(WEST, "web-2"), opinion)

    at_home, in_the_west = desk.content(page(desk)), desk.content(page(desk, as_=WEST))

    assert "unreachable from here" not in at_home.fragments["service-notes"]
    assert "out of service" not in at_home.lists["service-instances"]["us-east/web-1"]
    assert "us-east: " in in_the_west.fragments["service-notes"]
    assert "unreachable from here" in in_the_west.fragments["service-notes"]
    assert "out of service" in in_the_west.lists["service-instances"]["us-east/web-1"]


def test_an_override_that_is_over_is_not_shown_any_more() -> None:
    desk = Desk(copy(HOME, "web-1"), override(service="web", expires_at=NOW + 60))
    shown = page(desk)
    assert "out of service" in desk.content(shown).lists["service-instances"]["us-east/web-1"]

    desk.now = NOW + 61

    assert "by alice" not in desk.content(shown).lists["service-instances"]["us-east/web-1"]
    assert "<strong>200</strong> · 1 instance" in desk.content(shown).fragments["service-http"]


def test_latencies_and_holds_are_shown_where_they_are_known() -> None:
    here, there = copy(HOME, "web-1", **CHECKED), copy(WEST, "web-2", **CHECKED)
    desk = Desk(here, there)
    facts = ServiceFacts(
        results={
            check_key("default", "web", id, "http"): CheckResult(key="", at=NOW, latency=0.0034)
            for id in ("web-1", "web-2")
        },
        held={here.key: "expiry would fail 6 of 6"},
    )

    rows = desk.content(page(desk), facts).lists["service-instances"]

    assert "≤ 5 ms" in rows["us-east/web-1"]
    assert "still serving: expiry would fail 6 of 6" in rows["us-east/web-1"]
    assert "≤" not in rows["eu-west/web-2"]


def test_without_database_and_valkey_the_page_is_there_and_says_so() -> None:
    desk = Desk(copy(HOME, "web-1"))

    content = desk.content(page(desk), ServiceFacts(problems=("the database cannot be read: gone",)))

    assert "the database cannot be read: gone" in content.fragments["service-notes"]
    assert "us-east/web-1" in content.lists["service-instances"]
    assert "<strong>200</strong>" in content.fragments["service-http"]


def test_a_region_whose_instances_keep_changing_status_is_marked_and_one_that_starts_is_not() -> None:
    record = copy(HOME, "web-1")
    desk = Desk(copy(WEST, "web-2"), record)
    for number in range(4):
        desk.now += 1
        desk.put(sick(record) if number % 2 == 0 else record)

    regions = desk.content(page(desk)).lists["service-regions"]

    assert "4 status changes in 10 min" in regions[HOME]
    assert "status changes" not in regions[WEST]


def test_each_version_has_its_statuses_and_its_share_of_the_traffic() -> None:
    desk = Desk(
        copy(HOME, "a", version="1", weight=3), copy(HOME, "b", version="2"), sick(copy(HOME, "c", version="2"))
    )

    rows = re.findall(r"<tr>(.*?)</tr>", desk.content(page(desk)).fragments["service-versions"])

    assert "1 critical" in rows[1]
    assert "25 %" in rows[1]
    assert "75 %" in rows[2]


def test_a_policy_is_said_in_words() -> None:
    desk = Desk(copy(HOME, "web-1"), policy(min_healthy=2, min_share=0.5, hold_down=90, stale="demote", stale_after=30))

    said = desk.content(page(desk)).fragments["service-policies"]

    assert "When fewer than 2 serve or less than 50% serve in us-east" in said
    assert "the first of eu-west, then ap-south that has enough" in said
    assert "stale for 30s is used last" in said
    assert "has had enough for 1m30s" in said
    assert "?service=web" in said


def test_the_picture_of_the_past_goes_on_from_what_the_tables_tell() -> None:
    desk = Desk(copy(HOME, "web-1"))
    past = [(NOW - 3000, {Status.CRITICAL: 3}), (NOW - 2000, {Status.PASSING: 3})]

    picture = desk.content(page(desk), ServiceFacts(past=past)).fragments["service-health"]

    assert "At first 3 critical; at the end 1 passing" in picture


def test_a_service_that_nobody_knows_says_what_is_near_and_appears_when_it_registers() -> None:
    desk = Desk(copy(HOME, "u-1", service="user-service"), copy(WEST, "p-1", service="payment"))
    shown = page(desk, "user-servce")
    content = desk.content(shown)
    assert not shown.found()
    assert "/dashboard/services/default/user-service" in content.fragments["service-missing"]
    assert "payment" not in content.fragments["service-missing"]

    desk.put(copy(HOME, "x-1", service="user-servce"))
    content = desk.content(shown)

    assert shown.found()
    assert content.fragments["service-missing"] == ""
    assert "us-east/x-1" in content.lists["service-instances"]


def test_only_what_can_be_seen_on_the_page_touches_it() -> None:
    shown = page(Desk())

    assert shown.touched_by(WEST, frozenset({"default/web", "default/"}))
    assert shown.touched_by("", frozenset({"*"}))
    assert shown.touched_by(HOME, frozenset({"@eu-west"}))
    assert not shown.touched_by(HOME, frozenset({"default/other", "default/"}))


@pytest.mark.parametrize("field", ["tags", "metadata", "output", "reason", "query"])
def test_names_with_markup_in_them_are_shown_as_text(field: str) -> None:
    hostile: dict[str, dict[str, Any]] = {"tags": {"tags": [HOSTILE]}, "metadata": {"metadata": {HOSTILE: HOSTILE}}}
    given = hostile.get(field, {})
    desk = Desk(complaining(copy(HOME, "web-1", **CHECKED, **given), HOSTILE if field == "output" else "fine"))
    if field == "reason":
        desk.put(override(service="web", reason=HOSTILE, author=HOSTILE))
    query = dict.fromkeys(("tag", "zone", "version", "limit", "as_"), HOSTILE) if field == "query" else {}

    content = desk.content(page(desk, **query), ServiceFacts(problems=(HOSTILE,)))

    for name in (*content.fragments, *content.lists):
        assert "<script" not in text(content, name)
        assert "\"'\u202e" not in text(content, name)


def complaining(record: Instance, output: str) -> Instance:
    """The same with its check turned critical, saying so."""
    verdict = msgspec.structs.replace(record.verdicts[0], status=Status.CRITICAL, output=output, since=NOW)
    return with_verdict(record, verdict, NOW)
