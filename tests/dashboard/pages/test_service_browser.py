"""The pages of services and instances in a real browser, against a real region."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.harness.calls import call, register
from tests.harness.dashboard.axe import axe
from tests.harness.dashboard.browser import Tabs, Troubles, picture, visit
from tests.harness.dashboard.fleet import Fleet
from tests.harness.dashboard.people import OPERATOR
from tests.harness.region import Region

PAGES = {
    "service": "/dashboard/services/default/billing",
    "instance": "/dashboard/instances/us-east/default/billing/billing-2",
}
SLOW = 15_000  # milliseconds: a check has to fail several times, and the machine may be busy


@pytest.mark.parametrize(("name", "path"), PAGES.items())
@pytest.mark.parametrize(("scheme", "phone"), [("light", False), ("dark", True)])
def test_the_pages_can_be_used_by_everybody(tabs: Tabs, name: str, path: str, scheme: str, phone: bool) -> None:
    page = visit(tabs(OPERATOR, scheme=scheme, phone=phone), path)
    expect(page.locator("#main")).to_contain_text("billing-2")
    picture(page, f"{name}-{scheme}{'-phone' if phone else ''}")
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window"


def test_a_service_that_is_not_there_yet_becomes_its_page_and_follows_its_instances(
    page: Page, fleet: Fleet, troubles: Troubles, region: Region
) -> None:
    troubles.allow(r"404.*/dashboard/services/default/born")
    visit(page, "/dashboard/services/default/born", status=404)
    expect(page.get_by_text("born is not registered")).to_be_visible()

    server = fleet.add("born", "born-1")
    row = page.locator('tr[data-key="us-east/born-1"]')
    expect(row).to_contain_text("passing", timeout=SLOW)
    expect(page.get_by_text("born is not registered")).to_be_hidden()

    server.stop()
    expect(row).to_contain_text("critical", timeout=SLOW)
    expect(page.locator("#service-http")).to_contain_text("0 instances", timeout=SLOW)

    call(region, "DELETE", "/services/born/born-1")
    expect(page.get_by_text("born is not registered")).to_be_visible(timeout=SLOW)


def test_what_is_asked_in_the_form_is_answered_at_once_as_the_server_answers_it(page: Page, region: Region) -> None:
    visit(page, "/dashboard/services/default/web")
    page.get_by_label("Tag", exact=True).fill("rack-1")

    expect(page.locator("#service-http")).to_contain_text("tag=rack-1")
    expect(page.locator("#service-dns")).to_contain_text("rack-1.web.service.consul.")
    _, real = call(region, "GET", "/services/web?tag=rack-1")
    assert json.loads(page.locator("#service-http pre.body").inner_text()) == real
    expect(page.locator('tr[data-key="us-east/web-1"]')).to_contain_text("does not have the tag 'rack-1'")
    assert page.url.endswith("?as=us-east&tag=rack-1")


def test_the_form_and_the_page_work_without_script(tabs: Tabs) -> None:
    page = visit(tabs(javascript=False), "/dashboard/services/default/web")
    page.get_by_role("textbox", name="Version").fill("2.1.0")
    page.get_by_role("button", name="Look up").click()

    expect(page.locator("#service-http")).to_contain_text("version=2.1.0")
    expect(page.locator('tr[data-key="us-east/web-2"]')).to_contain_text("returned")
    expect(page.locator('tr[data-key="us-east/web-1"]')).to_contain_text("is version '2.0.0', not '2.1.0'")


def test_an_instance_that_is_deregistered_while_it_is_looked_at_says_so(page: Page, region: Region) -> None:
    register(region, "parting", "parting-1", version="7.7.7")
    visit(page, "/dashboard/instances/us-east/default/parting/parting-1")
    expect(page.locator("#instance-head")).to_contain_text("passing")

    call(region, "DELETE", "/services/parting/parting-1")

    expect(page.locator("#instance-gone")).to_contain_text(
        "No longer registered. Last change: deregister", timeout=SLOW
    )
    expect(page.locator("#instance-record")).to_contain_text("7.7.7")
    expect(page.locator("#instance-history")).to_contain_text("removed")


def test_only_operators_are_offered_corrections(tabs: Tabs) -> None:
    path = "/dashboard/instances/us-east/default/web/web-1"
    for person, is_offered in ((None, False), (OPERATOR, True)):
        link = visit(tabs(person), path).get_by_role("link", name="Out of service…")
        expect(link).to_be_visible(visible=is_offered)


def test_names_with_markup_in_them_are_text_in_the_browser_too(page: Page, region: Region) -> None:
    hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    check = {"name": "self", "type": "ttl", "ttl": "10m"}
    register(region, "odd", "odd-1", tags=[hostile], metadata={hostile: hostile}, checks=[check])
    call(region, "PUT", "/services/odd/odd-1/checks/self", {"status": "warning", "output": hostile * 4})

    for path in ("/dashboard/services/default/odd", "/dashboard/instances/us-east/default/odd/odd-1"):
        visit(page, path)
        expect(page.locator("#main")).to_contain_text(hostile)
        call(region, "PUT", "/services/odd/odd-1/checks/self", {"status": "critical", "output": f"again {hostile}"})
        expect(page.locator("#main")).to_contain_text("again", timeout=SLOW)
        assert "owned" not in page.title()
        assert page.locator("#main img").count() == 0
        call(region, "PUT", "/services/odd/odd-1/checks/self", {"status": "warning", "output": hostile * 4})
