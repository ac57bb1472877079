"""Records for the tests of the catalog: short to write, whole to look at."""

from typing import Any

from catalog.records.instance import Instance
from catalog.records.override import Override, Scope
from catalog.records.registration import from_mapping, to_instance

NOW = 1_000_000.0


def instance(service: str = "user-service", id: str = "user-1", *, now: float = NOW, **fields: Any) -> Instance:
    """An instance as registered with `fields`."""
    given = {"host": "10.0.1.5", "port": 8080, **fields}
    return to_instance(from_mapping(given), region="us-east", service=service, id=id, now=now)


def override(scope: Scope = Scope.SERVICE, *, id: str = "o-1", **fields: Any) -> Override:
    """An override of scope `scope`; critical unless `fields` say a status or a weight."""
    verdict = {} if "weight" in fields or "status" in fields else {"status": "critical"}
    given = {"region": "us-east", "reason": "maintenance", "author": "alice", "created_at": NOW, **verdict, **fields}
    return Override(id=id, scope=scope, **given)
