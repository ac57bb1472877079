"""The overview, the federation and a region's page in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.harness.dashboard.axe import axe
from tests.harness.dashboard.browser import Tabs, Troubles, picture, visit
from tests.harness.dashboard.fleet import Fleet
from tests.harness.dashboard.people import OPERATOR
from tests.harness.region import Region

PAGES = {"overview": "/dashboard/", "federation": "/dashboard/federation", "region": "/dashboard/federation/us-east"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_can_be_used_by_everybody(tabs: Tabs, name: str, phone: bool, scheme: str) -> None:
    page = visit(tabs(scheme=scheme, phone=phone), PAGES[name])
    picture(page, f"{name}-{scheme}{'-phone' if phone else ''}")
    axe(page)


def test_what_registers_is_told_without_reload(page: Page, fleet: Fleet) -> None:
    visit(page, "/dashboard/")
    expect(page.locator("#mark")).to_have_attribute("data-state", "live")
    fleet.add("newcomer", "newcomer-1")
    expect(page.get_by_role("region", name="Recent changes")).to_contain_text("newcomer/newcomer-1 registered")


def test_a_service_that_nobody_serves_any_more_comes_to_need_a_person(page: Page, fleet: Fleet) -> None:
    server = fleet.add("lonely", "lonely-1")
    visit(page, "/dashboard/")
    expect(page.locator("#mark")).to_have_attribute("data-state", "live")
    server.stop()
    needs = page.get_by_role("region", name="Needs attention")
    expect(needs).to_contain_text("no instance of lonely is serving", timeout=30_000)
    server.start()
    expect(needs).not_to_contain_text("no instance of lonely is serving", timeout=30_000)


def test_the_overview_can_be_read_without_script(tabs: Tabs, fleet: Fleet) -> None:
    page = visit(tabs(javascript=False), "/dashboard/")
    expect(page.get_by_role("link", name="us-east").first).to_be_visible()
    expect(page.get_by_role("region", name="Recent changes")).to_contain_text("registered")


def test_a_region_that_there_is_not_says_what_is_near(page: Page, troubles: Troubles) -> None:
    troubles.allow("404")
    visit(page, "/dashboard/federation/us-eats", status=404)
    expect(page.get_by_role("main").get_by_role("link", name="us-east")).to_be_visible()


def test_operators_alone_are_offered_to_evacuate(tabs: Tabs, region: Region) -> None:
    path = PAGES["region"]
    expect(visit(tabs(), path).get_by_role("link", name="Evacuate…")).to_be_hidden()
    expect(visit(tabs(OPERATOR), path).get_by_role("link", name="Evacuate…")).to_be_visible()
