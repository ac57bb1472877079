"""The other pages of the admin site, and the walls around the tables."""

import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin as django_admin
from django.test import Client

from registry.models import ChangeRow, InstanceRow, OverrideRow, Token
from registry.tables.sealed import Sealed
from tests.registry.admin.conftest import text

TABLES = ("instancerow", "overriderow", "policyrow", "heldrow", "changerow", "token", "region", "tombstone")


def test_every_table_of_the_registry_is_in_the_admin_site() -> None:
    assert {model._meta.model_name for model in apps.get_app_config("registry").get_models()} == set(TABLES)
    for model in apps.get_app_config("registry").get_models():
        assert django_admin.site.is_registered(model)


@pytest.mark.parametrize("table", TABLES)
def test_every_list_opens_and_can_be_searched(admin: Client, register: Callable[..., InstanceRow], table: str) -> None:
    register()
    assert admin.get(f"/admin/registry/{table}/").status_code == 200
    assert admin.get(f"/admin/registry/{table}/?q=user").status_code == 200


def test_the_first_page_explains_and_puts_the_registry_first(admin: Client) -> None:
    page = text(admin.get("/admin/"))
    assert "Overrides are your word over what instances report" in page
    assert page.index("Instances Add") < page.index("Users")


def test_a_change_shows_before_and_after(admin: Client, register: Callable[..., InstanceRow]) -> None:
    register(version="1")
    register(version="2")
    change = ChangeRow.objects.get(index=2)
    page = text(admin.get(f"/admin/registry/changerow/{change.pk}/change/"))
    assert "Field Before After version 1 2" in page


def test_the_log_can_be_read_only(admin: Client, register: Callable[..., InstanceRow]) -> None:
    register()
    change = ChangeRow.objects.get()
    assert admin.get("/admin/registry/changerow/add/").status_code == 403
    assert admin.post(f"/admin/registry/changerow/{change.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin.post(f"/admin/registry/changerow/{change.pk}/change/", {"cause": "x"}).status_code == 403


def test_the_history_of_one_record_is_a_link_away(admin: Client, register: Callable[..., InstanceRow]) -> None:
    row = register()
    register("order-service", "order-1")
    page = text(admin.get(f"/admin/registry/changerow/?key={row.key}"))
    assert "user-service/user-1" in page
    assert "order-1" not in page


WRITES: list[Callable[[Any], object]] = [
    lambda model: model.objects.all().delete(),
    lambda model: model.objects.update(region="x"),
    lambda model: model.objects.create(region="x"),
    lambda model: model.objects.bulk_create([]),
    lambda model: model.objects.first().save(),
    lambda model: model.objects.first().delete(),
]


@pytest.mark.parametrize("model", [InstanceRow, OverrideRow])
@pytest.mark.parametrize("write", WRITES)
def test_the_framework_cannot_write_the_catalog(
    admin: Client, register: Callable[..., InstanceRow], model: Any, write: Callable[[Any], object]
) -> None:
    register()
    form = {"scope": "zone", "namespace": "default", "zone": "x", "status": "critical", "reason": "x", "expires": "1d"}
    admin.post("/admin/registry/overriderow/add/", {**form, "_do": "1"})
    with pytest.raises(Sealed):
        write(model)


@pytest.mark.parametrize("write", [write for number, write in enumerate(WRITES) if number != 0])
def test_the_log_cannot_be_rewritten(register: Callable[..., InstanceRow], write: Callable[[Any], object]) -> None:
    register()
    with pytest.raises(Sealed):
        write(ChangeRow)


def test_a_token_is_made_and_its_secret_shown_once(admin: Client) -> None:
    form = {"name": "ci", "scopes": "read, write:user-", "expires": "90d"}
    made = admin.post("/admin/registry/token/add/", form)
    token = Token.objects.get()
    assert (token.scopes, token.created_by) == ("read write:user-", "admin:alice@127.0.0.1/admin")
    assert f"mrd_{token.id}_" in text(made)
    assert "no-store" in made["Cache-Control"]
    for path in ("/admin/registry/token/", f"/admin/registry/token/{token.id}/change/"):
        assert f"mrd_{token.id}_" not in text(admin.get(path))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [({"name": "a b"}, "must be one word"), ({"scopes": "all"}, "'all' is no scope"), ({"name": ""}, "required")],
)
def test_a_bad_token_is_refused_on_the_form(admin: Client, given: dict[str, str], complaint: str) -> None:
    form = {"name": "ci", "scopes": "read", "expires": "90d", **given}
    assert complaint in text(admin.post("/admin/registry/token/add/", form))
    assert not Token.objects.exists()


def test_a_taken_name_is_refused_on_the_form(admin: Client) -> None:
    form = {"name": "ci", "scopes": "read", "expires": ""}
    admin.post("/admin/registry/token/add/", form)
    assert "a token named 'ci' exists already" in text(admin.post("/admin/registry/token/add/", form))
    assert Token.objects.count() == 1


def test_revoking_keeps_the_row(admin: Client) -> None:
    admin.post("/admin/registry/token/add/", {"name": "ci", "scopes": "read", "expires": ""})
    token = Token.objects.get()
    admin.post(f"/admin/registry/token/{token.id}/delete/", {"post": "yes"})
    token.refresh_from_db()
    assert (token.revoked_at is not None, token.revoked_by) == (True, "admin:alice@127.0.0.1/admin")


def test_only_a_superuser_makes_tokens(viewer: Client) -> None:
    assert viewer.post("/admin/registry/token/add/", {"name": "ci", "scopes": "operator"}).status_code == 403


def test_nobody_sees_anything_without_signing_in(client: Client, db: None) -> None:
    for table in TABLES:
        answer = client.get(f"/admin/registry/{table}/")
        assert (answer.status_code, answer["Location"].startswith("/admin/login/")) == (302, True)


def test_every_page_leads_to_the_dashboard(admin: Client) -> None:
    for path in ("/admin/", "/admin/registry/instancerow/", "/admin/registry/overriderow/add/"):
        page = admin.get(path).content.decode()
        assert '<a class="to-dashboard" href="/dashboard/">Dashboard</a>' in page
        assert '<a href="/dashboard/">View site</a>' in page


@pytest.mark.parametrize("query", ["", "?status__exact=passing&q=user"])
def test_after_removing_one_is_back_on_the_list_as_it_was(
    admin: Client, register: Callable[..., InstanceRow], query: str
) -> None:
    register()
    page = admin.get(f"/admin/registry/instancerow/{query}").content.decode()
    chosen = follow(admin, page, r'href="([^"]*/change/[^"]*)"')
    removing = re.search(r'href="([^"]*/delete/[^"]*)"', chosen.content.decode())
    assert removing is not None
    assert f'href="/admin/registry/instancerow/{escape(query)}" class="button cancel-link"' in (
        admin.get(unescape(removing[1])).content.decode()
    )
    done = admin.post(unescape(removing[1]), {"post": "yes"})
    assert (done.status_code, done["Location"]) == (302, f"/admin/registry/instancerow/{query}")
    assert "Deregister: done for user-service/user-1" in text(admin.get(done["Location"]))
    assert not InstanceRow.objects.exists()


def follow(client: Client, page: str, link: str) -> Any:
    found = re.search(link, page)
    assert found is not None
    return client.get(unescape(found[1]))
