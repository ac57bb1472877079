"""Correcting by hand in a real browser: what is set there is what every lookup says, until it ends or is undone."""

import re

import dns.message
import dns.query
import pytest
from playwright.sync_api import Page, expect

from tests.harness.calls import answered, call, register
from tests.harness.dashboard.axe import axe
from tests.harness.dashboard.browser import Tabs, picture, visit
from tests.harness.dashboard.people import OPERATOR, VIEWER
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = pytest.mark.usefixtures("fleet")
SOON = 15.0


def on_dns(region: Region, service: str) -> list[int]:
    """On which ports the service is to be found."""
    question = dns.message.make_query(f"{service}.service.consul", "SRV")
    answer = dns.query.udp(question, "127.0.0.1", port=region.dns_port, timeout=5)
    return sorted(item.port for rrset in answer.answer for item in rrset)


def both(region: Region, service: str, ids: list[str], ports: list[int]) -> None:
    """Wait until HTTP and DNS say so."""
    what = f"{service} is answered with {ids}"
    eventually(lambda: answered(region, service) == ids and on_dns(region, service) == ports, within=SOON, what=what)


def pair(region: Region, service: str) -> None:
    """Two instances without checks, in two zones."""
    for number, id in ((81, f"{service}-1"), (82, f"{service}-2")):
        register(region, service, id, port=number, zone=f"{service}-{number}")
    both(region, service, [f"{service}-1", f"{service}-2"], [81, 82])


def out(page: Page, service: str, *, lasting: str, reason: str, next: str = "/dashboard/overrides") -> None:
    """Put its first instance out of service, by keyboard and mouse like anybody."""
    query = f"scope=instance&service={service}&instance={service}-1&next={next}"
    visit(page, f"/dashboard/correct/override?{query}")
    page.locator("input[name=ends][value=for]").check()
    page.get_by_label("After which length").fill(lasting)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("out of service")
    expect(page.get_by_role("row", name=service)).to_contain_text(f"us-east/{service}-1")
    page.get_by_role("button", name="Apply it").click()
    page.wait_for_url(f"**{next}")


@pytest.mark.parametrize("javascript", [True, False])
def test_an_override_changes_every_answer_and_ends_on_time(tabs: Tabs, region: Region, javascript: bool) -> None:
    service = f"ends{int(javascript)}"
    pair(region, service)
    page = tabs(OPERATOR, javascript=javascript)
    out(page, service, lasting="6s", reason="a short test")
    both(region, service, [f"{service}-2"], [82])
    both(region, service, [f"{service}-1", f"{service}-2"], [81, 82])


def test_an_override_is_undone_from_the_same_place(tabs: Tabs, region: Region) -> None:
    pair(region, "undone")
    page = tabs(OPERATOR)
    out(page, "undone", lasting="1h", reason="not what I meant")
    both(region, "undone", ["undone-2"], [82])
    expect(page.get_by_role("row", name="undone-1")).to_contain_text("not what I meant")
    page.locator("#notices").get_by_role("link", name="Undo").click()
    expect(page.get_by_role("row", name="undone")).to_contain_text("1 → 2")
    page.get_by_role("button", name="Undo it").click()
    page.wait_for_url("**/dashboard/overrides")
    both(region, "undone", ["undone-1", "undone-2"], [81, 82])
    expect(page.get_by_role("row", name="undone-1")).to_have_count(0)
    status, log = call(region, "GET", "/api/v1/changes?verb=clear_override&page_size=1")
    assert status == 200
    assert log["results"][0]["actor"] == "admin:otto@127.0.0.1/dashboard"


def test_whoever_looks_is_told_who_did_what_and_why(tabs: Tabs, region: Region) -> None:
    pair(region, "told")
    watching, working = tabs(), tabs(OPERATOR)
    visit(watching, "/dashboard/services?q=told")
    expect(watching.locator("#mark")).to_contain_text("live")
    out(working, "told", lasting="1m", reason="<b>power</b> works")
    sentence = "otto put instance told-1 of told out of service: <b>power</b> works"
    expect(watching.locator("#notices")).to_contain_text(sentence)


def test_what_was_removed_by_mistake_is_registered_again(tabs: Tabs, region: Region) -> None:
    pair(region, "wrong")
    page = tabs(OPERATOR)
    visit(page, "/dashboard/correct/deregister?service=wrong&instance=wrong-1")
    page.get_by_label("Reason").fill("it looked old")
    page.get_by_role("button", name="Deregister it").click()
    page.wait_for_url("**/dashboard/services/default/wrong")
    both(region, "wrong", ["wrong-2"], [82])
    page.locator("#notices").get_by_role("link", name="Register it again").click()
    page.get_by_role("button", name="Register it again").click()
    page.wait_for_url("**/dashboard/services/default/wrong")
    both(region, "wrong", ["wrong-1", "wrong-2"], [81, 82])


def test_a_viewer_is_told_that_it_is_for_operators(tabs: Tabs, troubles: object) -> None:
    troubles.allow("403")  # type: ignore[attr-defined]
    page = visit(tabs(VIEWER), "/dashboard/correct/override?scope=service&service=web", status=403)
    expect(page.locator("main")).to_contain_text("may look and not correct")
    visit(page, "/dashboard/overrides")
    expect(page.get_by_role("link", name=re.compile("Set an override"))).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True])
def test_everybody_can_use_the_pages(tabs: Tabs, region: Region, scheme: str, phone: bool) -> None:
    page = tabs(OPERATOR, scheme=scheme, phone=phone)
    kind = f"{scheme}{'-phone' if phone else ''}"

    def looked_at(name: str) -> None:
        picture(page, f"correct-{name}-{kind}")
        axe(page)

    visit(page, "/dashboard/correct/override?scope=service&service=web")
    looked_at("form")
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.locator("#error-reason")).to_contain_text("Say why")
    looked_at("complaint")
    page.get_by_label("Reason").fill("a look at the page")
    page.get_by_role("button", name="Show what it changes").click()
    expect(page.get_by_role("alert")).to_contain_text("would return no instance")
    looked_at("preview")
    for name, path in PLAIN.items():
        visit(page, path)
        looked_at(name)


PLAIN = {
    "choose": "/dashboard/correct/override",
    "deregister": "/dashboard/correct/deregister?service=web&instance=web-1",
    "overrides": "/dashboard/overrides",
    "held": "/dashboard/held",
}
