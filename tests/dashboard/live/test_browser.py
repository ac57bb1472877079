"""That the browser tests see what they are meant to see."""

import re

import pytest
from playwright.sync_api import Page

from tests.harness.calls import answered
from tests.harness.dashboard.axe import axe
from tests.harness.dashboard.browser import Tabs, Troubles, signed_in, visit
from tests.harness.dashboard.people import ADMINISTRATOR
from tests.harness.region import Region
from tests.harness.waiting import eventually


def test_the_fleet_is_answered(tabs: Tabs, region: Region) -> None:
    assert answered(region, "web") == ["web-1", "web-2", "web-3"]


def test_somebody_signs_in(page: Page) -> None:
    signed_in(page, ADMINISTRATOR)
    assert page.get_by_text("Log out").is_visible()


def test_a_session_is_kept_for_the_next_tab(tabs: Tabs) -> None:
    assert visit(tabs(ADMINISTRATOR), "/admin/").get_by_text("Log out").is_visible()


@pytest.mark.parametrize(
    ("act", "complaint"),
    [
        ("console.error('so it goes')", "console error: so it goes"),
        ("console.warn('take care')", "console warning: take care"),
        ("setTimeout(() => { throw new Error('lost') })", "uncaught: .*lost"),
        ("fetch('/static/nowhere.css')", "status 404"),
        ("fetch('http://example.org/').catch(() => 0)", "http://example.org/"),
        ("new WebSocket('ws://example.org/')", "ws://example.org/"),
        ("location.assign('http://example.org/')", "another host: http://example.org/"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
    ],
)
def test_a_complaint_of_the_browser_is_noticed(page: Page, troubles: Troubles, act: str, complaint: str) -> None:
    visit(page, "/admin/login/")
    before = len(troubles.unexpected())
    page.evaluate(f"() => {{ {act} }}")
    eventually(lambda: _heard(page, troubles.found[before:], complaint), what=complaint)
    troubles.allow(".")


def _heard(page: Page, found: list[str], complaint: str) -> bool:
    page.wait_for_timeout(50)  # what the browser has to say is heard while somebody waits for it
    return any(re.search(complaint, one) for one in found)


def test_axe_names_a_serious_fault(page: Page) -> None:
    visit(page, "/admin/login/")
    page.evaluate("document.querySelector('input[name=username]').labels[0].remove()")
    with pytest.raises(AssertionError, match="label"):
        axe(page)
