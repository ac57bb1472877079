"""What the tests of the registry's core share: real commits, a short way to write, and an end to what they started."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from catalog.records.registration import from_mapping
from registry import actions
from registry.commit.hooks import Hooks
from registry.commit.hooks import hooks as process_hooks
from registry.commit.tail import tail
from registry.commit.writer import close_writers, local_region
from registry.log.verification import verify
from registry.models import ChangeRow
from tests.harness.leases import World

Register = Callable[..., actions.Registered]


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """Commits are real; the writer's thread and its connection end with the test."""
    yield
    close_writers()
    tail(local_region()).forget()


@pytest.fixture
def register(committed: None) -> Register:
    """Register an instance of `web` and wait for the commit."""

    def make(
        id: str = "one", *, service: str = "web", namespace: str = "default", **given: object
    ) -> actions.Registered:
        return actions.register(
            from_mapping({"host": "10.0.1.5", "port": 8080, **given}),
            namespace=namespace,
            service=service,
            id=id,
            actor="test",
            cause="the test needs it",
        )

    return make


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
def world(db: None, valkey_url: str) -> World:
    """A region's leases: empty tables and an empty Valkey."""
    return World()
