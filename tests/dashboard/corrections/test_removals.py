"""Removals from the dashboard: instances that are deregistered, registered again, and held, by real requests."""

import re
import time
from html import unescape

import msgspec
import pytest
from django.test import Client

from catalog.breaker import Kind, Scope, Target
from catalog.records.registration import registration_of
from registry import actions, forwarding
from registry.breaker import holds
from registry.models import ChangeRow, HeldRow, InstanceRow
from registry.tables.held import Member
from registry.verbs.holds import HoldRequest, hold
from tests.harness.dashboard.correcting import EU, HOME, Enrol, TableDesk, agreed, at, hidden, said, text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]


@pytest.mark.usefixtures("two")
def test_deregistering_shows_what_is_lost_and_takes_it_away(alice: Client, desk: TableDesk) -> None:
    url = at("deregister", region=HOME, service="web", instance="a")
    page = alice.get(url)
    assert "web us-east 2 → 1 us-east/a" in text(page)
    assert "Say why" in text(alice.post(url, {**hidden(page), "reason": ""}))
    response = alice.post(url, {**hidden(page), "reason": "wrong image"})
    assert response["Location"] == "/dashboard/services/default/web"
    assert desk.ids() == ["us-east/b"]
    change = ChangeRow.objects.get(verb="deregister")
    assert (change.actor, change.cause) == ("admin:alice@127.0.0.1/dashboard", "wrong image")


def test_deregistering_the_last_one_needs_consent(alice: Client, desk: TableDesk, enrol: Enrol) -> None:
    enrol("web", "a")
    url = at("deregister", service="web", instance="a")
    page = alice.get(url)
    assert "1 lookup would return no instance" in text(page)
    assert "Not applied" in text(alice.post(url, {**hidden(page), "reason": "over"}))
    assert desk.ids() == ["us-east/a"]
    alice.post(url, {**hidden(page), "reason": "over", "empty_ok": agreed(page)})
    assert desk.ids() == []


@pytest.mark.usefixtures("two")
def test_what_was_registered_anew_meanwhile_is_not_deregistered(alice: Client, desk: TableDesk, enrol: Enrol) -> None:
    url = at("deregister", service="web", instance="a")
    page = alice.get(url)
    actions.deregister(namespace="default", service="web", id="a", actor="test", cause="restarts")
    enrol("web", "a", zone="z1")
    assert "was registered again" in text(alice.post(url, {**hidden(page), "reason": "wrong image"}), 409)
    assert desk.ids() == ["us-east/a", "us-east/b"]


def test_what_was_deregistered_by_mistake_is_registered_again_as_it_was(
    alice: Client, desk: TableDesk, enrol: Enrol
) -> None:
    check = {"type": "http", "url": "http://10.0.0.1/health", "interval": "5s", "expect_status": [200, 204]}
    enrol("web", "b")
    enrol("web", "a", zone="z1", tags=["t"], metadata={"k": "v"}, checks=[check], ports={"grpc": 90}, owner="team")
    before = InstanceRow.objects.get(instance_id="a").instance
    url = at("deregister", service="web", instance="a")
    response = alice.post(url, {**hidden(alice.get(url)), "reason": "wrong one"})
    again = unescape(re.search(r'href="([^"]+)"', said(response)[0]).group(1))  # type: ignore[union-attr]
    assert again.startswith("/dashboard/correct/restore?")
    desk.catch_up()
    assert "z1" in text(alice.get(again))
    alice.post(again, {"reason": "oops"})
    after = InstanceRow.objects.get(instance_id="a").instance
    assert registration_of(after) == registration_of(before)
    assert after.epoch == before.epoch + 1
    assert ChangeRow.objects.order_by("-index")[0].cause.endswith("by mistake: oops")
    desk.catch_up()
    assert "registered already" in text(alice.post(again, {}), 409)


@pytest.mark.usefixtures("two")
def test_only_a_removal_can_be_taken_back(alice: Client) -> None:
    text(alice.get(at("restore", index="1")), 404)
    text(alice.get(at("restore", index="99")), 404)
    text(alice.get(at("restore", key="override/x")), 404)
    assert InstanceRow.objects.count() == 2


def test_an_instance_of_another_region_is_removed_and_registered_there(
    alice: Client, desk: TableDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[forwarding.Call] = []

    async def passed_on(call: forwarding.Call) -> forwarding.Reply:
        asked.append(call)
        return forwarding.Reply(204, (), b"")

    monkeypatch.setattr(forwarding.door, "_send", passed_on)
    for id in ("far", "near"):
        desk.register_far("web", id, zone="z9")
    desk.mirror_far()
    desk.catch_up()
    url = at("deregister", region=EU, service="web", instance="far")
    response = alice.post(url, {**hidden(alice.get(url)), "reason": "wrong image"})
    desk.far.append("instance/default/web/far", None)
    desk.mirror_far()
    desk.catch_up()
    again = unescape(re.search(r'href="([^"]+)"', said(response)[0]).group(1))  # type: ignore[union-attr]
    assert alice.post(again, {}).status_code == 302
    removed, registered = asked
    target = "/api/v1/instances/web/far?namespace=default"
    assert (removed.region, removed.method, removed.target, removed.cause) == (EU, "DELETE", target, "wrong image")
    assert (registered.region, registered.method, registered.target) == (EU, "PUT", target)
    assert msgspec.json.decode(registered.body)["zone"] == "z9"


@pytest.fixture
def held(enrol: Enrol) -> HeldRow:
    """Two of three instances, whose checks have turned critical at once."""
    check = {"type": "http", "url": "http://10.0.0.1/health", "status": "passing"}
    for id in "abc":
        enrol("web", id, checks=[check])
    members = tuple(Member(f"instance/default/web/{id}", 1, "http", "refused <b>") for id in "ab")
    request = HoldRequest(Target(Scope.SERVICE, "default/web"), "2 of 3 is more than 1", members, 3, 0)
    hold(Kind.PROBE, [request], lasting=3600.0, whole=False, actor="test", cause="needed")
    return HeldRow.objects.get()


def test_approving_shows_what_goes_and_lets_it_happen(alice: Client, desk: TableDesk, held: HeldRow) -> None:
    url = at("held", id=held.id, do="approve")
    page = alice.get(url)
    assert "2 of 3 is more than 1" in text(page)
    assert "web us-east 3 → 1 us-east/a, us-east/b" in text(page)
    assert "Say why" in text(alice.post(url, {**hidden(page), "reason": ""}))
    assert desk.ids() == ["us-east/a", "us-east/b", "us-east/c"]
    assert alice.post(url, {**hidden(page), "reason": "the rack is off"})["Location"] == "/dashboard/held"
    assert desk.ids() == ["us-east/c"]
    held.refresh_from_db()
    assert (held.state, held.decided_by, held.reason) == (
        "approved", "admin:alice@127.0.0.1/dashboard", "the rack is off",
    )  # fmt: skip


def test_rejecting_keeps_them(alice: Client, desk: TableDesk, held: HeldRow) -> None:
    url = at("held", id=held.id, do="reject")
    alice.post(url, {**hidden(alice.get(url)), "reason": "the network hiccups"})
    assert desk.ids() == ["us-east/a", "us-east/b", "us-east/c"]
    held.refresh_from_db()
    assert (held.state, held.reason) == ("rejected", "the network hiccups")


def test_what_is_decided_already_says_by_whom(alice: Client, held: HeldRow) -> None:
    holds.reject(held.id, actor="bob", cause="no")
    url = at("held", id=held.id, do="approve")
    assert "Already rejected by bob: no" in text(alice.get(url))
    assert "rejected by bob" in text(alice.post(url, {"reason": "too late"}), 409)


def test_a_held_mirror_is_approved_with_a_reason(alice: Client, desk: TableDesk) -> None:
    hold = holds.hold_mirror(EU, "eu-west would lose 9 of 10", population=10, now=time.time())
    url = at("held", id=hold.id, do="approve")
    assert "eu-west would lose 9 of 10" in text(alice.get(url))
    alice.post(url, {"reason": "it is true"})
    hold.refresh_from_db()
    assert (hold.state, hold.decided_by, hold.reason) == ("approved", "admin:alice@127.0.0.1/dashboard", "it is true")
    text(alice.get(at("held", id="atlantis")), 404)


def test_a_held_mirror_is_rejected_with_a_reason(alice: Client) -> None:
    hold = holds.hold_mirror(EU, "eu-west would lose 9 of 10", population=10, now=time.time())
    url = at("held", id=hold.id, do="reject")
    alice.post(url, {**hidden(alice.get(url)), "reason": "their database is empty"})
    hold.refresh_from_db()
    assert (hold.state, hold.reason) == ("rejected", "their database is empty")
    assert list(holds.mirrors_held(time.time())) == [EU]
