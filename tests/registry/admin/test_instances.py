"""Instances in the admin site: looked at, taken out, drained, forced, registered and deregistered, all by verbs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from registry import actions
from registry.models import ChangeRow, InstanceRow, OverrideRow
from tests.registry.admin.conftest import agreed, text

LIST = "/admin/registry/instancerow/"
ADD = f"{LIST}add/"
FORM = {
    "service": "user-service",
    "id": "user-1",
    "namespace": "default",
    "host": "10.0.1.5",
    "port": "8080",
    "weight": "1",
}


def act(client: Client, action: str, rows: list[InstanceRow], **more: str) -> Any:
    """What the list sends when an action is chosen; with `_do` what the page between sends."""
    between = {} if "_do" in more else {"index": "0"}
    return client.post(
        LIST, {"action": action, "_selected_action": [row.pk for row in rows], **between, **more}, follow=True
    )


def act_agreeing(client: Client, action: str, rows: list[InstanceRow], **form: str) -> Any:
    """The same, with consent to what the page says would be emptied."""
    asked = act(client, action, rows, _do="1", **form)
    return act(client, action, rows, _do="1", **form, empty_ok=agreed(asked))


def last_changes(number: int) -> list[tuple[str, str, str, str]]:
    rows = ChangeRow.objects.order_by("-index")[:number]
    return [(row.verb, row.key, row.actor, row.cause) for row in reversed(rows)]


@pytest.mark.parametrize(
    ("action", "status", "weight"),
    [("take_out", "critical", None), ("drain", "", 0), ("force_passing", "passing", None)],
)
def test_a_bulk_action_sets_an_override_for_each_through_the_verb(
    admin: Client, register: Callable[..., InstanceRow], action: str, status: str, weight: int | None
) -> None:
    rows = [register(id=f"user-{number}") for number in range(3)]
    act(admin, action, rows[:2], _do="1", reason="disk", expires="2h")
    found = OverrideRow.objects.order_by("instance")
    assert [(row.instance, row.status, row.weight, row.author) for row in found] == [
        ("user-0", status, weight, "alice"),
        ("user-1", status, weight, "alice"),
    ]
    assert all(7190 < row.expires_at - row.created_at <= 7200 for row in found if row.expires_at)
    assert [(verb, actor, cause) for verb, _, actor, cause in last_changes(2)] == [
        ("set_override", "admin:alice@127.0.0.1/admin", "disk")
    ] * 2


def test_the_page_between_shows_what_would_happen_and_does_nothing(
    admin: Client, register: Callable[..., InstanceRow]
) -> None:
    rows = [register(id="user-1", zone="a"), register(id="user-2", zone="b")]
    page = text(act(admin, "drain", rows[:1]))
    assert "What it would do" in page
    assert "1 of 1 taken out; every service keeps at least one instance." in page
    assert "user-service/user-1 a passing 1 → 0 taken out" in page
    assert not OverrideRow.objects.exists()


@pytest.mark.parametrize("given", [{}, {"reason": "  "}, {"reason": "x" * 501}, {"reason": "x", "expires": "1y"}])
def test_without_a_reason_and_an_end_nothing_happens(
    admin: Client, register: Callable[..., InstanceRow], given: dict[str, str]
) -> None:
    rows = [register(id="user-1"), register(id="user-2")]
    page = text(act(admin, "take_out", rows[:1], _do="1", **{"expires": "30m", **given}))
    assert "Nothing was done yet" in page
    assert not OverrideRow.objects.exists()


def test_emptying_a_service_has_to_be_said(admin: Client, register: Callable[..., InstanceRow]) -> None:
    rows = [register(id="user-1"), register(id="user-2")]
    page = text(act(admin, "take_out", rows, _do="1", reason="x", expires="30m"))
    assert "Lookups would get nothing for: default/user-service" in page
    assert not OverrideRow.objects.exists()
    act_agreeing(admin, "take_out", rows, reason="x", expires="30m")
    assert OverrideRow.objects.count() == 2


def test_an_override_until_cleared_has_no_end(admin: Client, register: Callable[..., InstanceRow]) -> None:
    rows = [register(id="user-1"), register(id="user-2")]
    act(admin, "drain", rows[:1], _do="1", reason="x", expires="until cleared")
    assert OverrideRow.objects.get().expires_at is None


def test_deregistering_many_is_a_change_for_each(admin: Client, register: Callable[..., InstanceRow]) -> None:
    rows = [register(id=f"user-{number}") for number in range(3)]
    page = text(act(admin, "delete_selected", rows))
    assert "user-service/user-0 at 10.0.1.5:8080, passing" in page
    assert "and with that the last instance of default/user-service" in page
    act(admin, "delete_selected", rows, _do="1", post="yes")
    assert not InstanceRow.objects.exists()
    assert [(verb, key, actor) for verb, key, actor, _ in last_changes(3)] == [
        ("deregister", f"instance/default/user-service/user-{number}", "admin:alice@127.0.0.1/admin")
        for number in range(3)
    ]


def test_deregistering_one_goes_through_the_verb(admin: Client, register: Callable[..., InstanceRow]) -> None:
    row = register()
    assert "user-service/user-1 at 10.0.1.5:8080" in text(admin.get(f"{LIST}{row.pk}/delete/"))
    admin.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert [verb for verb, *_ in last_changes(2)] == ["register", "deregister"]


def test_one_refusal_undoes_the_whole_bulk_action(
    admin: Client, register: Callable[..., InstanceRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [register(id=f"user-{number}") for number in range(2)]
    from registry.admin.instances import InstanceAdmin

    delete_model = InstanceAdmin.delete_model

    def overtaken(page: InstanceAdmin, request: Any, row: InstanceRow) -> None:
        if row.instance_id == "user-1":  # somebody else is quicker
            actions.deregister(namespace="default", service="user-service", id="user-1", actor="test", cause="x")
        delete_model(page, request, row)

    monkeypatch.setattr(InstanceAdmin, "delete_model", overtaken)
    page = text(act(admin, "delete_selected", rows, _do="1", post="yes"))
    assert "Nothing was done: user-service/user-1 was removed since epoch 1" in page
    assert InstanceRow.objects.count() == 2
    assert ChangeRow.objects.count() == 2


def test_a_registration_goes_through_the_verb(admin: Client) -> None:
    admin.post(
        ADD,
        {
            **FORM, "tags": "primary, eu", "metadata": "team=accounts\nnote=a=b", "ports": "grpc=50051",
            "lease_ttl": "15s", "deregister_critical_after": "10m",
            "checks": '[{"type": "http", "url": "http://10.0.1.5:8080/health"}]',
        },
    )  # fmt: skip
    instance = InstanceRow.objects.get().instance
    assert (instance.tags, instance.metadata, instance.ports) == (
        ("primary", "eu"), {"note": "a=b", "team": "accounts"}, {"grpc": 50051},
    )  # fmt: skip
    assert instance.lease is not None
    assert (instance.lease.ttl, instance.deregister_critical_after, instance.checks[0].name) == (15.0, 600.0, "http")
    assert last_changes(1)[0][0] == "register"
    assert last_changes(1)[0][2:] == ("admin:alice@127.0.0.1/admin", "registered in the admin site")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"service": "user_service"}, "'user_service' cannot be a DNS label"),
        ({"id": "-"}, "cannot be an instance id"),
        ({"host": "not a host"}, "is neither an IP address nor a host name"),
        ({"port": "0"}, "0 is not a port"),
        ({"port": "70000"}, "70000 is not a port"),
        ({"weight": "0"}, "0 is not a weight"),
        ({"lease_ttl": "soon"}, "'soon' is not a duration"),
        ({"checks": "{"}, "is not JSON"),
        ({"checks": '{"type": "tcp"}'}, "must be a JSON list"),
        ({"checks": '[{"type": "http"}]'}, "checks[0].url: a http check needs url"),
        ({"checks": '[{"type": "tcp", "colour": "red"}]'}, "colour"),
        ({"metadata": "team"}, "'team' is not of the form name=value"),
        ({"ports": "grpc=many"}, "'many' is not a port"),
        ({"deregister_critical_after": "x"}, "'x' is not a duration"),
    ],
)
def test_a_bad_registration_is_refused_on_the_form_and_changes_nothing(
    admin: Client, given: dict[str, str], complaint: str
) -> None:
    page = text(admin.post(ADD, {**FORM, **given}))
    assert complaint in page
    assert not ChangeRow.objects.exists()


def test_the_page_of_an_instance_tells_everything_about_it(admin: Client, register: Callable[..., InstanceRow]) -> None:
    row = register(
        tags=["primary"], metadata={"team": "accounts"}, lease={"ttl": "15s"}, checks=[{"type": "ttl", "ttl": "30s"}]
    )
    act_agreeing(admin, "drain", [row], reason="disk", expires="1d")
    page = text(admin.get(f"{LIST}{row.pk}/change/"))
    for told in (
        "unknown drained",
        "renews within 15s",
        "ttl ttl unknown",
        "primary",
        "team accounts",
        "disk",
        "register test",
    ):
        assert told in page


def test_the_list_shows_what_an_override_makes_of_a_status(admin: Client, register: Callable[..., InstanceRow]) -> None:
    rows = [register(id="user-1"), register(id="user-2")]
    act(admin, "take_out", rows[:1], _do="1", reason="x", expires="30m")
    page = text(admin.get(LIST))
    assert "user-1 passing → critical by override" in page
    assert "user-2 passing 0 s ago" in page


def test_the_list_costs_the_same_queries_however_long_it_is(
    admin: Client, register: Callable[..., InstanceRow], django_assert_max_num_queries: Any
) -> None:
    register()
    with django_assert_max_num_queries(12):
        admin.get(LIST)
    for number in range(40):
        register(id=f"user-{number}")
    with django_assert_max_num_queries(12):
        assert "user-39" in text(admin.get(LIST))


@pytest.mark.parametrize(("query", "found"), [("user", True), ("gold", True), ("silver", False)])
def test_the_search_looks_into_metadata(
    admin: Client, register: Callable[..., InstanceRow], query: str, found: bool
) -> None:
    register(metadata={"team": "Gold"})
    assert ("10.0.1.5:8080" in text(admin.get(f"{LIST}?q={query}"))) is found


def test_markup_in_a_record_is_shown_as_text(admin: Client, register: Callable[..., InstanceRow]) -> None:
    evil = "<script>alert(1)</script>"
    row = register(tags=[evil], metadata={evil: evil})
    act_agreeing(admin, "drain", [row], reason=evil, expires="1d")
    for path in (LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/delete/", "/admin/registry/overriderow/", "/admin/"):
        assert evil.encode() not in admin.get(path).content, path
    assert "<script>alert(1)</script>" in text(admin.get(f"{LIST}{row.pk}/change/"))


def test_whoever_may_only_look_can_change_nothing(viewer: Client, register: Callable[..., InstanceRow]) -> None:
    row = register()
    before = ChangeRow.objects.count()
    assert viewer.get(LIST).status_code == 200
    assert viewer.get(f"{LIST}{row.pk}/change/").status_code == 200
    assert viewer.get(ADD).status_code == 403
    assert viewer.post(ADD, FORM).status_code == 403
    assert viewer.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    for action in ("take_out", "drain", "force_passing", "delete_selected"):
        act(viewer, action, [row], _do="1", post="yes", reason="x", expires="1d", empty_ok="x" * 16)
    assert ChangeRow.objects.count() == before


def test_a_record_cannot_be_edited_field_by_field(admin: Client, register: Callable[..., InstanceRow]) -> None:
    row = register()
    assert admin.post(f"{LIST}{row.pk}/change/", {"host": "6.6.6.6"}).status_code == 403
    assert InstanceRow.objects.get().host == "10.0.1.5"


def test_too_many_at_once_are_sent_to_a_wider_override(admin: Client, register: Callable[..., InstanceRow]) -> None:
    page = text(act(admin, "drain", []))
    assert "Items must be selected" in page
