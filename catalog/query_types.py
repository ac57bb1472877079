"""What is asked and what is decided about each instance: the words that the one query and its parts share."""

from enum import StrEnum

import msgspec

from catalog.records.filter import Filter
from catalog.records.instance import DEFAULT_NAMESPACE, Instance, endpoint
from catalog.records.override import Override
from catalog.records.status import SERVING, Status

ALL = "*"  # in place of a region: every region that is known
NEAREST = "nearest"  # in place of a region: the nearest that has anything which serves; home is nearest of all


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A lookup, in no protocol's words. Empty fields do not restrict.

    `region` is home: where the asker is, whose operators' opinions count. Without `regions` the lookup is answered from
    there, or from wherever the service's failover policy leads; with them from exactly those, `ALL`, or `NEAREST`.
    `zone` is a preference, not a filter. `seed` names who asks: with a `limit`, each asker gets a stable share of the
    instances, spread by weight.
    """

    region: str
    service: str
    namespace: str = DEFAULT_NAMESPACE
    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    version: str = ""
    zone: str = ""
    statuses: frozenset[Status] = SERVING
    port: str = ""
    filter: Filter | None = None
    limit: int | None = None
    seed: str = ""


class Reason(StrEnum):
    """Why an instance is returned or not; the first that excludes decides."""

    STATUS = "status"
    OVERRIDE = "override"
    DRAINED = "drained"
    TAG = "tag"
    VERSION = "version"
    PORT = "port"
    FILTER = "filter"
    LIMIT = "limit"
    REGION = "region"
    STALE = "stale"
    SERVES = "serves"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the query decided about one instance: status and weight after overrides, and the port asked for.

    `matches` says whether it is what was asked for, whatever its status. `step` is why its region was looked in.
    """

    instance: Instance
    region: str
    returned: bool
    reason: Reason
    explanation: str
    status: Status
    weight: int
    port: int
    rank: int | None = None
    override: Override | None = None
    matches: bool = True
    step: str = ""

    @property
    def endpoint(self) -> str:
        """Where it is reached: see `Instance.endpoint`."""
        return endpoint(self.instance.host, self.port)

    @property
    def serves(self) -> bool:
        """Whether it may take traffic and is what was asked for."""
        return self.matches and self.weight > 0 and self.status in SERVING
