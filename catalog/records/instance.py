"""An instance: one running copy of a service, and everything the catalog knows about it.

The record is whole and frozen. It is what a change carries, what the log stores, what other regions mirror and what
the view holds, always in the same encoding.
"""

import msgspec

from catalog.records.check import Check, Verdict
from catalog.records.lease import Lease
from catalog.records.record import Record
from catalog.records.status import Status, worst

DEFAULT_NAMESPACE = "default"


class Instance(Record, frozen=True, kw_only=True, tag="instance"):
    """One instance of a service in one region. Times are seconds since the epoch, lengths seconds.

    `epoch` counts registrations of this id, removed ones included: a write that carries an older epoch than a
    tombstone's loses against it. `status` is always `health(self)`; it is stored so that no reader computes it.
    """

    region: str
    service: str
    id: str
    host: str
    port: int
    namespace: str = DEFAULT_NAMESPACE
    ports: dict[str, int] = {}
    zone: str = ""
    version: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    weight: int = 1
    owner: str = ""
    lease: Lease | None = None
    lease_expired: bool = False
    checks: tuple[Check, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    status: Status = Status.PASSING
    since: float = 0.0  # when `status` became what it is
    critical_since: float | None = None
    recovered_at: float = 0.0  # when it last came back, from critical or from having been removed
    deregister_critical_after: float | None = None
    registered_at: float = 0.0
    epoch: int = 1

    @property
    def key(self) -> str:
        """The record's key in the log."""
        return instance_key(self.namespace, self.service, self.id)

    @property
    def endpoint(self) -> str:
        """`host:port`, with brackets around an IPv6 address; the host alone when there is no port."""
        return endpoint(self.host, self.port)


def endpoint(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address; the host alone when `port` is 0."""
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def instance_key(namespace: str, service: str, id: str) -> str:
    """The key of an instance's record: `instance/<namespace>/<service>/<id>`."""
    return f"instance/{namespace}/{service}/{id}"


def health(instance: Instance) -> Status:
    """The worst of the lease and the checks."""
    if instance.lease_expired:
        return Status.CRITICAL
    return worst(verdict.status for verdict in instance.verdicts) if instance.verdicts else Status.PASSING


def settled(instance: Instance, now: float) -> Instance:
    """The record with its status, and since when it is so, in step with its verdicts and its lease at `now`."""
    status = health(instance)
    if status is instance.status and (status is Status.CRITICAL) == (instance.critical_since is not None):
        return instance
    since = instance.since if status is instance.status and instance.since else now
    critical_since = (instance.critical_since or now) if status is Status.CRITICAL else None
    # An instance that was critical from the start has not come back from anything: it has started.
    since_critical = instance.critical_since
    came_back = since_critical is not None and since_critical > instance.registered_at and critical_since is None
    return msgspec.structs.replace(
        instance,
        status=status,
        since=since,
        critical_since=critical_since,
        recovered_at=now if came_back else instance.recovered_at,
    )


def with_verdict(instance: Instance, verdict: Verdict, now: float) -> Instance:
    """The record after one check changed its mind. The instance is returned unchanged when it has no such check."""
    verdicts = tuple(verdict if old.check == verdict.check else old for old in instance.verdicts)
    return settled(msgspec.structs.replace(instance, verdicts=verdicts), now)


def with_lease(instance: Instance, *, expired: bool, now: float) -> Instance:
    """The record after its lease expired, or was renewed after all."""
    return settled(msgspec.structs.replace(instance, lease_expired=expired), now)


# A zero that is not the very object of the fields' default: msgspec leaves out a field that is, and the digests that
# other regions have computed, and those in the tables, are of encodings with these zeros in them.
ZERO = float("0")


def without_volatile(instance: Instance) -> Instance:
    """The record without what explains its state but is no part of it: checks' outputs, times of transitions."""
    return msgspec.structs.replace(
        instance,
        verdicts=tuple(msgspec.structs.replace(verdict, output="", since=ZERO) for verdict in instance.verdicts),
        since=ZERO,
        critical_since=None,
        recovered_at=ZERO,
        registered_at=ZERO,
    )


def removal_due(instance: Instance, *, observed_since: float = 0.0) -> float | None:
    """When a critical instance is deregistered, if it does not recover; None when it is never.

    Only time in which the registry observed its region counts: `observed_since` is when it began to.
    """
    if instance.critical_since is None or instance.deregister_critical_after is None:
        return None
    return max(instance.critical_since, observed_since) + instance.deregister_critical_after
