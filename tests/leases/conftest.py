"""A region's leases for each test."""

import pytest

from tests.leases.world import World


@pytest.fixture
def world(db: None, valkey_url: str) -> World:
    """Empty tables and an empty Valkey."""
    return World()
