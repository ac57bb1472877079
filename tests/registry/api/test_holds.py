"""What is held, over the API and in the admin site: shown, approved, rejected."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalog.breaker import Kind, Scope, Target
from registry.models import HeldRow, InstanceRow
from registry.tables.held import Member
from registry.verbs import holds as verbs


@pytest.fixture
def hold(register: Callable[..., Any], valkey_url: str) -> HeldRow:
    """Two instances that probes found ill, which the breaker would not believe."""
    members = []
    for number in (1, 2):
        register(id=f"user-{number}", checks=[{"type": "http", "url": "http://10.0.1.5/"}])
        members.append(Member(f"instance/default/user-service/user-{number}", 1, "http", "refused"))
    request = verbs.HoldRequest(
        Target(Scope.SERVICE, "default/user-service"), "2 of 3 is more than 50 %", tuple(members), 3, 0
    )
    verbs.hold(Kind.PROBE, [request], lasting=3600.0, whole=False, actor="worker:leases", cause="too many")
    return HeldRow.objects.get()


def critical() -> int:
    """How many instances are recorded as critical."""
    return InstanceRow.objects.filter(status="critical").count()


def decide(api: Client, hold: HeldRow, what: str, body: Any) -> Any:
    return api.post(f"/api/v1/held/{hold.pk}/{what}", body, content_type="application/json")


def test_a_hold_shows_its_formula_and_its_members(api: Client, hold: HeldRow) -> None:
    found = api.get(f"/api/v1/held/{hold.pk}").json()
    assert (found["state"], found["formula"], found["population"]) == ("open", "2 of 3 is more than 50 %", 3)
    assert [member["key"] for member in found["members"]] == [
        "instance/default/user-service/user-1",
        "instance/default/user-service/user-2",
    ]


@pytest.mark.parametrize(("query", "number"), [("", 1), ("?state=open", 1), ("?state=approved", 0)])
def test_holds_are_listed_by_state(api: Client, hold: HeldRow, query: str, number: int) -> None:
    assert api.get(f"/api/v1/held{query}").json()["count"] == number


def test_approving_lets_it_happen_and_says_who(api: Client, hold: HeldRow) -> None:
    answer = decide(api, hold, "approve", {"reason": "they are really gone"})
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["state"], found["reason"]) == ("approved", "they are really gone")
    assert found["decided_by"] == "anonymous@127.0.0.1/api"
    assert critical() == 2


def test_rejecting_keeps_them(api: Client, hold: HeldRow) -> None:
    answer = decide(api, hold, "reject", {"reason": "the switch is down"})
    assert (answer.status_code, answer.json()["state"], critical()) == (200, "rejected", 0)


def test_deciding_twice_is_refused(api: Client, hold: HeldRow) -> None:
    decide(api, hold, "reject", {"reason": "x"})
    answer = decide(api, hold, "approve", {"reason": "y"})
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert critical() == 0


@pytest.mark.parametrize("what", ["approve", "reject"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "x", "why": 1}, "why"),
    ],
)
def test_a_decision_needs_a_reason(api: Client, hold: HeldRow, what: str, body: Any, field: str) -> None:
    answer = decide(api, hold, what, body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert HeldRow.objects.get().state == "open"


@pytest.mark.usefixtures("valkey_url")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/api/v1/held/nothing", 404),
        ("post", "/api/v1/held/nothing/approve", 404),
        ("post", "/api/v1/held/nothing/reject", 404),
        ("get", "/api/v1/held?state=lost", 400),
    ],
)
def test_what_is_not_held_cannot_be_asked_for(api: Client, method: str, path: str, status: int) -> None:
    answer = getattr(api, method)(path, {"reason": "x"} if method == "post" else None, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def test_only_an_operator_decides(api: Client, hold: HeldRow, token: Callable[..., dict[str, str]]) -> None:
    headers = token("read", "write:*")
    answer = api.post(
        f"/api/v1/held/{hold.pk}/approve", {"reason": "x"}, content_type="application/json", headers=headers
    )
    assert (answer.status_code, HeldRow.objects.get().state) == (403, "open")


@pytest.mark.parametrize(("decision", "state", "ill"), [("approve", "approved", 2), ("reject", "rejected", 0)])
def test_the_admin_site_decides_with_a_reason(hold: HeldRow, decision: str, state: str, ill: int) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    page = client.get(f"/admin/registry/heldrow/{hold.pk}/change/").content.decode()
    assert "2 of 3 is more than 50 %" in page
    path = f"/admin/registry/heldrow/{hold.pk}/decide/{decision}/"
    assert path in page
    assert "Say why: others will ask." in client.post(path, {"reason": ""}).content.decode()
    client.post(path, {"reason": "seen to"})
    row = HeldRow.objects.get()
    assert (row.state, row.decided_by, row.reason) == (state, "admin:alice@127.0.0.1/admin", "seen to")
    assert critical() == ill


def test_a_viewer_decides_nothing_in_the_admin_site(hold: HeldRow) -> None:
    client = Client()
    client.force_login(User.objects.create_user("victor", is_staff=True))
    assert client.post(f"/admin/registry/heldrow/{hold.pk}/decide/approve/", {"reason": "x"}).status_code == 403
    assert HeldRow.objects.get().state == "open"
