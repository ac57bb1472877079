"""An override: an operator's word over the reported status or weight, with a reason, an author and, best, an expiry."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

import msgspec

from catalog.errors import Invalid
from catalog.records import names
from catalog.records.instance import DEFAULT_NAMESPACE, Instance
from catalog.records.record import Record
from catalog.records.status import SERVING, Status


class Scope(StrEnum):
    """What an override speaks about."""

    INSTANCE = "instance"
    SERVICE = "service"
    ZONE = "zone"
    TAG = "tag"
    REGION = "region"


class Terms(NamedTuple):
    """Which fields name the subject of a scope, which may narrow it, and how precise it is.

    A service narrows the scope to one; a target says in which region it lies, when not in the author's own. The more
    precise an override, the more it counts; among equals the latest.
    """

    needs: tuple[str, ...]
    may: tuple[str, ...]
    precision: int


SCOPES: Mapping[Scope, Terms] = {
    Scope.INSTANCE: Terms(("service", "instance"), ("target",), 3),
    Scope.TAG: Terms(("tag",), ("service", "target"), 2),
    Scope.SERVICE: Terms(("service",), ("target",), 1),
    Scope.ZONE: Terms(("zone",), ("service", "target"), 0),
    Scope.REGION: Terms(("target",), (), -1),
}


class Override(Record, frozen=True, kw_only=True, tag="override"):
    """`status` or `weight` (0 drains), or both, for every instance in scope. Without `expires_at` it stays.

    `region` is where the operator is, and whose log holds it. With a `target` other than that it is a *local opinion*:
    it speaks about the target's instances, and counts for lookups in `region` alone. Scope `region` speaks of
    everything in the target, whatever its namespace.
    """

    id: str
    region: str
    scope: Scope
    reason: str
    author: str
    created_at: float
    namespace: str = DEFAULT_NAMESPACE
    service: str = ""
    instance: str = ""
    zone: str = ""
    tag: str = ""
    target: str = ""
    status: Status | None = None
    weight: int | None = None
    expires_at: float | None = None

    @property
    def key(self) -> str:
        """The record's key in the log."""
        return override_key(self.id)

    @property
    def about(self) -> str:
        """The region whose instances it speaks about."""
        return self.target or self.region

    @property
    def is_opinion(self) -> bool:
        """Whether it is about another region, and so counts only at home."""
        return self.about != self.region

    def is_live(self, now: float) -> bool:
        """Whether it still counts at `now`."""
        return self.expires_at is None or now < self.expires_at

    def speaks_of(self, namespace: str, service: str) -> bool:
        """Whether it may concern instances of that service in the region that it is about."""
        return self.scope is Scope.REGION or (self.namespace == namespace and self.service in ("", service))

    def covers(self, instance: Instance) -> bool:
        """Whether the instance is in its scope."""
        return (
            self.about == instance.region
            and self.speaks_of(instance.namespace, instance.service)
            and (not self.instance or self.instance == instance.id)
            and (not self.zone or self.zone == instance.zone)
            and (not self.tag or self.tag in instance.tags)
        )


class Effective(msgspec.Struct, frozen=True, gc=False):
    """An instance's status and weight after overrides, and which of them decides each."""

    status: Status
    weight: int
    by_status: Override | None = None
    by_weight: Override | None = None

    @property
    def override(self) -> Override | None:
        """The one to name when only one can be: the status matters more."""
        return self.by_status or self.by_weight

    @property
    def serves(self) -> bool:
        """Whether it may take traffic."""
        return self.weight > 0 and self.status in SERVING


def override_key(id: str) -> str:
    """The key of an override's record."""
    return f"override/{id}"


def validated(override: Override) -> Override:
    """The same override, its names folded, when it keeps every rule; raises Invalid naming the field that does not."""
    _validate_scope(override)
    if override.status is None and override.weight is None:
        raise Invalid("an override needs a status or a weight", field="status")
    if override.status == Status.UNKNOWN:
        raise Invalid("an override says passing, warning or critical", field="status")
    if override.weight is not None:
        names.weight(override.weight, least=0)
    names.reason(override.reason)
    if override.expires_at is not None and override.expires_at <= override.created_at:
        raise Invalid("must lie in the future", field="expires_at")
    return msgspec.structs.replace(
        override,
        namespace=names.label(override.namespace, field="namespace"),
        service=names.label(override.service, field="service") if override.service else "",
        target=names.label(override.target, field="target") if override.target else "",
    )


def _validate_scope(override: Override) -> None:
    terms = SCOPES[override.scope]
    for field in ("service", "instance", "zone", "tag", "target"):
        given = getattr(override, field)
        if field in terms.needs and not given:
            raise Invalid(f"an override of scope {override.scope} needs it", field=field)
        if given and field not in terms.needs + terms.may:
            raise Invalid(f"an override of scope {override.scope} has no {field}", field=field)
    if override.scope is Scope.REGION and override.namespace != DEFAULT_NAMESPACE:
        raise Invalid("an override of a whole region speaks about every namespace", field="namespace")


def effective(overrides: Iterable[Override], instance: Instance, reported: Status, now: float) -> Effective:
    """What counts of an instance whose status without overrides is `reported`."""
    by_status, by_weight = ruling(overrides, instance, now)
    return Effective(
        status=by_status.status if by_status and by_status.status else reported,
        weight=by_weight.weight if by_weight and by_weight.weight is not None else instance.weight,
        by_status=by_status,
        by_weight=by_weight,
    )


def ruling(overrides: Iterable[Override], instance: Instance, now: float) -> tuple[Override | None, Override | None]:
    """The override that decides the instance's status, and the one that decides its weight.

    An opinion of the region that asks counts before the overrides of the instance's own region: each region decides
    where its lookups go.
    """
    live = [override for override in overrides if override.is_live(now) and override.covers(instance)]
    if not live:
        return None, None
    live.sort(key=_rank, reverse=True)
    status = next((override for override in live if override.status is not None), None)
    weight = next((override for override in live if override.weight is not None), None)
    return status, weight


def _rank(override: Override) -> tuple[bool, int, float, str]:
    return override.is_opinion, SCOPES[override.scope].precision, override.created_at, override.id
