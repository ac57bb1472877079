"""The audit of a mirror: does it equal its region's catalog, and if not, where do they differ?

Every change is verified as it is written: the digest that it carries is compared with the one computed here. That
cannot find a row that was damaged later, so the whole mirror is recomputed from its records periodically.
"""

import json

from django.db.models import F

from catalog.errors import CatalogError
from federation.client import Client
from federation.models import MirrorState
from registry.log import mirror
from registry.log.mirror import Sums

MOST_NAMED = 50


def add_up(region: str) -> Sums | None:
    """The mirror's digests, recomputed from its rows. Raises Unavailable."""
    return mirror.sums(region)


def is_sound(sums: Sums | None) -> bool:
    """Whether the records add up to the digest that the mirror claims."""
    return sums is None or sums.digest == sums.head.digest


async def differing(region: str, ours: Sums | None, client: Client) -> tuple[str, ...]:
    """The services whose records differ from the region's own; nothing when it cannot be asked.

    The region may have moved on meanwhile: a service that changed in between is named too.
    """
    try:
        theirs = await client.digests(region)
    except CatalogError:
        return ()
    mine = ours.services if ours else {}
    names = sorted(name for name in mine.keys() | theirs.services.keys() if mine.get(name) != theirs.services.get(name))
    return tuple(names[:MOST_NAMED])


def kept_state(region: str) -> MirrorState:
    """The stored state of a mirror; an empty one when there is none."""
    return MirrorState.objects.filter(region=region).first() or MirrorState(region=region)


def count(region: str) -> int:
    """How many instances the mirror has."""
    return next((kept.instances for kept in mirror.heads() if kept.region == region), 0)


def note_divergence(region: str, services: tuple[str, ...], *, now: float) -> None:
    """Count a divergence and store which services differed."""
    MirrorState.objects.get_or_create(region=region)
    MirrorState.objects.filter(region=region).update(
        divergences=F("divergences") + 1, diverged=json.dumps(services), diverged_at=now
    )


def note_state(region: str, *, heard_at: float | None, verified_at: float | None, resets: int, relays: int) -> None:
    """Store what must outlast the process and Valkey. `resets` and `relays` are those since the last time."""
    MirrorState.objects.get_or_create(region=region)
    values = {"heard_at": heard_at, "verified_at": verified_at}
    MirrorState.objects.filter(region=region).update(
        resets=F("resets") + resets, relays=F("relays") + relays,
        **{name: value for name, value in values.items() if value is not None},
    )  # fmt: skip
