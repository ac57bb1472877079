"""The dashboard on bad days: it goes on from memory, says so, and comes back right."""

import signal
from collections.abc import Callable

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.pages.test_pages_in_browser import SOON, live, row
from tests.harness.calls import call, register
from tests.harness.dashboard.browser import Tabs, Troubles, picture, visit
from tests.harness.region import Region
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
AGAIN = 40_000  # milliseconds until a server that was killed runs again and its browsers have found it
PROVOKED = r"WebSocket|ERR_CONNECTION|status 503|status of 503|status 50\d"


@pytest.fixture
def lonely(start_region: Callable[..., Region]) -> Region:
    """A region of its own, to be hurt."""
    return start_region()


def test_a_browser_that_lost_its_server_comes_back_to_what_is_right(
    tabs: Tabs, lonely: Region, troubles: Troubles
) -> None:
    troubles.allow(PROVOKED)
    register(lonely, "web", "stays")
    register(lonely, "web", "goes")
    page = visit(tabs(at=lonely.url), "/dashboard/services/default/web")
    live(page)
    lonely.wait_restarted("server", was=lonely.kill("server"))
    expect(page.locator("#mark")).to_have_attribute("data-state", "reconnecting")
    eventually(lonely.is_ready, within=60, what="the server is back")
    call(lonely, "DELETE", "/services/web/goes")
    register(lonely, "web", "comes")
    expect(row(page, "comes")).to_have_count(1, timeout=AGAIN)
    expect(row(page, "goes")).to_have_count(0, timeout=SOON)
    expect(row(page, "stays")).to_have_count(1)
    live(page)


def test_a_page_says_how_late_it_is_while_its_server_says_nothing(
    tabs: Tabs, lonely: Region, troubles: Troubles
) -> None:
    troubles.allow(PROVOKED)
    page = visit(tabs(at=lonely.url), "/dashboard/services")
    live(page)
    lonely.kill("server", signal.SIGSTOP)
    try:
        expect(page.locator("#mark")).to_contain_text("late by", timeout=15_000)
    finally:
        lonely.kill("server", signal.SIGCONT)
    expect(page.locator("#mark")).to_have_attribute("data-state", "live", timeout=AGAIN)


def test_pages_are_live_while_valkey_is_away(tabs: Tabs, lonely: Region, troubles: Troubles) -> None:
    troubles.allow(PROVOKED)
    page = visit(tabs(at=lonely.url), "/dashboard/services")
    live(page)
    lonely.kill("valkey")
    register(lonely, "web", "new")
    expect(row(page, "web")).to_have_count(1, timeout=SOON)
    visit(tabs(at=lonely.url), "/dashboard/services/default/web")


@pytest.mark.postgres
def test_pages_are_shown_from_memory_while_the_database_is_away_and_say_so(
    tabs: Tabs, lonely: Region, troubles: Troubles
) -> None:
    troubles.allow(PROVOKED)
    register(lonely, "web", "remembered")
    page = visit(tabs(at=lonely.url), "/dashboard/services/default/web")
    live(page)
    with turned_away(lonely):
        expect(page.locator("#away")).to_be_visible(timeout=AGAIN)
        fresh = visit(tabs(at=lonely.url), "/dashboard/services/default/web")
        expect(row(fresh, "remembered")).to_have_count(1)
        expect(fresh.locator("#notices")).to_contain_text("cannot be read")
        picture(fresh, "database-away")
        still_shown(tabs, lonely)
    expect(page.locator("#away")).to_have_count(0, timeout=AGAIN)
    live(page)


def still_shown(tabs: Tabs, region: Region) -> None:
    """Every page answers without the database."""
    page: Page = tabs(at=region.url)
    for path in (
        "/dashboard/", "/dashboard/services", "/dashboard/instances/us-east/default/web/remembered",
        "/dashboard/federation", "/dashboard/changes", "/dashboard/overrides", "/dashboard/held",
    ):  # fmt: skip
        visit(page, path)


class turned_away:  # noqa: N801 - reads as what it does
    """Within it the region's PostgreSQL turns everybody away."""

    def __init__(self, region: Region) -> None:
        before, mark, query = region.variables["MERIDIAN_DATABASE_URL"].partition("?")
        server, _, self.name = before.rpartition("/")
        self.server = f"{server}/postgres{mark}{query}"

    def __enter__(self) -> None:
        self._allow("false")
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self.name])

    def __exit__(self, *_: object) -> None:
        self._allow("true")

    def _allow(self, word: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{self.name}" WITH ALLOW_CONNECTIONS {word}')
