"""Roles in the admin site: what a viewer, an operator and an administrator can open and do, by real requests."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from catalog.breaker import Kind, Target
from catalog.breaker import Scope as HoldScope
from catalog.records.override import Scope
from catalog.records.status import Status
from federation.models import Peer
from federation.peers import trust
from federation.wire import Acceptance
from registry import actions
from registry.access.issuing import create_token
from registry.access.roles import BY_ROLE, Role, complete_groups, permissions, role_of
from registry.breaker import holds
from registry.models import ChangeRow, HeldRow, InstanceRow, OverrideRow, PolicyRow, Region, Token
from registry.tables.held import Member
from registry.verbs.holds import HoldRequest, hold
from tests.registry.admin.conftest import Register
from tests.registry.admin.test_policies import FORM as POLICY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey_url")]

VIEWER, OPERATOR, ADMINISTRATOR = Role
REASON = {"reason": "disk", "expires": "2h", "_do": "1"}
OVERRIDE = {"scope": "zone", "namespace": "default", "zone": "a", "status": "critical", **REASON}
INSTANCE = {"service": "new", "id": "new-1", "namespace": "default", "host": "10.0.1.5", "port": "80", "weight": "1"}
SURE = {"post": "yes"}


def person(role: Role) -> User:
    user = User.objects.create_user(f"a-{role}", is_staff=True)
    user.groups.add(Group.objects.get(name=role.value))
    return user


def browser(role: Role) -> Client:
    client = Client()
    client.force_login(person(role))
    return client


@pytest.fixture
def rows(register: Register) -> None:
    """One row at least of every table of the admin site."""
    for number in range(3):
        register(id=f"user-{number}")
    actions.set_override(
        actions.OverrideRequest(
            scope=Scope.SERVICE, service="user-service", status=Status.WARNING, reason="x", author="x"
        ),
        actor="test",
        cause="test",
    )
    setter = Client()
    setter.force_login(User.objects.create_superuser("root"))
    setter.post("/admin/registry/policyrow/add/", POLICY)
    member = Member("instance/default/user-service/user-1", 1, "http", "refused")
    held = HoldRequest(Target(HoldScope.SERVICE, "default/user-service"), "1 of 3 is too many", (member,), 3, 0)
    hold(Kind.PROBE, [held], lasting=3600.0, whole=False, actor="test", cause="test")
    create_token("ci", ["read"], expires_in=None, actor="test", now=time.time())
    secret = trust.read_token(trust.invite("eu-west", actor="a", now=time.time(), url="http://h")).secret
    trust.admit(secret, Acceptance(region="eu-west", url="http://127.0.0.1:1", secret="s"), now=time.time())
    holds.hold_mirror("eu-west", "eu-west would lose 9 of 10", population=10, now=time.time())


@dataclass(frozen=True)
class Page:
    """A page: of a table, of one of its rows where `row` names one, and the least of the roles that may open it."""

    name: str
    least: Role
    row: Callable[[], Any] | None = None
    more: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return reverse(f"admin:{self.name}", args=((self.row(),) if self.row else ()) + self.more)


def first(model: Any) -> Callable[[], Any]:
    return lambda: model.objects.first().pk


def held_mirror() -> Any:
    return HeldRow.objects.get(kind=Kind.MIRROR).pk


def shown(table: str, model: Any, least: Role) -> list[Page]:
    return [Page(f"{table}_changelist", least), Page(f"{table}_change", least, first(model))]


PAGES = [
    Page("index", VIEWER),
    *shown("registry_instancerow", InstanceRow, VIEWER),
    *shown("registry_overriderow", OverrideRow, VIEWER),
    *shown("registry_policyrow", PolicyRow, VIEWER),
    *shown("registry_heldrow", HeldRow, VIEWER),
    *shown("registry_changerow", ChangeRow, VIEWER),
    *shown("registry_region", Region, VIEWER),
    Page("registry_tombstone_changelist", VIEWER),
    *shown("federation_peer", Peer, VIEWER),
    *shown("registry_token", Token, ADMINISTRATOR),
    *shown("auth_user", User, ADMINISTRATOR),
    *shown("auth_group", Group, ADMINISTRATOR),
    Page("registry_instancerow_add", OPERATOR),
    Page("registry_instancerow_delete", OPERATOR, first(InstanceRow)),
    Page("registry_overriderow_add", OPERATOR),
    Page("registry_overriderow_delete", OPERATOR, first(OverrideRow)),
    Page("registry_policyrow_add", OPERATOR),
    Page("registry_policyrow_delete", OPERATOR, first(PolicyRow)),
    Page("registry_heldrow_decide", OPERATOR, first(HeldRow), ("approve",)),
    Page("registry_heldrow_decide", OPERATOR, first(HeldRow), ("reject",)),
    Page("federation_peer_add", ADMINISTRATOR),
    Page("federation_peer_accept", ADMINISTRATOR),
    Page("federation_peer_delete", ADMINISTRATOR, first(Peer)),
    Page("registry_token_add", ADMINISTRATOR),
    Page("registry_token_delete", ADMINISTRATOR, first(Token)),
    Page("auth_user_add", ADMINISTRATOR),
    Page("auth_group_add", ADMINISTRATOR),
]


def may(role: Role, least: Role) -> bool:
    return list(Role).index(role) >= list(Role).index(least)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("role", Role)
def test_each_page_opens_for_those_who_may_and_for_nobody_else(role: Role) -> None:
    client = browser(role)
    assert {page.path: client.get(page.path).status_code for page in PAGES} == {
        page.path: 200 if may(role, page.least) else 403 for page in PAGES
    }


def test_the_pages_asked_for_are_all_lists_of_the_admin_site() -> None:
    lists = {f"{model._meta.app_label}_{model._meta.model_name}_changelist" for model in django_admin.site._registry}
    assert lists == {page.name for page in PAGES if page.name.endswith("_changelist")}


def action(name: str, model: Any, **more: str) -> Callable[[Client], Any]:
    table = f"{model._meta.app_label}_{model._meta.model_name}"

    def send(client: Client) -> Any:
        chosen = {"action": name, "_selected_action": [model.objects.first().pk], **more}
        return client.post(reverse(f"admin:{table}_changelist"), chosen)

    return send


def sent(page: str, data: dict[str, str], row: Callable[[], Any] | None = None, *more: str) -> Callable[[Client], Any]:
    return lambda client: client.post(Page(page, VIEWER, row, more).path, data)


CORRECTIONS: dict[str, Callable[[Client], Any]] = {
    "take out": action("take_out", InstanceRow, **REASON),
    "drain": action("drain", InstanceRow, **REASON),
    "force passing": action("force_passing", InstanceRow, **REASON),
    "register": sent("registry_instancerow_add", INSTANCE),
    "deregister": sent("registry_instancerow_delete", SURE, first(InstanceRow)),
    "deregister several": action("delete_selected", InstanceRow, **SURE),
    "set an override": sent("registry_overriderow_add", OVERRIDE),
    "clear an override": sent("registry_overriderow_delete", SURE, first(OverrideRow)),
    "clear several": action("delete_selected", OverrideRow, **SURE),
    "set a policy": sent("registry_policyrow_add", POLICY | {"service": "other"}),
    "clear a policy": sent("registry_policyrow_delete", SURE, first(PolicyRow)),
    "clear several policies": action("delete_selected", PolicyRow, **SURE),
    "approve": sent("registry_heldrow_decide", {"reason": "x"}, first(HeldRow), "approve"),
    "reject": sent("registry_heldrow_decide", {"reason": "x"}, first(HeldRow), "reject"),
    "believe a peer": sent("registry_heldrow_decide", {"reason": "x"}, held_mirror, "approve"),
}
ADMINISTRATION: dict[str, Callable[[Client], Any]] = {
    "make a token": sent("registry_token_add", {"name": "new", "scopes": "read", "expires": ""}),
    "revoke a token": sent("registry_token_delete", SURE, first(Token)),
    "revoke several tokens": action("delete_selected", Token, **SURE),
    "invite": sent("federation_peer_add", {"region": "ap-south"}),
    "accept": sent("federation_peer_accept", {"token": "nonsense"}),
    "revoke a peer": sent("federation_peer_delete", SURE, first(Peer)),
    "revoke several peers": action("delete_selected", Peer, **SURE),
    "make a user": sent("auth_user_add", {"username": "new"}),
    "remove a user": sent("auth_user_delete", SURE, first(User)),
}


def everything() -> object:
    """What could have been changed."""
    return (
        ChangeRow.objects.count(),
        *(sorted(map(str, model.objects.values_list())) for model in (HeldRow, Token, Peer)),
        sorted(User.objects.values_list("username")),
    )


def statuses(client: Client, acts: dict[str, Callable[[Client], Any]]) -> dict[str, int]:
    return {name: send(client).status_code for name, send in acts.items()}


@pytest.mark.usefixtures("rows")
def test_a_viewer_is_refused_every_change_and_changes_nothing() -> None:
    client = browser(VIEWER)
    acts, before = CORRECTIONS | ADMINISTRATION, everything()
    assert statuses(client, acts) == dict.fromkeys(acts, 403)
    assert everything() == before


@pytest.mark.usefixtures("rows")
def test_an_operator_is_refused_tokens_peers_and_users() -> None:
    client = browser(OPERATOR)
    before = everything()
    assert statuses(client, ADMINISTRATION) == dict.fromkeys(ADMINISTRATION, 403)
    assert everything() == before


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("role", [OPERATOR, ADMINISTRATOR])
@pytest.mark.parametrize("name", [name for name in CORRECTIONS if name != "believe a peer"])
def test_those_who_may_correct_do(role: Role, name: str) -> None:
    before = everything()
    assert CORRECTIONS[name](browser(role)).status_code == 302
    assert everything() != before


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("name", [name for name in ADMINISTRATION if name not in ("accept", "make a user")])
def test_an_administrator_makes_and_revokes(name: str) -> None:
    before = everything()
    assert ADMINISTRATION[name](browser(ADMINISTRATOR)).status_code in (200, 302)
    assert everything() != before


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("table", ["instancerow", "overriderow", "policyrow"])
def test_a_viewer_is_offered_no_action(table: str) -> None:
    def offered(role: Role) -> bool:
        page = browser(role).get(f"/admin/registry/{table}/").content.decode()
        return 'name="action"' in page or "/add/" in page

    assert (offered(VIEWER), offered(OPERATOR)) == (False, True)


@pytest.mark.usefixtures("rows")
def test_no_page_that_a_viewer_can_open_leads_where_they_may_not_go() -> None:
    client = browser(VIEWER)
    refused = set()
    for page in PAGES:
        if page.least is VIEWER:
            links = set(re.findall(r'href="(/admin/[^"?#]*)"', client.get(page.path).content.decode()))
            refused |= {link for link in links if client.get(link, follow=True).status_code == 403}
    assert refused == set()


def test_a_user_has_the_role_of_their_group() -> None:
    assert [role_of(person(role)) for role in Role] == list(Role)


def test_a_user_without_a_group_is_a_viewer_and_a_superuser_an_administrator() -> None:
    assert role_of(User.objects.create_user("nobody")) is VIEWER
    assert role_of(User.objects.create_superuser("root")) is ADMINISTRATOR


def test_nobody_has_no_role() -> None:
    gone = User.objects.create_superuser("gone", is_active=False)
    assert (role_of(AnonymousUser()), role_of(gone)) == (None, None)


def test_of_several_groups_the_highest_counts() -> None:
    user = person(VIEWER)
    user.groups.add(Group.objects.get(name="operator"))
    assert role_of(user) is OPERATOR


def test_each_role_may_what_the_one_before_may() -> None:
    assert permissions(VIEWER) < permissions(OPERATOR) < permissions(ADMINISTRATOR)


def test_every_permission_of_the_table_exists() -> None:
    known = {f"{one.content_type.app_label}.{one.codename}" for one in Permission.objects.all()}
    assert permissions(ADMINISTRATOR) <= known
    assert all(BY_ROLE[role] for role in Role)


def group_permissions(role: Role) -> set[str]:
    found = Group.objects.get(name=role.value).permissions.all()
    return {f"{one.content_type.app_label}.{one.codename}" for one in found}


def test_after_a_migration_the_groups_have_the_permissions_of_the_table() -> None:
    Group.objects.all().delete()
    Permission.objects.all().delete()
    call_command("migrate", interactive=False, verbosity=0)
    assert {role: group_permissions(role) for role in Role} == {role: permissions(role) for role in Role}


def test_what_an_administrator_added_to_a_group_stays() -> None:
    added = Permission.objects.get(codename="view_token")
    Group.objects.get(name="viewer").permissions.add(added)
    complete_groups()
    assert group_permissions(VIEWER) == permissions(VIEWER) | {"registry.view_token"}
