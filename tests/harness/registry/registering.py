"""Registering through the verb, in this process's tables."""

from typing import Any

from catalog.records.registration import from_mapping
from registry import actions


def register(
    id: str = "one",
    *,
    service: str = "web",
    namespace: str = "default",
    actor: str = "test",
    cause: str = "the test needs it",
    **given: Any,
) -> actions.Registered:
    """Register an instance of `web`, and return once it is committed; `given` are fields of the request's body."""
    registration = from_mapping({"host": "10.0.1.5", "port": 8080, **given})
    return actions.register(registration, namespace=namespace, service=service, id=id, actor=actor, cause=cause)
