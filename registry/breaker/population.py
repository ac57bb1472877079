"""Population: how many instances a region, a zone or a service has, for the breaker to measure losses against."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db import connection
from django.db.models import Count

from catalog.breaker import Base, Kind, Loss, Target, targets_of
from catalog.change import decode_record
from catalog.records.instance import Instance
from catalog.records.status import SERVING, Status
from registry.models import InstanceRow
from registry.tables.records import read_records

# Which instances each kind of cause can take anything away from. A probe that fails an instance which was never
# seen well takes no known capacity away: a release that starts up slowly is not a broken network.
COUNTED: Mapping[Kind, frozenset[Status]] = {
    Kind.EXPIRY: SERVING,
    Kind.PROBE: frozenset({Status.PASSING, Status.WARNING}),
    Kind.REMOVAL: frozenset(Status),
}


def instances_of(region: str, keys: Iterable[str]) -> dict[str, Instance]:
    """The instances of these keys that are registered."""
    wanted = list(dict.fromkeys(keys))
    found: dict[str, Instance] = {}
    for key, _, text in read_records(connection, region, wanted):
        record = decode_record(text)
        if isinstance(record, Instance):
            found[key] = record
    return found


def is_loss(kind: Kind, instance: Instance) -> bool:
    """Whether taking this instance away is a loss."""
    return instance.status in COUNTED[kind]


def bases(region: str, kind: Kind, targets: Collection[Target], earlier: Sequence[Loss]) -> dict[Target, Base]:
    """What losses in these targets are measured against.

    An earlier loss that has come back since is none.
    """
    there = instances_of(region, [loss.key for loss in earlier])
    gone = [loss for loss in earlier if loss.key not in there or not is_loss(kind, there[loss.key])]
    lost = Counter(target for loss in gone for target in loss.targets)
    left = _counted(region, COUNTED[kind])
    return {target: Base(left[target] + lost[target], lost[target]) for target in targets}


def _counted(region: str, statuses: frozenset[Status]) -> Counter[Target]:
    rows = (
        InstanceRow.objects.filter(region=region, status__in=sorted(statuses))
        .values_list("namespace", "service", "zone")
        .annotate(number=Count("id"))
        .order_by()
    )
    counts = Counter[Target]()
    for namespace, service, zone, number in rows:
        for target in targets_of(region=region, zone=zone, namespace=namespace, service=service):
            counts[target] += number
    return counts
