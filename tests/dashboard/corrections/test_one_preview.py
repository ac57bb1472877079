"""REST, the admin site and the dashboard preview an override by the one query, so they cannot contradict each other."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from registry import actions
from registry.corrections import preview
from tests.harness.dashboard.correcting import EU, FORM, Enrol, TableDesk, at, text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]

STANDS_IN = "eu-west would answer instead"


@pytest.fixture(params=["the view of a server", "the tables"])
def _seen(request: pytest.FixtureRequest, desk: TableDesk) -> Iterator[None]:
    """Where REST and the admin site look: a process without a view reads the tables."""
    preview.share(desk.view if request.param == "the view of a server" else None)
    yield
    preview.share(None)


@pytest.fixture
def admin(desk: TableDesk) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def _one_here_and_one_there(desk: TableDesk, enrol: Enrol, _seen: None) -> None:
    desk.register_far("web", "far")
    desk.mirror_far()
    enrol("web", "near")
    desk.catch_up()


def fail_over(desk: TableDesk) -> None:
    request = actions.PolicyRequest(order=(EU,))
    actions.set_policy(request, service="web", namespace="default", actor="test", cause="needed")
    desk.catch_up()


def rest() -> dict[str, Any]:
    body = {"scope": "service", "service": "web", "status": "critical", "reason": "x"}
    answer = Client().post("/api/v1/overrides/preview", body, content_type="application/json")
    found: dict[str, Any] = answer.json()
    return found


def in_admin(client: Client) -> str:
    form = {"scope": "service", "namespace": "default", "service": "web", "status": "critical", "reason": "x"}
    return text(client.post("/admin/registry/overriderow/add/", {**form, "expires": "30m", "_preview": "1"}))


def on_dashboard(client: Client) -> str:
    return text(client.post(at("override", scope="service", service="web"), FORM))


@pytest.mark.usefixtures("_one_here_and_one_there")
def test_where_another_region_stands_in_all_three_say_so(desk: TableDesk, alice: Client, admin: Client) -> None:
    fail_over(desk)
    found, page = rest(), in_admin(admin)
    assert (found["emptied"], found["taken_out"]) == ([], ["default/web/near"])
    assert found["stands_in"] == [EU]
    assert f"1 of 1 taken out; {STANDS_IN}" in page
    assert "nothing for" not in page
    shown = on_dashboard(alice)
    assert "1 instance no longer returned" in shown
    assert f"By failover policy {EU} takes over." in shown
    assert "nothing at all" not in shown


@pytest.mark.usefixtures("_one_here_and_one_there")
def test_without_a_policy_all_three_say_that_nothing_is_left(alice: Client, admin: Client) -> None:
    found = rest()
    assert (found["emptied"], found["stands_in"]) == (["default/web"], [])
    assert "Lookups would get nothing for: default/web" in in_admin(admin)
    assert "1 lookup would return no instance" in on_dashboard(alice)


@pytest.mark.usefixtures("_one_here_and_one_there")
def test_emptying_need_not_be_agreed_to_in_admin_where_another_region_stands_in(desk: TableDesk, admin: Client) -> None:
    fail_over(desk)
    form = {"scope": "service", "namespace": "default", "service": "web", "status": "critical", "reason": "x"}
    assert admin.post("/admin/registry/overriderow/add/", {**form, "expires": "30m", "_do": "1"}).status_code == 302
