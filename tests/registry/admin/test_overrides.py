"""Overrides in the admin site: set with a preview, listed, cleared."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from registry.models import ChangeRow, InstanceRow, OverrideRow
from tests.registry.admin.conftest import agreed, text

LIST = "/admin/registry/overriderow/"
ADD = f"{LIST}add/"
FORM = {"scope": "zone", "namespace": "default", "zone": "a", "status": "critical", "reason": "power", "expires": "30m"}


@pytest.fixture
def _two_zones(register: Callable[..., InstanceRow]) -> None:
    register(id="user-1", zone="a")
    register(id="user-2", zone="b")


def test_setting_goes_through_the_verb(admin: Client) -> None:
    admin.post(ADD, {**FORM, "_do": "1"})
    row, change = OverrideRow.objects.get(), ChangeRow.objects.get()
    assert (row.scope, row.zone, row.status, row.weight, row.author) == ("zone", "a", "critical", None, "alice")
    assert (change.verb, change.actor, change.cause) == ("set_override", "admin:alice@127.0.0.1/admin", "power")


@pytest.mark.usefixtures("_two_zones")
def test_a_preview_does_nothing_but_tell(admin: Client) -> None:
    page = text(admin.post(ADD, {**FORM, "_preview": "1"}))
    assert "user-service/user-1 a passing → critical 1 taken out" in page
    assert "Nothing was done yet" not in page
    assert not OverrideRow.objects.exists()


BAD = [
    ({"reason": ""}, "Say why: others will ask."),
    ({"zone": ""}, "an override of scope zone needs it"),
    ({"instance": "user-1"}, "an override of scope zone has no instance"),
    ({"status": ""}, "an override needs a status or a weight"),
    ({"status": "unknown"}, "Select a valid choice"),
    ({"weight": "-1"}, "greater than or equal to 0"),
    ({"namespace": "a_b"}, "cannot be a DNS label"),
    ({"scope": "service", "zone": "", "service": "a_b"}, "cannot be a DNS label"),
    ({"expires": "never ever"}, "Select a valid choice"),
]


@pytest.mark.parametrize("button", ["_do", "_preview"])
@pytest.mark.parametrize(("given", "complaint"), BAD)
def test_a_bad_override_is_refused_on_the_form(
    admin: Client, given: dict[str, str], complaint: str, button: str
) -> None:
    page = text(admin.post(ADD, {**FORM, **given, button: "1"}))
    assert complaint in page
    assert not ChangeRow.objects.exists()


@pytest.mark.usefixtures("_two_zones")
def test_emptying_a_service_has_to_be_said(admin: Client) -> None:
    whole = {**FORM, "scope": "service", "zone": "", "service": "user-service", "_do": "1"}
    asked = admin.post(ADD, whole)
    assert "Lookups would get no instance at all" in text(asked)
    assert not OverrideRow.objects.exists()
    admin.post(ADD, {**whole, "empty_ok": agreed(asked)})
    assert OverrideRow.objects.count() == 1


@pytest.mark.usefixtures("_two_zones")
def test_consent_to_emptying_one_service_is_none_to_emptying_another(
    admin: Client, register: Callable[..., InstanceRow]
) -> None:
    register("order-service", "order-1", zone="a")
    whole = {**FORM, "scope": "service", "zone": "", "service": "user-service", "_do": "1"}
    seal = agreed(admin.post(ADD, whole))
    admin.post(ADD, {**whole, "service": "order-service", "empty_ok": seal})
    assert not OverrideRow.objects.exists()


def test_a_link_may_bring_the_fields_along(admin: Client) -> None:
    page = admin.get(f"{ADD}?scope=instance&service=user-service&instance=user-1").content.decode()
    assert 'value="user-service"' in page
    assert 'value="user-1"' in page


@pytest.fixture
def override(admin: Client) -> OverrideRow:
    admin.post(ADD, {**FORM, "_do": "1"})
    return OverrideRow.objects.get()


def test_clearing_one_goes_through_the_verb(admin: Client, override: OverrideRow) -> None:
    assert "zone a: critical (power)" in text(admin.get(f"{LIST}{override.pk}/delete/"))
    admin.post(f"{LIST}{override.pk}/delete/", {"post": "yes"})
    change = ChangeRow.objects.latest("index")
    assert (change.verb, change.record, change.actor) == ("clear_override", None, "admin:alice@127.0.0.1/admin")
    assert not OverrideRow.objects.exists()


def test_clearing_many_is_a_change_for_each(admin: Client, override: OverrideRow) -> None:
    admin.post(ADD, {**FORM, "zone": "b", "_do": "1"})
    chosen = [row.pk for row in OverrideRow.objects.all()]
    admin.post(LIST, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})
    assert not OverrideRow.objects.exists()
    verbs = list(ChangeRow.objects.order_by("index").values_list("verb", flat=True))
    assert verbs == ["set_override", "set_override", "clear_override", "clear_override"]


def test_the_list_and_the_page_tell_who_why_and_until_when(admin: Client, override: OverrideRow) -> None:
    for path in (LIST, f"{LIST}{override.pk}/change/"):
        page = text(admin.get(path))
        assert all(told in page for told in ("zone a", "critical", "power", "alice", "in 29 min", "live")), path


def test_an_override_cannot_be_edited(admin: Client, override: OverrideRow) -> None:
    assert admin.post(f"{LIST}{override.pk}/change/", {"reason": "other"}).status_code == 403


def test_whoever_may_only_look_can_neither_set_nor_clear(viewer: Client, override: OverrideRow) -> None:
    assert viewer.post(ADD, {**FORM, "_do": "1"}).status_code == 403
    assert viewer.post(f"{LIST}{override.pk}/delete/", {"post": "yes"}).status_code == 403
    assert OverrideRow.objects.count() == 1


def test_the_form_works_without_its_script(admin: Client) -> None:
    page: Any = admin.get(ADD).content.decode()
    assert '<script src="/static/registry/override.js" defer></script>' in page
    for name in ("service", "instance", "zone", "tag"):
        assert f'name="{name}"' in page
