"""What a change says to a person."""

from typing import Any

import msgspec
import pytest

from catalog.change import Change, Record
from catalog.records.check import Verdict
from catalog.records.instance import Instance, with_lease, with_verdict
from catalog.records.override import Scope
from catalog.records.policy import Policy
from catalog.records.status import Status
from dashboard.words.sentences import Sentence, SentenceKind, Severity, actor_name, sentence
from tests.harness.records import NOW, instance, override

WEB = instance("web", "web-1", lease={"ttl": "10s"})
CHECKED = instance("web", "web-1", checks=[{"name": "http", "type": "ttl", "ttl": "5s", "status": "passing"}])


def said(record: Record | None, before: Record | None = None, **fields: str) -> Sentence:
    key = (record or before).key  # type: ignore[union-attr]
    return sentence(Change(region="us-east", index=7, key=key, record=record, at=NOW, **fields), before)


def failing(record: Instance, output: str = "connection refused") -> Instance:
    return with_verdict(record, Verdict("http", Status.CRITICAL, output, NOW), NOW)


def test_an_instance_that_registers_says_as_what() -> None:
    found = said(WEB, verb="register", actor="token:ci@10.0.0.7/http", cause="registered over HTTP")
    assert (found.text, found.kind) == ("web/web-1 registered, passing (token ci)", SentenceKind.REGISTERED)


def test_a_status_names_the_check_that_made_it() -> None:
    found = said(failing(CHECKED), CHECKED, verb="report", actor="worker:probes")
    assert found.text == "web/web-1 turned critical: check http: connection refused"


def test_turning_critical_concerns_somebody_on_call() -> None:
    assert said(failing(CHECKED), CHECKED, verb="report").severity is Severity.BAD


def test_coming_back_is_good_news() -> None:
    found = said(CHECKED, failing(CHECKED), verb="report")
    assert (found.severity, found.text.partition(":")[0]) == (Severity.GOOD, "web/web-1 is back to passing")


def test_a_lease_that_ran_out_is_the_reason() -> None:
    found = said(with_lease(WEB, expired=True, now=NOW), WEB, verb="expire", actor="worker:leases")
    assert found.text == "web/web-1 turned critical: lease of 10s expired"


def test_a_lease_that_was_renewed_after_all_is_the_reason() -> None:
    found = said(WEB, with_lease(WEB, expired=True, now=NOW), verb="revive", actor="worker:leases")
    assert found.text == "web/web-1 is back to passing: lease renewed"


def test_a_check_that_changes_nothing_as_a_whole_says_so() -> None:
    ill = with_lease(CHECKED, expired=True, now=NOW)
    found = said(failing(ill), ill, verb="report")
    assert (found.kind, found.why) == (SentenceKind.CHECK, "connection refused")
    assert "check http of web/web-1 is critical; the instance is still critical" in found.text


def test_registering_again_names_what_is_different() -> None:
    newer = msgspec.structs.replace(WEB, version="2.0", weight=5, epoch=2)
    assert "version 2.0" not in said(newer, WEB, verb="report").text
    assert said(newer, WEB, verb="register").text == "web/web-1 registered again: version, weight"


def test_values_that_can_be_compared_are() -> None:
    before = msgspec.structs.replace(WEB, version="1.0")
    after = msgspec.structs.replace(WEB, version="2.0")
    assert said(after, before, verb="register").text == "web/web-1 registered again: version 1.0 → 2.0"


def test_a_removal_of_a_healthy_instance_is_quiet_and_names_who() -> None:
    found = said(None, WEB, verb="deregister", actor="admin:alice@10.0.0.8/api", cause="deregistered over the API")
    assert (found.text, found.severity) == ("web/web-1 removed (alice)", Severity.QUIET)


def test_a_removal_by_a_worker_says_why() -> None:
    found = said(None, failing(CHECKED), verb="deregister", actor="worker:leases", cause="critical for 1m")
    assert found.text == "web/web-1 removed while critical: critical for 1m"


def test_a_removal_of_what_nobody_knew_still_names_it() -> None:
    change = Change(region="us-east", index=1, key="instance/default/web/web-9", verb="deregister")
    assert sentence(change, None).text == "web/web-9 removed"


@pytest.mark.parametrize(
    ("scope", "fields", "text"),
    [
        (Scope.INSTANCE, {"service": "web", "instance": "web-1"}, "web/web-1 taken out of service, no expiry"),
        (Scope.SERVICE, {"service": "web", "weight": 0}, "service web drained, no expiry"),
        (Scope.ZONE, {"zone": "a", "expires_at": NOW + 60}, "zone a taken out of service"),
        (Scope.REGION, {"target": "eu-west"}, "region eu-west (for us-east only) taken out of service, no expiry"),
        (Scope.TAG, {"tag": "blue", "service": "web"}, "tag blue of web taken out of service, no expiry"),
    ],
)
def test_an_override_says_what_it_decrees_and_of_what(scope: Scope, fields: dict[str, Any], text: str) -> None:
    found = said(override(scope, **fields), verb="set_override", actor="admin:alice@::1/admin")
    assert found.text == f"{text}: maintenance (alice)"


def test_an_override_that_is_over_needs_no_reason() -> None:
    gone = override(Scope.SERVICE, service="web")
    found = said(None, gone, verb="expire_override", actor="worker:overrides", cause="its time is over")
    assert found.text == "override on service web (taken out of service) expired"


def test_a_policy_is_spoken_of() -> None:
    found = said(Policy(region="us-east", service="web"), verb="set_policy", actor="token:ops@::1/api", cause="gale")
    assert found.text == "failover policy of web was set: gale (token ops)"


def test_what_has_a_page_is_linked() -> None:
    links = [part.href for part in said(WEB, verb="register").parts if part.href]
    assert links == ["/dashboard/instances/us-east/default/web/web-1"]


def test_what_is_gone_links_to_its_service() -> None:
    links = [part.href for part in said(None, WEB, verb="deregister").parts if part.href]
    assert links == ["/dashboard/services/default/web"]


def test_a_long_reason_is_cut_to_one_line() -> None:
    found = said(failing(CHECKED, "line\n" * 200), CHECKED, verb="report")
    assert len(found.why) == 160
    assert "\n" not in found.why


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        ("admin:alice@10.0.0.8/api", "alice"),
        ("token:ci@10.0.0.7/http", "token ci"),
        ("anonymous@127.0.0.1/http", "anonymous at 127.0.0.1"),
        ("worker:leases", ""),
        ("", ""),
    ],
)
def test_actors_are_called_as_people_call_them(actor: str, name: str) -> None:
    assert actor_name(actor) == name


def test_what_a_probe_asked_is_left_out() -> None:
    output = "HTTP GET http://127.0.0.1:9/health: 503 Service Unavailable, body: {}"
    found = said(failing(CHECKED, output), CHECKED, verb="report")
    assert found.why == "check http: 503 Service Unavailable, body: {}"


def test_a_first_verdict_is_no_recovery() -> None:
    unknown = with_verdict(CHECKED, Verdict("http", Status.UNKNOWN, "", NOW), NOW)
    found = said(CHECKED, unknown, verb="report")
    assert (found.text, found.severity) == ("web/web-1 is now passing: check http passing", Severity.QUIET)


def test_a_namespace_is_said_where_it_is_not_the_usual_one() -> None:
    there = msgspec.structs.replace(WEB, namespace="shop")
    assert said(there, verb="register").text.startswith("shop/web/web-1 registered")
    assert said(None, there, verb="deregister").text.startswith("shop/web/web-1 removed")
    word = override(Scope.ZONE, zone="a", namespace="shop")
    assert said(word, verb="set_override").text.startswith("zone a in namespace shop taken out of service")
    word = override(Scope.SERVICE, service="web", namespace="shop")
    assert said(word, verb="set_override").text.startswith("service shop/web taken out of service")
