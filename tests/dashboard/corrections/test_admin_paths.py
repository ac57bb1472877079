"""The admin site as people use it, in a real browser: signing in, looking, correcting, and undoing what was done."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.calls import answered, call, register
from tests.harness.dashboard.axe import axe
from tests.harness.dashboard.browser import PHONE, Tabs, Troubles, picture, signed_in, visit
from tests.harness.dashboard.people import ADMINISTRATOR, OPERATOR, VIEWER
from tests.harness.region import Region
from tests.harness.waiting import eventually

INSTANCES = "/admin/registry/instancerow/"
OVERRIDES = "/admin/registry/overriderow/"
PAGES = {
    "sign-in": "/admin/login/",
    "index": "/admin/",
    "instances": INSTANCES,
    "register": f"{INSTANCES}add/",
    "overrides": OVERRIDES,
    "override": f"{OVERRIDES}add/",
    "policies": "/admin/registry/policyrow/",
    "policy": "/admin/registry/policyrow/add/",
    "held": "/admin/registry/heldrow/",
    "changes": "/admin/registry/changerow/",
    "tokens": "/admin/registry/token/",
    "token": "/admin/registry/token/add/",
    "regions": "/admin/registry/region/",
    "tombstones": "/admin/registry/tombstone/",
    "peers": "/admin/federation/peer/",
    "users": "/admin/auth/user/",
    "new-user": "/admin/auth/user/add/",
    "user": "/admin/auth/user/1/change/",
    "roles": "/admin/auth/group/",
    "password": "/admin/password_change/",
}
# The framework's own widgets, by the rule of axe that they break: the hints beside the two halves of a choice of many,
# and the two fields of a moment, which have one label for both.
FRAMEWORK = {"aria-prohibited-attr": "span.help-tooltip", "label": "input.vDateField, input.vTimeField"}


def row(page: Page, name: str) -> Locator:
    """The row of a list in which the name stands."""
    return page.locator("#result_list tbody tr").filter(has_text=name)


def choose(page: Page, name: str, action: str) -> None:
    """Tick the row with this name, and go on with the action."""
    row(page, name).get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label=action)
    page.get_by_role("button", name="Go").click()


def served(region: Region, service: str, ids: list[str]) -> None:
    """Wait until lookups return these instances and no other."""
    eventually(lambda: answered(region, service) == ids, what=f"{service} is answered with {ids}")


def test_somebody_signs_in_by_keyboard_alone(page: Page) -> None:
    visit(page, "/admin/")
    page.keyboard.type(OPERATOR.name)
    page.keyboard.press("Tab")
    page.keyboard.type(OPERATOR.password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")
    expect(page.locator("#user-tools")).to_contain_text(OPERATOR.name, ignore_case=True)


def test_a_wrong_password_is_said(page: Page) -> None:
    visit(page, "/admin/login/")
    page.get_by_label("Username").fill(OPERATOR.name)
    page.get_by_label("Password").fill("what was it again")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".errornote")).to_contain_text("correct username and password")


def test_who_signs_out_is_out(page: Page) -> None:
    signed_in(page, VIEWER)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in again")).to_be_visible()
    visit(page, INSTANCES)
    expect(page.get_by_label("Password")).to_be_visible()


def test_instances_are_listed_and_filtered_by_status(tabs: Tabs) -> None:
    page = visit(tabs(VIEWER), INSTANCES)
    expect(row(page, "web-1")).to_contain_text("passing")
    page.locator("#changelist-filter").get_by_role("link", name="critical").click()
    expect(row(page, "billing-2")).to_contain_text("critical")
    expect(row(page, "web-1")).to_have_count(0)


def test_an_instance_is_found_by_a_word(tabs: Tabs) -> None:
    page = visit(tabs(VIEWER), INSTANCES)
    page.get_by_label("Words").fill("smtp")
    page.get_by_role("button", name="Search").click()
    expect(row(page, "mail-1")).to_be_visible()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)


def test_an_instance_is_put_out_of_service_and_back(tabs: Tabs, region: Region) -> None:
    for number in (1, 2):
        register(region, "shop", f"shop-{number}")
    served(region, "shop", ["shop-1", "shop-2"])
    page = visit(tabs(OPERATOR), f"{INSTANCES}?q=shop")
    choose(page, "shop-1", "Take out of service…")
    preview = page.get_by_role("region", name="What it would do")
    expect(preview.get_by_role("row", name="shop/shop-1")).to_contain_text("passing → critical")
    expect(preview).to_contain_text("every service keeps at least one instance")
    picture(page, "admin-preview")
    assert answered(region, "shop") == ["shop-1", "shop-2"], "a preview changes nothing"

    page.get_by_label("Reason").fill("disk is being replaced")
    page.get_by_label("in 2 hours").check()
    page.get_by_role("button", name="Take out of service").click()
    expect(page.locator(".messagelist")).to_contain_text("done for 1 instance")
    served(region, "shop", ["shop-2"])

    visit(page, OVERRIDES)
    override = row(page, "shop-1")
    expect(override).to_contain_text("disk is being replaced")
    expect(override).to_contain_text(OPERATOR.name)
    expect(override).to_contain_text("in 1 h")
    override.get_by_role("link").first.click()
    page.get_by_role("link", name="Clear…").click()
    page.get_by_role("button", name="Clear").click()
    served(region, "shop", ["shop-1", "shop-2"])


def test_a_reason_must_be_given(tabs: Tabs, region: Region) -> None:
    for number in (1, 2):
        register(region, "bakery", f"bakery-{number}")
    page = visit(tabs(OPERATOR), f"{INSTANCES}?q=bakery")
    choose(page, "bakery-1", "Drain…")
    page.get_by_role("button", name="Drain").click()
    expect(page.locator(".errornote")).to_contain_text("Nothing was done yet")
    expect(page.locator(".errorlist")).to_contain_text("Say why: others will ask.")


def test_a_service_is_emptied_only_by_who_says_so(tabs: Tabs, region: Region) -> None:
    register(region, "lighthouse", "lighthouse-1")
    page = visit(tabs(OPERATOR), f"{INSTANCES}?q=lighthouse")
    choose(page, "lighthouse-1", "Take out of service…")
    expect(page.get_by_role("alert")).to_contain_text("default/lighthouse")
    page.get_by_label("Reason").fill("storm")
    page.get_by_role("button", name="Take out of service").click()
    expect(page.locator(".errorlist")).to_contain_text("Lookups would get no instance at all")
    assert answered(region, "lighthouse") == ["lighthouse-1"]
    page.get_by_label("I know that this leaves a service with nothing").check()
    page.get_by_role("button", name="Take out of service").click()
    served(region, "lighthouse", [])


def test_an_override_of_a_zone_is_previewed_and_set(tabs: Tabs, region: Region) -> None:
    for letter in "ab":
        register(region, "ferry", f"ferry-{letter}", zone=f"dock-{letter}")
    page = visit(tabs(OPERATOR), f"{OVERRIDES}add/")
    page.get_by_label("Scope").select_option("zone")
    page.get_by_label("Zone").fill("dock-a")
    page.get_by_label("Reason").fill("low water")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("row", name="ferry/ferry-a")).to_contain_text("taken out")
    expect(page.get_by_role("row", name="ferry/ferry-b")).to_have_count(0)
    page.get_by_role("button", name="Set the override").click()
    expect(page.locator(".messagelist")).to_contain_text("zone dock-a is set")
    served(region, "ferry", ["ferry-b"])


def test_an_instance_is_deregistered_after_a_look(tabs: Tabs, region: Region) -> None:
    register(region, "kiosk", "kiosk-1", host="10.0.9.1", port=8443)
    page = visit(tabs(OPERATOR), f"{INSTANCES}?q=kiosk")
    row(page, "kiosk-1").get_by_role("link").first.click()
    page.get_by_role("link", name="Deregister…").click()
    expect(page.locator("#content")).to_contain_text("kiosk/kiosk-1 at 10.0.9.1:8443, passing")
    expect(page.locator("#content")).to_contain_text("the last instance of default/kiosk")
    picture(page, "admin-deregister")
    page.get_by_role("button", name="Deregister").click()
    served(region, "kiosk", [])
    visit(page, f"{INSTANCES}?q=kiosk")
    expect(row(page, "kiosk-1")).to_have_count(0)


def test_a_viewer_is_offered_nothing_that_changes(tabs: Tabs, troubles: Troubles) -> None:
    page = visit(tabs(VIEWER), INSTANCES)
    expect(page.get_by_label("Action:")).to_have_count(0)
    row(page, "web-1").get_by_role("link").first.click()
    expect(page.get_by_role("link", name="History in the log")).to_be_visible()
    expect(page.get_by_role("link", name="Deregister…")).to_have_count(0)
    expect(page.get_by_role("button", name="Take out of service…")).to_have_count(0)
    troubles.allow("status.* 403")
    visit(page, f"{OVERRIDES}add/", status=403)


def test_nothing_held_is_said(tabs: Tabs) -> None:
    page = visit(tabs(OPERATOR), PAGES["held"])
    expect(page.locator("#changelist")).to_contain_text("Nothing is held")


def test_the_secret_of_a_token_is_shown_once(tabs: Tabs) -> None:
    page = visit(tabs(ADMINISTRATOR), PAGES["token"])
    page.get_by_label("Name").fill("deploy-robot")
    page.get_by_label("Scopes").fill("write:*")
    page.get_by_role("button", name="Make the token").click()
    secret = page.locator("code.secret").inner_text()
    assert len(secret) > 20
    page.get_by_role("link", name="I have it").click()
    expect(row(page, "deploy-robot")).to_contain_text("good")
    assert secret not in page.content()
    row(page, "deploy-robot").get_by_role("link").first.click()
    assert secret not in page.content()


def test_a_policy_is_set(tabs: Tabs, region: Region) -> None:
    page = visit(tabs(OPERATOR), PAGES["policy"])
    page.get_by_label("Service").fill("web")
    page.get_by_role("textbox", name="Regions:").fill("eu-west, ap-south")
    page.get_by_label("Reason").fill("the quiet hours are there")
    page.get_by_role("button", name=re.compile("Set")).click()
    expect(row(page, "web")).to_contain_text("eu-west")
    status, policy = call(region, "GET", "/api/v1/policies/web")
    assert (status, policy["order"]) == (200, ["eu-west", "ap-south"])


def test_a_change_is_read_before_and_after(tabs: Tabs, region: Region) -> None:
    register(region, "press", "press-1", version="1.0.0")
    register(region, "press", "press-1", version="1.1.0")
    page = visit(tabs(VIEWER), f"{PAGES['changes']}?q=press-1")
    row(page, "press-1").first.get_by_role("link").first.click()
    changed = page.get_by_role("row", name="version")
    expect(changed.locator("del")).to_have_text("1.0.0")
    expect(changed.locator("ins")).to_have_text("1.1.0")
    picture(page, "admin-change")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_used_by_everybody(tabs: Tabs, name: str) -> None:
    page = visit(tabs(None if name == "sign-in" else ADMINISTRATOR), PAGES[name])
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        picture(page, f"admin-{name}-{scheme}")
        axe(page, allowed=FRAMEWORK)


@pytest.mark.parametrize("name", ["index", "instances", "override", "changes"])
def test_a_page_fits_a_phone(tabs: Tabs, name: str) -> None:
    page = visit(tabs(OPERATOR, phone=True), PAGES[name])
    picture(page, f"admin-{name}-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
