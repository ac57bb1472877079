"""Failover policies and opinions about other regions in the admin site."""

from collections.abc import Callable

import msgspec
import pytest
from django.test import Client

from catalog.change import encode
from catalog.records.check import Check, CheckType, Verdict
from catalog.records.status import Status
from registry.checks.results import known_checks
from registry.models import ChangeRow, InstanceRow, OverrideRow, PolicyRow
from tests.registry.admin.conftest import text

LIST = "/admin/registry/policyrow/"
ADD = f"{LIST}add/"
FORM = {
    "service": "web", "namespace": "default", "min_healthy": "2", "min_share": "0.5", "order": "eu-west, ap-south",
    "nearest": "0", "stale": "demote", "stale_after": "1m", "hold_down": "30s", "reason": "before the move",
}  # fmt: skip


def test_setting_goes_through_the_verb(admin: Client) -> None:
    admin.post(ADD, FORM)
    policy, change = PolicyRow.objects.get().policy, ChangeRow.objects.get()
    assert (policy.order, policy.min_healthy, policy.hold_down) == (("eu-west", "ap-south"), 2, 30.0)
    assert (change.verb, change.actor, change.cause) == ("set_policy", "admin:alice@127.0.0.1/admin", "before the move")


def test_the_list_says_what_a_policy_does(admin: Client) -> None:
    admin.post(ADD, FORM)
    page = text(admin.get(LIST))
    assert "fewer than 2, or less than 50%" in page
    assert "eu-west, then ap-south" in page
    assert "taken last after 1m" in page


def test_the_form_begins_with_the_policy_that_stands(admin: Client) -> None:
    admin.post(ADD, FORM)
    assert b'value="eu-west, ap-south"' in admin.get(f"{ADD}?service=web").content


def test_a_policy_is_cleared(admin: Client) -> None:
    admin.post(ADD, FORM)
    admin.post(f"{LIST}{PolicyRow.objects.get().pk}/delete/", {"post": "yes"})
    assert not PolicyRow.objects.exists()
    assert ChangeRow.objects.latest("index").verb == "clear_policy"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"order": "us-east"}, "us-east is home"),
        ({"order": ""}, "name the regions"),
        ({"hold_down": "soon"}, "is not a duration"),
        ({"reason": ""}, "This field is required"),
    ],
)
def test_a_wrong_policy_is_complained_about(admin: Client, wrong: dict[str, str], complaint: str) -> None:
    assert complaint in text(admin.post(ADD, {**FORM, **wrong}))
    assert not PolicyRow.objects.exists()


def test_who_may_only_look_sets_nothing(viewer: Client) -> None:
    assert viewer.post(ADD, FORM).status_code == 403


def test_a_region_is_evacuated_by_one_form(admin: Client) -> None:
    form = {"scope": "region", "namespace": "default", "target": "eu-west", "status": "critical", "reason": "loss"}
    admin.post("/admin/registry/overriderow/add/", {**form, "expires": "2h", "_do": "1"})
    row = OverrideRow.objects.get()
    assert (row.scope, row.target, row.override.is_opinion) == ("region", "eu-west", True)
    assert "region eu-west, for lookups in us-east" in text(admin.get("/admin/registry/overriderow/"))


@pytest.fixture
def mirrored(register: Callable[..., InstanceRow]) -> InstanceRow:
    """An instance of another region, of the same name as one of this region."""
    own = register()
    record = msgspec.structs.replace(own.instance, region="eu-west")
    fields = {field.name: getattr(own, field.name) for field in InstanceRow._meta.fields if field.name != "id"}
    row = InstanceRow(**{**fields, "region": "eu-west", "record": encode(record).decode()})
    row.save_base(force_insert=True)
    return row


def test_taking_out_an_instance_of_another_region_is_an_opinion(admin: Client, mirrored: InstanceRow) -> None:
    chosen = {"action": "take_out", "_selected_action": str(mirrored.pk), "_do": "1"}
    reason = {"reason": "bad rack", "expires": "30m"}
    admin.post("/admin/registry/instancerow/", {**chosen, **reason})
    assert OverrideRow.objects.get().target == "eu-west"


def test_an_instance_of_another_region_is_not_deregistered_here(admin: Client, mirrored: InstanceRow) -> None:
    admin.post(f"/admin/registry/instancerow/{mirrored.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": str(mirrored.pk), "post": "yes"}
    admin.post("/admin/registry/instancerow/", chosen)
    assert InstanceRow.objects.count() == 2


def test_the_checks_of_another_regions_instance_are_as_their_region_says(
    mirrored: InstanceRow,
) -> None:
    record = msgspec.structs.replace(mirrored.instance, checks=(HTTP,), verdicts=(Verdict("http", Status.PASSING),))
    [[known]] = known_checks([record], now=0.0)
    assert (known.status, known.result) == (Status.PASSING, None)


HTTP = Check(name="http", type=CheckType.HTTP, url="http://10.0.1.5/")
