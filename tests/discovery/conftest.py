"""What the tests of the discovery plane share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.harness.discovery.world import World, opened
from tests.harness.region import Region


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running plane over an empty log in memory."""
    async with opened(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """A whole region as real processes, shared by tests that only use it and stop nothing."""
    running = Region(tmp_path_factory.mktemp("discovery") / "data")
    running.start()
    yield running
    running.stop()
