"""Overrides from the dashboard: who may set them, what the preview says, and what is done, by real requests."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import msgspec
import pytest
from django.test import Client

from registry import actions, forwarding
from registry.access.roles import Role
from registry.models import ChangeRow, InstanceRow, OverrideRow
from tests.harness.dashboard.correcting import (
    EU,
    FORM,
    HOME,
    Enrol,
    TableDesk,
    agreed,
    apply,
    at,
    hidden,
    person,
    said,
    text,
)
from tests.harness.registry.outage import database_gone

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]

WEB = at("override", scope="service", service="web")

SUBJECTS = [
    ({"scope": "instance", "service": "web", "instance": "a"}, ["us-east/b"]),
    ({"scope": "service", "service": "web"}, []),
    ({"scope": "zone", "zone": "z1"}, ["us-east/b"]),
    ({"scope": "zone", "zone": "z1", "service": "web"}, ["us-east/b"]),
    ({"scope": "tag", "tag": "old"}, ["us-east/b"]),
    ({"scope": "region", "target": HOME}, []),
]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(("subject", "left"), SUBJECTS)
def test_whatever_is_named_is_put_out_of_service(
    alice: Client, desk: TableDesk, subject: dict[str, str], left: list[str]
) -> None:
    response = apply(alice, at("override", **subject))
    assert response.status_code == 302, text(response, response.status_code)
    assert desk.ids() == left
    change = ChangeRow.objects.get(verb="set_override")
    assert (change.actor, change.cause) == ("admin:alice@127.0.0.1/dashboard", "disk full")
    assert OverrideRow.objects.get().author == "alice"


ACTIONS = [
    ({"action": "out"}, ("critical", None)),
    ({"action": "drain"}, (None, 0)),
    ({"action": "weight", "weight": "7"}, (None, 7)),
    ({"action": "force", "status": "warning"}, ("warning", None)),
    ({"action": "force", "status": "passing"}, ("passing", None)),
]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(("chosen", "stands"), ACTIONS)
def test_each_action_says_what_it_says(alice: Client, chosen: dict[str, str], stands: tuple[Any, ...]) -> None:
    apply(alice, at("override", scope="instance", service="web", instance="a"), **chosen)
    row = OverrideRow.objects.get()
    assert (row.override.status, row.override.weight) == stands


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("ends", "length"), [({}, 3600), ({"ends": "15m"}, 900), ({"ends": "for", "lasting": "90s"}, 90)]
)
def test_it_ends_when_it_was_said_to(alice: Client, ends: dict[str, str], length: float) -> None:
    apply(alice, at("override", scope="instance", service="web", instance="a"), **ends)
    override = OverrideRow.objects.get().override
    assert override.expires_at is not None
    assert override.expires_at - override.created_at == pytest.approx(length, abs=5)


@pytest.mark.usefixtures("two")
def test_it_lasts_for_ever_only_when_that_was_ticked(alice: Client) -> None:
    page = text(alice.post(WEB, {**FORM, "ends": "never"}))
    assert "Tick this if it must stay" in page
    apply(alice, WEB, ends="never", never_ok="on")
    assert OverrideRow.objects.get().expires_at is None


def past() -> str:
    return (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S")


BAD: list[tuple[Callable[[], dict[str, str]], str]] = [
    (lambda: {"reason": ""}, "Say why"),
    (lambda: {"reason": "   "}, "Say why"),
    (lambda: {"reason": "x" * 501}, "at most 500 characters"),
    (lambda: {"ends": "until", "until": past()}, "This is in the past"),
    (lambda: {"ends": "until", "until": "tomorrow"}, "Write for example"),
    (lambda: {"ends": "for", "lasting": "soon"}, "is not a duration"),
    (lambda: {"ends": "for", "lasting": "900d"}, "out of range"),
    (lambda: {"action": "weight"}, "Which weight"),
    (lambda: {"action": "weight", "weight": "-1"}, "greater than or equal to 0"),
    (lambda: {"action": "force", "status": "unknown"}, "Select a valid choice"),
    (lambda: {"action": "explode"}, "Select a valid choice"),
]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("step", ["preview", "apply"])
@pytest.mark.parametrize(("given", "complaint"), BAD)
def test_a_bad_form_is_shown_again_with_what_is_wrong(
    alice: Client, given: Callable[[], dict[str, str]], complaint: str, step: str
) -> None:
    page = text(alice.post(WEB, {**FORM, **given(), "step": step}))
    assert complaint in page
    assert not OverrideRow.objects.exists()


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"scope": "galaxy"}, "say what it is about"),
        ({"scope": "zone"}, "needs it"),
        ({"scope": "service", "service": "a_b"}, "cannot be a DNS label"),
        ({"scope": "instance", "service": "web", "instance": "../x"}, "cannot be an instance id"),
    ],
)
def test_an_address_that_names_nothing_asks_what_is_meant(alice: Client, query: dict[str, str], complaint: str) -> None:
    assert complaint in text(alice.get(at("override", **query)))
    assert complaint in text(alice.post(at("override", **query), FORM), 400)


def test_without_a_subject_the_page_asks_for_one(alice: Client) -> None:
    assert "Choose what it applies to." in text(alice.get("/dashboard/correct/override"))


def test_an_unknown_region_is_not_there(alice: Client) -> None:
    page = text(alice.get(at("override", scope="service", service="web", region="atlantis")), 404)
    assert "No region atlantis is known here" in page


@pytest.mark.usefixtures("two")
def test_the_preview_does_nothing_but_tell(alice: Client, desk: TableDesk) -> None:
    page = text(alice.post(at("override", scope="zone", zone="z1"), FORM))
    assert "Zone z1: out of service" in page
    assert "1 instance affected" in page
    assert "web us-east 2 → 1 us-east/a -" in page
    assert "return nothing" not in page
    assert desk.ids() == ["us-east/a", "us-east/b"]


@pytest.mark.usefixtures("two")
def test_what_would_leave_nothing_is_done_only_when_that_was_ticked(alice: Client, desk: TableDesk) -> None:
    preview = alice.post(WEB, FORM)
    assert "1 lookup would return no instance" in text(preview)
    again = alice.post(WEB, {**hidden(preview), "step": "apply"})
    assert "Not applied: this leaves lookups without any instance" in text(again)
    assert desk.ids() == ["us-east/a", "us-east/b"]
    alice.post(WEB, {**hidden(preview), "step": "apply", "empty_ok": agreed(preview)})
    assert desk.ids() == []


@pytest.mark.usefixtures("two")
def test_consent_to_emptying_one_service_is_none_to_another(alice: Client, desk: TableDesk, enrol: Enrol) -> None:
    url = at("override", scope="region", target=HOME)
    preview = alice.post(url, FORM)
    enrol("mail", "m")
    again = alice.post(url, {**hidden(preview), "step": "apply", "empty_ok": agreed(preview)})
    assert "2 lookups would return no instance" in text(again)
    assert desk.ids("mail") == ["us-east/m"]


def test_the_preview_says_who_stands_in_and_is_right(alice: Client, desk: TableDesk, enrol: Enrol) -> None:
    desk.register_far("web", "far")
    enrol("web", "a")
    actions.set_policy(
        actions.PolicyRequest(order=(EU,)), namespace="default", service="web", actor="test", cause="needed"
    )
    desk.catch_up()
    preview = text(alice.post(WEB, FORM))
    assert "web us-east 1 → 1 us-east/a eu-west/far" in preview
    assert "By failover policy eu-west takes over" in preview
    apply(alice, WEB)
    assert desk.ids() == ["eu-west/far"]


def test_another_regions_instance_is_put_out_for_consumers_here(alice: Client, desk: TableDesk, enrol: Enrol) -> None:
    desk.register_far("web", "far")
    enrol("web", "a")
    url = at("override", scope="instance", region=EU, service="web", instance="far")
    assert "for lookups in us-east only" in text(alice.get(url))
    apply(alice, url, where="here")
    override = OverrideRow.objects.get().override
    assert (override.region, override.target, override.is_opinion) == (HOME, EU, True)
    assert desk.ids(home=EU) == ["eu-west/far"]


def test_a_region_out_of_reach_says_so_and_nothing_is_done(alice: Client, desk: TableDesk) -> None:
    desk.register_far("web", "far")
    desk.register_far("web", "near")
    desk.catch_up()
    response = apply(alice, at("override", scope="instance", region=EU, service="web", instance="far"), where="there")
    assert "eu-west cannot be asked" in text(response, 503)
    assert not OverrideRow.objects.exists()


def test_another_region_itself_is_asked_as_its_api_takes_it(
    alice: Client, desk: TableDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[forwarding.Call] = []

    async def passed_on(call: forwarding.Call) -> forwarding.Reply:
        asked.append(call)
        return forwarding.Reply(201, (), b'{"id": "theirs"}')

    monkeypatch.setattr(forwarding.door, "_send", passed_on)
    desk.register_far("web", "far")
    desk.register_far("web", "near")
    desk.catch_up()
    url = at("override", scope="instance", region=EU, service="web", instance="far")
    preview = alice.post(url, {**FORM, "where": "there"})
    for _ in range(2):
        response = alice.post(url, {**hidden(preview), "step": "apply"})
        assert response.status_code == 302
    (call,) = asked
    assert (call.region, call.method, call.target) == (EU, "POST", "/api/v1/overrides")
    assert (call.actor, call.cause) == ("admin:alice@127.0.0.1/dashboard", "disk full")
    body = msgspec.json.decode(call.body)
    assert body.pop("expires_at").endswith("Z")
    assert body == {
        "scope": "instance", "service": "web", "instance": "far", "namespace": "default", "status": "critical",
        "reason": "disk full",
    }  # fmt: skip


@pytest.mark.usefixtures("two")
def test_sending_the_same_form_twice_sets_one_override(alice: Client) -> None:
    preview = alice.post(at("override", scope="zone", zone="z1"), FORM)
    for _ in range(2):
        done = alice.post(at("override", scope="zone", zone="z1"), {**hidden(preview), "step": "apply"})
        assert done.status_code == 302
    assert OverrideRow.objects.count() == 1


@pytest.mark.usefixtures("two")
def test_a_form_sent_again_after_the_undo_does_not_set_it_again(alice: Client, desk: TableDesk) -> None:
    url = at("override", scope="zone", zone="z1")
    preview = alice.post(url, FORM)
    alice.post(url, {**hidden(preview), "step": "apply"})
    actions.clear_override(OverrideRow.objects.get().id, actor="test", cause="enough")
    assert "has been cleared since" in text(alice.post(url, {**hidden(preview), "step": "apply"}), 409)
    assert desk.ids() == ["us-east/a", "us-east/b"]


@pytest.mark.usefixtures("two")
def test_the_message_leads_to_the_undo_and_back_to_where_one_came_from(alice: Client, desk: TableDesk) -> None:
    came = "/dashboard/services?q=web"
    response = apply(alice, at("override", scope="zone", zone="z1", next=came))
    assert response["Location"] == came
    (message,) = said(response)
    assert "You put zone z1 out of service" in message
    undo = unescape(re.search(r'href="([^"]+)"', message).group(1))  # type: ignore[union-attr]
    desk.catch_up()
    assert "us-east/a" in text(alice.get(undo))
    assert alice.post(undo, {"reason": "the disk is new"})["Location"] == came
    assert desk.ids() == ["us-east/a", "us-east/b"]
    change = ChangeRow.objects.get(verb="clear_override")
    assert (change.actor, change.cause) == (
        "admin:alice@127.0.0.1/dashboard", "undone in the dashboard: the disk is new",
    )  # fmt: skip


@pytest.mark.usefixtures("two")
def test_what_somebody_else_has_undone_is_said_to_be_gone(alice: Client, desk: TableDesk) -> None:
    apply(alice, at("override", scope="zone", zone="z1"))
    desk.catch_up()
    id = OverrideRow.objects.get().id
    actions.clear_override(id, actor="bob", cause="enough")
    response = alice.post(at("undo", id=id), {})  # the view does not know it yet
    assert response.status_code == 302
    assert "cleared or has expired already" in said(response)[-1]
    desk.catch_up()
    assert "cleared or has expired already" in text(alice.get(at("undo", id=id)), 404)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    "next", ["https://evil.example/", "//evil.example/x", "/\\evil.example", "javascript:alert(1)", "evil", "/\n/x.y"]
)
def test_nobody_is_led_to_another_site(alice: Client, next: str) -> None:
    response = apply(alice, at("override", scope="zone", zone="z1", next=next))
    assert response["Location"] == "/dashboard/overrides"


@pytest.mark.usefixtures("two")
def test_markup_in_a_reason_is_text(alice: Client, desk: TableDesk) -> None:
    url = at("override", scope="zone", zone="z1", next="/dashboard/overrides")
    evil = "<script>alert(1)</script>\"'><img src=x>"
    for step in ("preview", "edit"):
        page = alice.post(url, {**FORM, "reason": evil, "step": step}).content.decode()
        assert "<script>alert" not in page
        assert "<img" not in page.replace('<img src="/static', "")
        assert "&lt;script&gt;" in page
    apply(alice, url, reason=evil)
    desk.catch_up()
    page = alice.get(at("undo", id=OverrideRow.objects.get().id)).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


ADDRESSES = [
    WEB,
    at("undo", id="x"),
    at("deregister", service="web", instance="a"),
    at("restore", index="1"),
    at("held", id="x"),
]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_viewer_is_told_that_this_is_for_operators(desk: TableDesk, address: str, method: str) -> None:
    vera = person("vera", Role.VIEWER)
    page = text(getattr(vera, method)(address, {**FORM, "step": "apply"} if method == "post" else {}), 403)
    assert "vera may look and not correct" in page
    assert not OverrideRow.objects.exists()
    assert InstanceRow.objects.count() == 2


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_whoever_has_not_signed_in_is_asked_to(desk: TableDesk, address: str, method: str) -> None:
    response = getattr(Client(), method)(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/?next=/dashboard/correct/")


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_form_of_another_site_is_refused(alice: Client, address: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alice.cookies
    assert strict.post(address, {**FORM, "step": "apply"}).status_code == 403
    assert not OverrideRow.objects.exists()
    assert InstanceRow.objects.count() == 2


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_the_database_the_page_says_that_nothing_can_be_changed(alice: Client, method: str) -> None:
    with database_gone():
        page = text(getattr(alice, method)(WEB, {**FORM, "step": "apply"} if method == "post" else {}), 503)
    assert "The database cannot be reached, so nothing can be changed and nothing was" in page
