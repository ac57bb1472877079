"""What the tests of the registry's core share: real commits, a short way to write, and an end to what they started."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from registry import actions
from registry.commit.hooks import Hooks
from registry.commit.hooks import hooks as process_hooks
from registry.commit.writer import local_region
from registry.log.verification import verify
from registry.models import ChangeRow
from tests.harness.registry import registering
from tests.harness.registry.leases import LeasedRegion

Register = Callable[..., actions.Registered]


@pytest.fixture
def register(committed: None) -> Register:
    """Register an instance of `web` and wait for the commit."""

    return registering.register


@pytest.fixture
def sound(committed: None) -> Callable[[], None]:
    """Assert that the log has no gaps and leads to the tables and the digest."""

    def check() -> None:
        indexes = list(ChangeRow.objects.order_by("index").values_list("index", flat=True))
        assert indexes == list(range(1, len(indexes) + 1))
        assert indexes, "nothing was written at all"
        assert verify(local_region()).problems == ()

    return check


@pytest.fixture
def hooks(committed: None) -> Iterator[Hooks]:
    """The hooks of this process; those that the test adds go with it."""
    before = {*process_hooks.all()}
    yield process_hooks
    process_hooks.close()
    for hook in process_hooks.all():
        if hook not in before:
            process_hooks.remove(hook)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run coroutines' factories together on one loop; exceptions are results."""

    async def whole() -> list[object]:
        return await asyncio.gather(*(call() for call in calls), return_exceptions=True)  # type: ignore[call-overload,no-any-return]

    return asyncio.run(whole())


@pytest.fixture
def world(db: None, valkey_url: str) -> LeasedRegion:
    """A region's leases: empty tables and an empty Valkey."""
    return LeasedRegion()
