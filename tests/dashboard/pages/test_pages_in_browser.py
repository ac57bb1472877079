"""Every page in a real browser: it loads, it is accessible, and it moves without being loaded again."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.calls import call, register
from tests.harness.dashboard.axe import axe
from tests.harness.dashboard.browser import Tabs, Troubles, picture, visit
from tests.harness.dashboard.fleet import Fleet
from tests.harness.dashboard.people import OPERATOR
from tests.harness.region import Region

PAGES = {
    "overview": "/dashboard/",
    "services": "/dashboard/services",
    "services-none": "/dashboard/services?q=nothing-is-called-so",
    "service": "/dashboard/services/default/web",
    "instance": "/dashboard/instances/us-east/default/web/web-1",
    "federation": "/dashboard/federation",
    "changes": "/dashboard/changes",
    "change": "/dashboard/changes/us-east/1",
    "overrides": "/dashboard/overrides",
    "held": "/dashboard/held",
}
WEB = "region=us-east&namespace=default&service=web&instance=web-1"
FORMS = {
    "correct-override": f"/dashboard/correct/override?scope=instance&{WEB}&do=out",
    "correct-deregister": f"/dashboard/correct/deregister?{WEB}",
}
SOON = 8_000  # milliseconds for a change to be seen, on a machine that is busy with other tests


def live(page: Page) -> None:
    """Wait until the page says that it is live."""
    expect(page.locator("#mark")).to_have_attribute("data-state", "live")


def row(page: Page, name: str) -> Locator:
    """The row of an instance or a service, by its first cell."""
    return page.locator("[data-rows] > *").filter(has=page.locator(f"th a:text-is('{name}')"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_used_by_everybody(tabs: Tabs, name: str, scheme: str) -> None:
    page = visit(tabs(scheme=scheme), PAGES[name])
    live(page)
    picture(page, f"{name}-{scheme}")
    axe(page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(tabs: Tabs, name: str) -> None:
    page = visit(tabs(phone=True), PAGES[name])
    picture(page, f"{name}-phone")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 1, "the page is wider than the phone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", FORMS)
def test_a_correction_can_be_made_by_every_operator(tabs: Tabs, name: str, scheme: str) -> None:
    page = visit(tabs(OPERATOR, scheme=scheme), FORMS[name])
    picture(page, f"{name}-{scheme}")
    axe(page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_without_javascript(tabs: Tabs, name: str) -> None:
    page = visit(tabs(javascript=False), PAGES[name])
    assert len(page.locator("main").inner_text()) > 40


def test_the_root_leads_to_the_dashboard(page: Page) -> None:
    visit(page, "/")
    assert page.url.endswith("/dashboard/")


def test_an_instance_appears_turns_critical_and_goes_without_reload(page: Page, fleet: Fleet) -> None:
    server = fleet.add("mortal", "mortal-1")
    visit(page, "/dashboard/services/default/mortal")
    live(page)
    page.evaluate("window.unloaded = false")
    server = fleet.add("mortal", "mortal-2")
    expect(row(page, "mortal-2")).to_contain_text("passing", timeout=SOON)
    server.stop()
    expect(row(page, "mortal-2")).to_contain_text("critical", timeout=SOON)
    call(fleet.region, "DELETE", "/services/mortal/mortal-2")
    expect(row(page, "mortal-2")).to_have_count(0, timeout=SOON)
    expect(row(page, "mortal-1")).to_have_count(1)
    assert page.evaluate("window.unloaded") is False, "the page was loaded again"


def test_a_page_that_was_open_for_longer_than_its_ticket_is_good_for_finds_a_new_one(
    page: Page, troubles: Troubles
) -> None:
    troubles.allow("WebSocket")
    visit(page, "/dashboard/services")
    live(page)
    page.evaluate("window.unloaded = false")
    page.context.clear_cookies(name="meridian_ticket")
    page.evaluate("window.dispatchEvent(new Event('online'))")  # as when a laptop wakes up: it connects anew
    expect(page.locator("#mark")).to_have_attribute("data-state", "reconnecting")
    expect(page.locator("#mark")).to_have_attribute("data-state", "live", timeout=30_000)
    assert page.evaluate("window.unloaded") is False, "the page was loaded again"


def test_a_service_appears_in_the_list_and_two_browsers_see_the_same(tabs: Tabs, region: Region) -> None:
    one, other = tabs(), tabs(scheme="dark")
    for page in (one, other):
        visit(page, "/dashboard/services?q=fresh-face")
        live(page)
    register(region, "fresh-face", "n-1")
    for page in (one, other):
        expect(row(page, "fresh-face")).to_contain_text("1", timeout=SOON)
    assert row(one, "fresh-face").inner_text() == row(other, "fresh-face").inner_text()


def test_what_is_typed_narrows_the_list_and_stays_in_the_address(page: Page, fleet: Fleet) -> None:
    visit(page, "/dashboard/services")
    live(page)
    page.keyboard.press("/")
    page.keyboard.type("bill")
    expect(row(page, "web")).to_have_count(0, timeout=SOON)
    expect(row(page, "billing")).to_have_count(1)
    assert page.url.endswith("?q=bill")
    page.reload()
    expect(row(page, "billing")).to_have_count(1)
    expect(row(page, "web")).to_have_count(0)


def test_services_in_trouble_come_first(page: Page, fleet: Fleet) -> None:
    visit(page, "/dashboard/services?q=i")  # billing, which has a critical instance, and mail
    names = page.locator("[data-rows] th a").all_inner_texts()
    assert names.index("billing") < names.index("mail")


def test_the_whole_can_be_walked_by_keyboard(page: Page, fleet: Fleet) -> None:
    visit(page, "/dashboard/")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/dashboard/services")
    page.keyboard.press("j")
    focused = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/dashboard/services/default/{focused}")


def test_an_entry_of_the_log_opens_to_what_was_before_and_after(page: Page, region: Region) -> None:
    register(region, "twice", "t-1", weight=3)
    register(region, "twice", "t-1", weight=7)
    visit(page, "/dashboard/changes?service=twice")
    page.locator("#changes details").first.locator("summary").click()
    difference = page.get_by_role("row").filter(has_text="weight")
    expect(difference).to_contain_text("3")
    expect(difference).to_contain_text("7")


def test_a_list_that_is_paused_stands_still_and_catches_up(page: Page, region: Region) -> None:
    visit(page, "/dashboard/changes?service=restless")
    live(page)
    page.get_by_role("button", name="Pause").click()
    register(region, "restless", "r-1")
    expect(page.locator("#mark")).to_contain_text("paused")
    page.wait_for_timeout(1500)  # longer than a change takes to be seen
    assert page.locator("#changes > li").count() == 0
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#changes > li")).to_have_count(1, timeout=SOON)


def test_names_with_markup_in_them_are_shown_as_text(page: Page, region: Region) -> None:
    nasty = "<img src=x onerror=alert(1)>\"'&"
    register(region, "markup", "m-1", tags=[nasty], metadata={"note": nasty})
    for path in ("/dashboard/services?q=markup", "/dashboard/services/default/markup",
                 "/dashboard/instances/us-east/default/markup/m-1", "/dashboard/changes?service=markup"):  # fmt: skip
        visit(page, path)
        assert page.locator("main img").count() == 0
    visit(page, "/dashboard/instances/us-east/default/markup/m-1")
    expect(page.locator("main")).to_contain_text(nasty)


def test_an_unknown_service_says_what_is_near_and_appears_when_it_is_registered(
    page: Page, region: Region, fleet: Fleet, troubles: Troubles
) -> None:
    troubles.allow("status 404|status of 404")
    visit(page, "/dashboard/services/default/serch", status=404)
    expect(page.locator("main")).to_contain_text("search")
    live(page)
    register(region, "serch", "s-1")
    expect(row(page, "s-1")).to_have_count(1, timeout=SOON)
