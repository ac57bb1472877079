"""What the browser tests share: one region, one browser for each file of tests, and tabs that must not complain.

All of them run in one process, however many there are, so that one region and one browser are enough.
"""

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.harness.dashboard import browser
from tests.harness.dashboard.browser import Tabs, Troubles, picture
from tests.harness.dashboard.correcting import alice, desk, enrol, two  # noqa: F401 - fixtures
from tests.harness.dashboard.fleet import Fleet
from tests.harness.dashboard.people import introduce
from tests.harness.region import Region

SHARED = {"region", "fleet", "chromium"}  # who uses one of these is a browser test
LONGEST = 240  # seconds; the first of them waits for the region
FAILED = pytest.StashKey[bool]()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep the browser tests together in one process of pytest-xdist."""
    if SHARED & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.xdist_group("browser"))
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Remember that a test failed, for the picture that is kept of its tabs."""
    report: Any = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """One real region for all browser tests, with an administrator, an operator and a viewer."""
    with Region(tmp_path_factory.mktemp("browser") / "data") as running:
        running.start()
        introduce(running)
        yield running


@pytest.fixture(scope="session")
def fleet(region: Region) -> Iterator[Fleet]:
    """Services of the region with real servers; what a test breaks, it registers itself."""
    running = Fleet(region)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a file of tests. It leaves with the file: async tests cannot run beside it."""
    with browser.chromium() as running:
        yield running


@pytest.fixture(scope="session")
def sessions() -> dict[tuple[str, str], Any]:
    """The cookies of the users who have signed in, by server and name."""
    return {}


@pytest.fixture
def troubles() -> Troubles:
    """What the test's tabs complained of; `troubles.allow(pattern)` for what the test provokes."""
    return Troubles()


@pytest.fixture
def tabs(
    request: pytest.FixtureRequest,
    chromium: Browser,
    region: Region,
    fleet: Fleet,
    troubles: Troubles,
    sessions: dict[tuple[str, str], Any],
) -> Iterator[Tabs]:
    """Opens tabs: `tabs()`, `tabs(OPERATOR, scheme="dark", phone=True)`. Fails the test for what they complained of."""
    opened = Tabs(chromium, region.url, troubles, sessions)
    yield opened
    if request.node.stash.get(FAILED, False):
        for number, page in enumerate(opened.pages):
            picture(page, f"failed-{request.node.name}-{number}")
    opened.close()
    unexpected = troubles.unexpected()
    assert not unexpected, "the browser complained:\n" + "\n".join(unexpected)


@pytest.fixture
def page(tabs: Tabs) -> Page:
    """A tab without a signed-in user."""
    return tabs()
