"""The page of an instance, without a browser: its record, its past, who is sent there; markup never comes through."""

from typing import Any

import msgspec
import pytest

from catalog.records.instance import Instance, with_verdict
from catalog.records.override import Scope
from catalog.records.status import Status
from dashboard.pages.instance.facts import InstanceFacts
from dashboard.pages.instance.page import InstancePage
from registry.checks.probe_spec import check_key
from registry.checks.recent import Sample
from registry.checks.results import CheckResult
from registry.log.history import Entry
from tests.harness.dashboard.pages import Desk, text
from tests.harness.federated import BEGAN, HOME, SOUTH, WEST, copy, policy, sick
from tests.harness.records import NOW, override

CHECKED: dict[str, Any] = {
    "checks": [{"name": "http", "type": "http", "url": "http://10.0.0.1/health", "interval": "5s", "timeout": "1s"}]
}
HOSTILE = "<script>alert(1)</script>&\"'\u202egnp.exe"


def page(desk: Desk, id: str = "web-1", region: str = HOME, service: str = "web") -> InstancePage:
    made = desk.page(InstancePage, region, "default", service, id)
    assert isinstance(made, InstancePage)
    return made


def complaining(record: Instance, output: str) -> Instance:
    """The same with its check turned critical, saying so."""
    verdict = msgspec.structs.replace(record.verdicts[0], status=Status.CRITICAL, output=output, since=NOW)
    return with_verdict(record, verdict, NOW)


def test_everything_in_the_record_is_shown() -> None:
    desk = Desk(
        copy(
            HOME, "web-1", host="10.9.8.7", port=8443, ports={"admin": 9090}, zone="us-east-1a", version="2.4.1",
            tags=["canary"], metadata={"team": "discovery"}, weight=7, lease={"ttl": "30s"},
            deregister_critical_after="10m",
        )
    )  # fmt: skip

    said = desk.content(page(desk)).fragments["instance-record"]

    for value in ("10.9.8.7:8443", "9090", "us-east-1a", "2.4.1", "canary", "team", "discovery", ">7<", "active"):
        assert value in said
    assert "critical for 10 min" in said
    assert "1970-01-12 13:30:00 UTC" in said  # registered


def test_a_removal_that_is_due_is_announced_and_one_that_is_late_is_not_promised() -> None:
    desk = Desk(sick(copy(HOME, "web-1", deregister_critical_after="3m"), since=NOW - 100))
    assert "Will be deregistered" in desk.content(page(desk)).fragments["instance-head"]

    desk.now = NOW + 100

    assert "Deregistration was due" in desk.content(page(desk)).fragments["instance-head"]


def test_a_check_shows_its_terms_its_last_probe_and_how_long_the_last_ones_took() -> None:
    desk = Desk(copy(HOME, "web-1", **CHECKED))
    recent = tuple(Sample(NOW - 10 * number, 0.01 * number, Status.PASSING) for number in range(1, 5))
    result = CheckResult(
        key="", status=Status.PASSING, outcome=Status.CRITICAL, output="503 Service Unavailable", latency=0.0123,
        at=NOW - 2, failures=2, flap_score=5200.0, held_until=NOW + 30, recent=recent,
    )  # fmt: skip

    card = desk.content(page(desk), InstanceFacts(results={check_key("default", "web", "web-1", "http"): result}))

    said = card.lists["instance-checks"]["http"]
    assert "GET http://10.0.0.1/health, expects any 2xx" in said
    assert "every 5s, within 1s" in said
    assert "12.3 ms" in said
    assert "2 failures in a row" in said
    assert "503 Service Unavailable" in said
    assert "held critical until" in said
    assert "4 probes, 10 ms to 40 ms" in said


def test_a_check_of_another_region_says_where_it_is_probed() -> None:
    desk = Desk(copy(WEST, "web-1", **CHECKED))

    said = desk.content(page(desk, region=WEST)).lists["instance-checks"]["http"]

    assert "Probed in eu-west" in said


def test_long_output_is_folded_and_whole() -> None:
    output = "first line\n" + "x" * 500
    desk = Desk(complaining(copy(HOME, "web-1", **CHECKED), output))

    said = desk.content(page(desk)).lists["instance-checks"]["http"]

    summary, _, rest = said.partition("</summary>")
    assert "first line" in summary
    assert "x" * 500 not in summary
    assert "x" * 500 in rest


def test_it_says_of_each_region_whether_a_lookup_there_returns_it_and_why() -> None:
    desk = Desk(sick(copy(HOME, "other")), copy(WEST, "web-1"), copy(SOUTH, "web-9"), policy())

    said = desk.content(page(desk, region=WEST)).fragments["instance-asked"]

    rows = {region: said.partition(f">{region}</a>")[2].partition("</tr>")[0] for region in (HOME, WEST, SOUTH)}
    assert "one of 1" in rows[HOME]
    assert "step 1 of 2, eu-west" in rows[HOME]
    assert "one of 1" in rows[WEST]
    assert "no, 1 other" in rows[SOUTH]
    assert "does not use eu-west" in rows[SOUTH]


def test_of_several_overrides_it_shows_which_one_counts() -> None:
    desk = Desk(
        copy(HOME, "web-1"),
        override(Scope.SERVICE, id="wide", service="web", reason="the whole service"),
        override(Scope.INSTANCE, id="narrow", service="web", instance="web-1", status="passing", reason="not this one"),
        override(Scope.SERVICE, id="elsewhere", service="mail"),
    )

    said = desk.content(page(desk)).fragments["instance-rulings"]

    first, _, second = said.partition("</li>")
    assert "not this one" in first
    assert "superseded" not in first
    assert "the whole service" in second
    assert "superseded by a narrower or later override" in second
    assert "elsewhere" not in said


def test_an_override_of_another_region_leads_to_its_undo_there() -> None:
    desk = Desk(copy(WEST, "web-1"), override(region=WEST, service="web", id="theirs"))

    content = desk.content(page(desk, region=WEST))

    for name in ("instance-rulings", "instance-head"):
        assert "correct/undo?id=theirs&amp;region=eu-west" in content.fragments[name]


def test_an_override_that_ends_outside_the_calendar_is_shown_all_the_same() -> None:
    desk = Desk(copy(HOME, "web-1"), override(service="web", expires_at=1e15))

    assert "out of range" in desk.content(page(desk)).fragments["instance-rulings"]


def test_of_many_changed_fields_it_says_that_there_are_more() -> None:
    desk = Desk(copy(HOME, "web-1"))
    desk.put(
        copy(HOME, "web-1", host="10.9.9.9", port=99, zone="us-east-1b", version="9", tags=["new"], weight=7),
        verb="register",
    )

    newest = next(iter(desk.content(page(desk)).lists["instance-history"].values()))

    assert newest.partition("</summary>")[0].count("…") == 1


def test_its_past_is_told_from_the_tables_and_goes_on_live() -> None:
    record = copy(HOME, "web-1")
    desk = Desk()
    desk.put(record, verb="register", actor="token:ci@10.0.0.7", cause="registered over HTTP")
    shown = page(desk)
    entry = Entry(next(desk.board.recent.newest()).change)
    desk.content(shown, InstanceFacts(entries=(entry,)))

    desk.put(sick(record), verb="expire", actor="worker:leases", cause="no renewal for 30s")
    desk.put(override(Scope.INSTANCE, service="web", instance="web-1", reason="being repaired"), verb="set_override")
    desk.put(copy(HOME, "web-2"), override(service="mail", id="o-2"))
    rows = list(desk.content(shown, InstanceFacts(entries=(entry,))).lists["instance-history"].values())

    assert len(rows) == 3
    [expired] = [row for row in rows if "no renewal for 30s" in row]
    assert "passing" in expired
    assert "lease_expired" in expired
    [registered] = [row for row in rows if "registered over HTTP" in row]
    assert "token ci" in registered


def test_one_that_is_deregistered_while_it_is_looked_at_says_so_and_by_whom() -> None:
    record = copy(HOME, "web-1", version="2.4.1")
    desk = Desk(record, copy(HOME, "web-2"))
    shown = page(desk)
    assert desk.content(shown).fragments["instance-gone"] == ""

    desk.remove(record, verb="deregister", actor="admin:alice@10.0.0.7/ab", cause="the wrong cluster")
    content = desk.content(shown)

    assert "deregister" in content.fragments["instance-gone"]
    assert "by alice" in content.fragments["instance-gone"]
    assert "the wrong cluster" in content.fragments["instance-gone"]
    assert "2.4.1" in content.fragments["instance-record"]
    assert content.fragments["instance-missing"] == ""
    assert not shown.found()


def test_one_that_was_removed_long_ago_is_told_from_the_log() -> None:
    record = copy(HOME, "web-1", version="2.4.1")
    desk = Desk(record)
    desk.remove(record, verb="deregister", actor="admin:alice@10.0.0.7/ab", cause="the wrong cluster")
    removed = next(desk.board.recent.newest())
    fresh = Desk(copy(HOME, "web-2"))

    content = fresh.content(page(fresh), InstanceFacts(entries=(removed,)))

    assert "by alice" in content.fragments["instance-gone"]
    assert "2.4.1" in content.fragments["instance-record"]


def test_one_that_comes_back_is_shown_again() -> None:
    record = copy(HOME, "web-1")
    desk = Desk(record)
    shown = page(desk)
    desk.content(shown)
    desk.remove(record)
    desk.content(shown)

    desk.put(record)
    content = desk.content(shown)

    assert content.fragments["instance-gone"] == ""
    assert "passing" in content.fragments["instance-head"]


def test_one_that_nobody_knows_says_what_is_near_and_appears_when_it_registers() -> None:
    desk = Desk(
        copy(HOME, "web-11"),
        copy(WEST, "web-1"),
        copy(HOME, "web-1", service="shop"),
        copy(HOME, "m-7", service="mail"),
    )
    shown = page(desk)
    missing = desk.content(shown).fragments["instance-missing"]
    near = [piece.partition('"')[0] for piece in missing.split('href="/dashboard/instances/')[1:]]
    assert near == ["eu-west/default/web/web-1", "us-east/default/shop/web-1", "us-east/default/web/web-11"]
    assert not shown.found()

    desk.put(copy(HOME, "web-1"))

    assert desk.content(shown).fragments["instance-missing"] == ""
    assert shown.found()


def test_a_region_that_nobody_knows_is_said_to_be_one() -> None:
    desk = Desk(copy(HOME, "web-1"))

    assert "Unknown region mars" in desk.content(page(desk, region="mars")).fragments["instance-missing"]


def test_since_an_override_decides_is_since_it_was_set() -> None:
    desk = Desk(copy(HOME, "web-1"), override(service="web"))

    head = desk.content(page(desk)).fragments["instance-head"]

    assert "1970-01-12 13:46:40 UTC" in head  # NOW, when the override was made
    assert BEGAN < NOW
    assert "reports passing" in head


@pytest.mark.parametrize("field", ["tags", "metadata", "output", "long output", "reason", "cause", "address"])
def test_names_with_markup_in_them_are_shown_as_text(field: str) -> None:
    hostile: dict[str, dict[str, Any]] = {"tags": {"tags": [HOSTILE]}, "metadata": {"metadata": {HOSTILE: HOSTILE}}}
    given = hostile.get(field, {})
    output = {"output": HOSTILE, "long output": f"{HOSTILE}\n" * 20}.get(field, "fine")
    desk = Desk(copy(HOME, "web-1", **CHECKED, **given))
    said = {"cause": HOSTILE, "actor": HOSTILE, "verb": HOSTILE} if field == "cause" else {}
    desk.put(complaining(copy(HOME, "web-1", **CHECKED, **given), output), **said)
    if field == "reason":
        desk.put(override(service="web", reason=HOSTILE, author=HOSTILE))
    elsewhere = HOSTILE.replace("/", "")  # what is between two slashes of an address has none
    shown = page(desk, *((elsewhere, elsewhere, elsewhere) if field == "address" else ()))

    content = desk.content(shown, InstanceFacts(held=HOSTILE, problems=(HOSTILE,)))

    everything = "".join(text(content, name) for name in (*content.fragments, *content.lists))
    assert "<script" not in everything
    assert "\"'\u202e" not in everything
    assert "&lt;script&gt;" in everything
