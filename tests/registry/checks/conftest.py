"""What every test of probes needs."""

from collections.abc import AsyncIterator

import pytest

from registry.checks.probes.engine import Engine
from registry.checks.probes.guard import Guard


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """An engine that may go wherever the guard's fixed rules let it."""
    async with Engine(Guard()) as engine:
        yield engine
