"""What the tests of the API share: a caller, tokens, and instances that are really registered."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from registry import actions
from registry.access.issuing import create_token
from registry.access.process import process_table
from tests.harness.registry import registering

NOW = 1_800_000_000.0
Register = Callable[..., actions.Registered]


@pytest.fixture
def fresh_tokens(db: None) -> Iterator[None]:
    """No test sees the tokens of another."""
    table = process_table()
    table.reload()
    yield
    table.is_open = True


@pytest.fixture
def closed_door(fresh_tokens: None) -> None:
    """A token is required."""
    process_table().is_open = False


@pytest.fixture
def api(fresh_tokens: None) -> Client:
    """A caller without a token, whose CSRF tokens are checked as a browser's are."""
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.fixture
def token() -> Callable[..., dict[str, str]]:
    """Makes a token of these scopes; gives the headers that present it."""

    def make(*scopes: str, name: str = "ci") -> dict[str, str]:
        _, secret = create_token(name, scopes, expires_in=None, actor="test", now=NOW)
        return {"Authorization": f"Bearer {secret}"}

    return make


@pytest.fixture
def register(db: None) -> Register:
    """Registers an instance through the verb."""

    def make(service: str = "user-service", id: str = "user-1", **given: Any) -> actions.Registered:
        return registering.register(id, service=service, **given)

    return make
